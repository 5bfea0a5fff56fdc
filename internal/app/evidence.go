package app

import (
	"context"

	"github.com/verigate/verigate/internal/evidence"
)

// evidenceRules are the operator's choices for verifications without a face.
func (a *App) evidenceRules() evidence.Rules {
	c := a.config.Evidence
	return evidence.Rules{Needs: append([]string{}, c.Needs...), Keep: c.KeepAfterDecision}
}

// tidyEvidence deletes evidence whose time is over, and what crashes left behind.
func (a *App) tidyEvidence(ctx context.Context) error {
	cabinet, err := evidence.New(evidence.Config{Store: a.store, Vault: a.vault, Now: a.clock.Now, Logger: a.log, Rules: a.evidenceRules()})
	deleted := 0
	if err == nil {
		deleted, err = cabinet.Tidy(ctx)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("evidence could not be deleted; it is tried again", "error", err)
	case deleted > 0:
		a.log.Info("evidence was deleted", "count", deleted)
	}
	return err
}
