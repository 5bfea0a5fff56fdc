package evidence

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/store"
)

const (
	// atATime is how many pieces are looked up for deletion at once.
	atATime = 100
	// strayAfter is how old a record of the vault is before it is asked for its row. A piece is filed within seconds of
	// its sealing.
	strayAfter = 24 * time.Hour
	// patience is how long a deletion that nobody waits for may take.
	patience = 10 * time.Second
)

// Tidy deletes what has to be deleted by now, whatever was left undone before, and returns how many pieces that were.
// What fails it leaves for the next time.
func (c *Cabinet) Tidy(ctx context.Context) (int, error) {
	if _, err := c.cfg.Store.DateEvidence(ctx, c.cfg.Rules.Keep); err != nil {
		return 0, err
	}
	deleted := 0
	for {
		due, err := c.cfg.Store.DueEvidence(ctx, c.cfg.Now(), c.cfg.Rules.Keep, atATime)
		if err != nil {
			return deleted, err
		}
		for _, e := range due {
			if err := c.destroy(ctx, e); err != nil {
				return deleted, err
			}
			deleted++
		}
		if len(due) < atATime {
			break
		}
	}
	strays, err := c.strays(ctx)
	return deleted + strays, err
}

// strays deletes records of the vault that were never filed.
func (c *Cabinet) strays(ctx context.Context) (int, error) {
	deleted := 0
	for {
		page, err := c.cfg.Store.StrayEvidence(ctx, c.cfg.Now().Add(-strayAfter), atATime)
		if err != nil {
			return deleted, err
		}
		for _, s := range page {
			if err := c.cfg.Vault.Delete(ctx, s.AccountID, s.Ref); err != nil {
				return deleted, err
			}
			deleted++
		}
		if len(page) < atATime {
			return deleted, nil
		}
	}
}

// destroy deletes a piece that is due. The row says so only when nothing is left in the vault: dying in between leaves
// a row that is due, and the next time deletes nothing and says so.
func (c *Cabinet) destroy(ctx context.Context, e store.Evidence) error {
	if err := c.cfg.Vault.Delete(ctx, e.AccountID, e.Ref); err != nil {
		return err
	}
	return c.cfg.Store.ForgetEvidence(ctx, e.AccountID, e.ID, c.cfg.Now())
}

// try destroys a piece whose row is due already, so that a failure need not concern whoever asked.
func (c *Cabinet) try(ctx context.Context, e store.Evidence) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := c.destroy(ctx, e); err != nil {
		c.cfg.Logger.WarnContext(ctx, "evidence is deleted later", "evidence_id", e.ID, "error", err)
	}
}

// withdraw deletes the record of a piece that was not filed.
func (c *Cabinet) withdraw(ctx context.Context, e store.Evidence) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := c.cfg.Vault.Delete(ctx, e.AccountID, e.Ref); err != nil && !errors.Is(err, context.Canceled) {
		c.cfg.Logger.WarnContext(ctx, "stray evidence is deleted later", "evidence_id", e.ID, "error", err)
	}
}
