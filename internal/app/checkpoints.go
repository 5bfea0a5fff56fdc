package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"github.com/verigate/verigate/internal/audit"
)

// checkpoint signs once a day where the logs end. It goes to the program's log too, which is kept elsewhere: a copy that
// nobody who can write to the database can take back.
func (a *App) checkpoint(ctx context.Context) error {
	c, taken, err := audit.New(a.store, a.gate, a.clock.Now).Daily(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("no checkpoint of the logs could be taken; it is tried again within the hour", "error", err)
	case taken:
		a.log.Info("checkpoint of the logs", "number", c.Number, "at", c.At, "entries", c.Entries, "hash", hex.EncodeToString(c.Hash),
			"position", c.Position, "accounts", c.Accounts, "digest", hex.EncodeToString(c.Digest), "key_id", c.KeyID,
			"signature", base64.RawURLEncoding.EncodeToString(c.Signature))
	}
	return err
}
