// Package workflows holds the workflow definitions and the typed client for account services.
//
// Verification is an entity workflow: one per account, open while the verification is. Commands are updates.
// The store's log is the truth; the workflow's memory is a fold of it, so a run can be lost, continued or
// started anew at any moment without losing, doubling or overwriting anything. See docs/adr for why.
package workflows
