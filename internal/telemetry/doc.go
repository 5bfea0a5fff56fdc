// Package telemetry is how the program speaks of itself: structured log lines, and one line a request.
//
// Nothing personal is logged by design: types of names and numbers print redacted, requests are logged by their route
// and never by path, query or body. The handler of this package is the second line of defence: it hides values whose
// key says that they are secret, and whatever looks like an identity number or an API key.
package telemetry
