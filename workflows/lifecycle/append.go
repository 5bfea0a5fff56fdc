package lifecycle

import "slices"

// AnyHead as an Append's Head accepts whatever the head is; for changes that do not depend on the state.
const AnyHead int64 = -1

// Append is one write to an account's log: all of its changes, or none.
type Append struct {
	AccountID string   `json:"account_id"`
	ChangeID  string   `json:"change_id"`      // the same id again is the same write and succeeds with its first result
	Head      int64    `json:"head"`           // the head the changes were decided on, or AnyHead
	Known     int64    `json:"known"`          // the head the caller has folded; the answer's Log begins after it
	Changes   []Change `json:"changes"`        // drafts: account, seq, from and to are stamped by the store
	Seen      *Seen    `json:"seen,omitempty"` // what must still be so when it is written; nil: nothing but the head
}

// Seen is what an approval on the manual route was made on and the log does not know. The store judges it in the
// transaction that writes: between a look and an answer the merchant may have exchanged a picture.
type Seen struct {
	Evidence []string `json:"evidence"`           // ids of all evidence that is current, in any order
	FirstBy  string   `json:"first_by,omitempty"` // who gave the first of two approvals; empty: no first one is needed
}

// CheckSeen returns a *Refusal with CodeEvidenceChanged unless evidence and first approval are what was seen.
func (v Verification) CheckSeen(seen Seen, evidence []string, firstBy string) error {
	there := slices.Sorted(slices.Values(evidence))
	if !slices.Equal(slices.Compact(slices.Sorted(slices.Values(seen.Evidence))), there) || seen.FirstBy != "" && seen.FirstBy != firstBy {
		return v.refuse(CodeEvidenceChanged)
	}
	return nil
}

// AppendOutcome says what became of an Append.
type AppendOutcome string

const (
	Appended  AppendOutcome = "appended"
	Duplicate AppendOutcome = "duplicate"  // ChangeID was written before; nothing was written now
	HeadMoved AppendOutcome = "head_moved" // somebody else wrote after Head; nothing was written
)

// AppendResult is the answer to an Append.
type AppendResult struct {
	Outcome AppendOutcome `json:"outcome"`
	Written []Change      `json:"written,omitempty"` // the entries of ChangeID, now or the first time; empty when HeadMoved
	Log     []Change      `json:"log,omitempty"`     // every entry after Known, oldest first
}
