package store

import (
	"context"
	"encoding/json"
	"time"
)

// AuditEntry is one act of somebody of the operator, or of a program with a key that may act as one: who, when, what,
// on what, why, and what it changed. The log of an account says what happened to the account; this one says what
// people did, also where no account was touched (a sign-in, a look at a number, a policy, a key).
type AuditEntry struct {
	ID        int64 // 1, 2, 3 …, without a gap; assigned by the store
	At        time.Time
	Actor     string // id of the person or key; empty for a sign-in that failed
	Role      string // role of a person, empty for a key
	Action    string // id of the API's operation, or sign_in, sign_out, sign_in_failed
	Subject   string // what it was done to: account/a1, policy/name/2, sweep/id, key/id, operator/id
	Reason    string // given by the actor; never personal data
	Outcome   string // ok, or the code of the problem that refused it
	Before    json.RawMessage
	After     json.RawMessage
	RequestID string
	Address   string // of the caller
}

// Audit is the log of what people did: append-only, each entry chained to the one before by a hash.
type Audit interface {
	// AppendAudit writes an entry and returns it with its ID.
	AppendAudit(ctx context.Context, e AuditEntry) (AuditEntry, error)
}
