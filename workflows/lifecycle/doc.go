// Package lifecycle is the state machine of one account's verification: states, events, the transition table,
// the guards (Decide) and the fold of an account's log into what everybody else reads (Verification).
//
// It is pure: no clock, no input or output, no Temporal. The workflow decides with it, the store writes only
// what it can fold, and the projection, the status and the time travel are folds of the same log. It is the
// only importer of looplab/fsm.
package lifecycle

//go:generate go test -run ^TestDocs$ -count=1 . -update
