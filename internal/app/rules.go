package app

import (
	"context"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// published is what rules need of the store.
type published interface {
	rulebook.Store
	Facts(ctx context.Context, id string) (store.Facts, error)
}

// rules answers what the policies in force grant an account, besides decisions: corrections and reviews. It
// satisfies activities.Rules.
//
// Several policies may be in force. The one with a rule that covers the account counts, the first by name if there
// are several; an account that no rule covers is treated by the first policy by name, and without any policy by the
// cautious zero values (a reviewer decides, only support corrects).
type rules struct {
	store published
	book  *rulebook.Book
}

func newRules(s published) *rules { return &rules{store: s, book: rulebook.New(s)} }

// Correction implements activities.Rules.
func (r *rules) Correction(ctx context.Context, accountID string, at time.Time) (policy.Correction, error) {
	p, err := r.of(ctx, accountID, at)
	if err != nil || p == nil {
		return policy.Correction{}, err
	}
	return p.Correction, nil
}

// Review implements activities.Rules.
func (r *rules) Review(ctx context.Context, accountID string, at time.Time) (policy.Review, error) {
	p, err := r.of(ctx, accountID, at)
	if err != nil || p == nil {
		return policy.Review{}, err
	}
	return p.Review, nil
}

func (r *rules) of(ctx context.Context, accountID string, at time.Time) (*policy.Policy, error) {
	facts, err := r.store.Facts(ctx, accountID)
	if err != nil {
		return nil, err
	}
	snapshot, err := r.book.At(ctx, facts.PoliciesRevision)
	if err != nil {
		return nil, err
	}
	force, err := snapshot.InForce(at, store.Would)
	if err != nil {
		return nil, err
	}
	if p := force.Set.PolicyFor(facts.Account); p != nil {
		return p, nil
	}
	for _, first := range force.Set.Policies() {
		return first, nil
	}
	return nil, nil
}
