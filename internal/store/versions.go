package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Closing closes an account from an instant on or, with a zero ClosedAt, opens it again.
type Closing struct {
	AccountID string
	ClosedAt  time.Time
	Actor     lifecycle.Actor
	Reason    string
}

// AccountVersion is one version of an account's facts, with who recorded it and why.
type AccountVersion struct {
	Account
	Actor  lifecycle.Actor
	Reason string
}

// Versions holds an account's facts as they were recorded one after the other.
type Versions interface {
	// CloseAccount records a new version where the closing differs. ErrNotFound if the account is not registered.
	CloseAccount(ctx context.Context, c Closing) (Account, PutResult, error)
	// AccountVersions returns up to limit (1 to 500) versions after one, oldest first. ErrNotFound if the account is not
	// registered.
	AccountVersions(ctx context.Context, id string, after, limit int) ([]AccountVersion, error)
}
