package store

import (
	"context"
	"errors"
	"time"
)

// ErrFull means that there is as much of something as may be.
var ErrFull = errors.New("store: full")

// Evidence is one piece of what a merchant gives for a verification without a face: that it is there, and not what it
// shows. That lies in the vault, under Ref.
type Evidence struct {
	ID        string
	AccountID string

	// Once it is deleted nothing is left of these but their zero values.
	Kind          string
	MediaType     string
	Ref           string
	Digest        string // sha256 of what was sealed, in hex
	Bytes         int
	Width, Height int    // of a picture, in pixels
	UploadedBy    string // id of the key or link

	UploadedAt  time.Time
	DecidedAt   time.Time // when the review that it was given for ended; zero while that goes on
	DeleteAfter time.Time // zero while no decision was made and nobody took it back
	DeletedAt   time.Time // when it was gone from the vault; zero while it is there
}

// Current reports whether the evidence is part of a review that goes on.
func (e Evidence) Current() bool {
	return e.DecidedAt.IsZero() && e.DeleteAfter.IsZero() && e.DeletedAt.IsZero()
}

// StrayEvidence is a record of the vault that no row tells of.
type StrayEvidence struct{ AccountID, Ref string }

// Evidences files evidence. An account has current evidence only while it is in the manual review: the log entry that
// ends the review sets DecidedAt of all of it, in the transaction that writes the entry.
type Evidences interface {
	// PutEvidence files a piece and returns it. Of a kind there may be so many current ones (most): if that is one, the
	// piece takes its place, which is then returned as replaced and due for deletion; otherwise ErrFull. A current piece
	// of the same kind and digest is returned instead of being filed twice. A *lifecycle.Refusal if the account is
	// closed or in no manual review, ErrNotFound if it is not registered.
	PutEvidence(ctx context.Context, e Evidence, most int) (filed Evidence, replaced []Evidence, err error)
	// Evidence returns a piece, also a deleted one. ErrNotFound if the account has none of this id.
	Evidence(ctx context.Context, accountID, id string) (Evidence, error)
	// EvidenceOf returns what is not deleted, oldest first.
	EvidenceOf(ctx context.Context, accountID string) ([]Evidence, error)
	// TakeBackEvidence makes a current piece due for deletion at an instant. ErrNotFound if there is no current one of
	// this id.
	TakeBackEvidence(ctx context.Context, accountID, id string, at time.Time) (Evidence, error)
	// ForgetEvidence says that a piece is gone from the vault, and forgets what it was. The first instant stays.
	ForgetEvidence(ctx context.Context, accountID, id string, at time.Time) error
	// DateEvidence sets DeleteAfter of decided evidence to so long after the decision, where it is not set.
	DateEvidence(ctx context.Context, keep time.Duration) (int, error)
	// DueEvidence returns what has to be deleted by now, up to limit (1 to 1000) pieces: those whose DeleteAfter has
	// come, and those of accounts that have been closed for as long as keep without a decision.
	DueEvidence(ctx context.Context, now time.Time, keep time.Duration, limit int) ([]Evidence, error)
	// StrayEvidence returns up to limit (1 to 1000) records of evidence that were put into the vault before an instant
	// and that no row tells of: whoever put them there died before he could file them.
	StrayEvidence(ctx context.Context, before time.Time, limit int) ([]StrayEvidence, error)
}
