package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Erasure is the deletion of personal data of one account: asked for by somebody, or due by a rule. While it is not
// completed the vault takes nothing of these kinds for the account.
type Erasure struct {
	ID          string
	AccountID   string
	Kinds       []string // of the vault
	Reason      string   // a code
	Rule        string   // the rule by which it was due; empty if it was asked for
	Actor       lifecycle.Actor
	RequestedAt time.Time

	Held        []ErasedHolding // what there was to destroy; nil until that was looked up
	CompletedAt time.Time       // zero while it goes on
	KeyID       string          // of the receipt's signature
	Signature   []byte
}

// ErasedHolding is what an erasure destroyed under one data key.
type ErasedHolding struct {
	Kind    string `json:"kind"`
	KeyID   string `json:"key_id,omitempty"` // empty for records from before there were data keys
	Records int    `json:"records"`
}

// RetentionRule names a rule by which personal data is due to be erased.
type RetentionRule string

const (
	// RetentionClosed: the account was closed long ago.
	RetentionClosed RetentionRule = "account_closed"
	// RetentionConsents: the last consent ended, or the account was closed, long ago.
	RetentionConsents RetentionRule = "consents_ended"
)

// Erasures keeps erasures and their receipts for good: they name no person.
type Erasures interface {
	// RequestErasure writes an erasure. The same id again writes nothing and returns it as it stands. ErrNotFound if the
	// account is not registered.
	RequestErasure(ctx context.Context, e Erasure) (Erasure, error)
	// Erasure returns one, ErrNotFound if there is none.
	Erasure(ctx context.Context, id string) (Erasure, error)
	// ErasuresOf returns an account's, newest first, up to 500.
	ErasuresOf(ctx context.Context, accountID string) ([]Erasure, error)
	// OpenErasures returns up to limit (1 to 1000) that are not completed, oldest first.
	OpenErasures(ctx context.Context, limit int) ([]Erasure, error)
	// HoldErasure says what there is to destroy, if that was not said before, and returns the erasure as it stands.
	HoldErasure(ctx context.Context, id string, held []ErasedHolding) (Erasure, error)
	// CompleteErasure completes it and keeps its signature. The first completion stays.
	CompleteErasure(ctx context.Context, id string, at time.Time, keyID string, signature []byte) (Erasure, error)
	// DueErasures returns up to limit (1 to 1000) accounts of which something is held that a rule wants erased: what it
	// counts from lies before an instant, and the kinds are those of the rule.
	DueErasures(ctx context.Context, rule RetentionRule, kinds []string, before time.Time, limit int) ([]string, error)
}
