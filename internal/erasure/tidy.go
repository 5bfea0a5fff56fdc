package erasure

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// atATime is how many erasures are looked up at once.
const atATime = 100

// rule is one rule of retention.
type rule struct {
	name  store.RetentionRule
	keep  time.Duration
	kinds []vault.Kind
}

func (t Terms) rules() []rule {
	return []rule{
		{store.RetentionClosed, t.Closed, []vault.Kind{vault.KindSubject, vault.KindEvidence, vault.KindContact, vault.KindNote, vault.KindText}},
		{store.RetentionConsents, t.Consents, []vault.Kind{vault.KindConsent}},
	}
}

// Tidy finishes what was left undone and erases what is due by the rules. It returns how many erasures it completed. What
// fails it leaves for the next time, and goes on with the next.
func (e *Eraser) Tidy(ctx context.Context) (completed int, err error) {
	open, err := e.cfg.Store.OpenErasures(ctx, atATime)
	if err != nil {
		return 0, err
	}
	for _, x := range open {
		if _, err := e.finish(ctx, x); err != nil {
			e.cfg.Logger.WarnContext(ctx, "an erasure is finished later", "erasure_id", x.ID, "error", err)
			continue
		}
		completed++
	}
	for _, r := range e.cfg.Terms.rules() {
		n, err := e.apply(ctx, r)
		completed += n
		if err != nil {
			return completed, err
		}
	}
	return completed, nil
}

func (e *Eraser) due(ctx context.Context, r rule, limit int) ([]string, error) {
	before := e.cfg.Now().Add(-r.keep)
	accounts, err := e.cfg.Store.DueErasures(ctx, r.name, names(r.kinds), before, limit)
	if err != nil || r.name != store.RetentionConsents || len(accounts) == limit {
		return accounts, err
	}
	// Consents of a closed account count from its closing, whether or not they were ended.
	closed, err := e.cfg.Store.DueErasures(ctx, store.RetentionClosed, names(r.kinds), before, limit)
	return append(accounts, closed...), err
}

func (e *Eraser) apply(ctx context.Context, r rule) (completed int, err error) {
	for r.keep > 0 {
		accounts, err := e.due(ctx, r, atATime)
		if err != nil {
			return completed, err
		}
		progress := 0
		for _, account := range accounts {
			x, err := e.Request(ctx, Request{
				ID: strings.ToLower(rand.Text()), AccountID: account, Kinds: r.kinds, Reason: "retention", rule: r.name,
				Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "retention"},
			})
			if err != nil {
				return completed, err
			}
			if !x.CompletedAt.IsZero() {
				progress++
			}
		}
		completed += progress
		if progress < atATime { // the last page, or one that waits for something: the next hour goes on
			return completed, nil
		}
	}
	return completed, nil
}
