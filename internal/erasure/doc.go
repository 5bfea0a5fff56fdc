// Package erasure deletes personal data of an account for good: on request, or when a rule says that its time is over. It
// leaves a signed receipt of what was destroyed, and nothing to read, also not in copies of the database from before.
package erasure
