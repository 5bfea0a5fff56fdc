package app

import (
	"context"

	"github.com/verigate/verigate/internal/erasure"
)

// tidyErasures finishes erasures that were left undone, and erases what is due by the terms of retention.
func (a *App) tidyErasures(ctx context.Context) error {
	c := a.config.Retention
	eraser, err := erasure.New(erasure.Config{
		Store: a.store, Vault: a.vault, Engine: a.engine, Seals: a.gate, Now: a.clock.Now, Logger: a.log,
		Terms: erasure.Terms{Closed: c.AfterClosing, Consents: c.Consents},
	})
	completed := 0
	if err == nil {
		completed, err = eraser.Tidy(ctx)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("personal data that is due could not be erased; it is tried again", "error", err)
	case completed > 0:
		a.log.Info("personal data was erased", "accounts", completed)
	}
	return err
}
