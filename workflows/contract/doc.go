// Package contract is what crosses Temporal: task queue, workflow, update and query names, workflow ids, inputs,
// results and error types. Account services, workers and the API all speak it; a misspelt queue or a field that
// was renamed would otherwise fail silently.
package contract
