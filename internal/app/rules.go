package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// published is what rules need of the store.
type published interface {
	Facts(ctx context.Context, id string) (store.Facts, error)
	Policies(ctx context.Context) ([]store.PublishedPolicy, error)
	PoliciesRevision(ctx context.Context) (int64, error)
}

// rules answers what the policies in force grant an account, besides decisions: corrections and reviews. It
// satisfies activities.Rules.
//
// Several policies may be in force. The one with a rule that covers the account counts, the first by name if there
// are several; an account that no rule covers is treated by the first policy by name, and without any policy by the
// cautious zero values (a reviewer decides, only support corrects).
type rules struct {
	store published

	mu       sync.Mutex
	revision int64
	versions []activated // of revision
	loaded   bool
}

type activated struct {
	*policy.Policy
	from time.Time
}

func newRules(s published) *rules { return &rules{store: s} }

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
	versions, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	facts, err := r.store.Facts(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return choose(versions, facts.Account, at), nil
}

// choose returns the policy that counts for an account at an instant, nil if none is in force.
func choose(versions []activated, account policy.Account, at time.Time) *policy.Policy {
	inForce := map[string]*policy.Policy{}
	for _, v := range versions {
		if at.Before(v.from) {
			continue
		}
		if p := inForce[v.Name]; p == nil || p.Version < v.Version {
			inForce[v.Name] = v.Policy
		}
	}
	var first, covering *policy.Policy
	for _, p := range inForce {
		if first == nil || p.Name < first.Name {
			first = p
		}
		if covers(p, account) && (covering == nil || p.Name < covering.Name) {
			covering = p
		}
	}
	if covering != nil {
		return covering
	}
	return first
}

func covers(p *policy.Policy, account policy.Account) bool {
	for _, rule := range p.Rules {
		if rule.Cohort.Covers(account) {
			return true
		}
	}
	return false
}

// current returns every published version, parsed once per revision.
func (r *rules) current(ctx context.Context) ([]activated, error) {
	revision, err := r.store.PoliciesRevision(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded && r.revision == revision {
		return r.versions, nil
	}
	texts, err := r.store.Policies(ctx)
	if err != nil {
		return nil, err
	}
	versions := make([]activated, 0, len(texts))
	for _, t := range texts {
		p, err := policyfile.Parse(t.Text)
		if err != nil {
			return nil, fmt.Errorf("app: published policy %s version %d: %w", t.Name, t.Version, err)
		}
		versions = append(versions, activated{p, t.EffectiveFrom})
	}
	r.revision, r.versions, r.loaded = revision, versions, true
	return versions, nil
}
