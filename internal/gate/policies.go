package gate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// policies keeps the published versions parsed and compiled until the store says that there are others. The store
// says so with every read of facts, so a version that was published holds from the very next decision.
type policies struct {
	store Store

	mu     sync.Mutex
	loaded *snapshot
}

// at returns the versions that were published at a revision, or later ones.
func (p *policies) at(ctx context.Context, revision int64) (*snapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loaded != nil && p.loaded.revision == revision {
		return p.loaded, nil
	}
	// Under the lock: one caller loads, and the others want nothing older. What is read may be newer than the revision;
	// then the next caller loads again.
	published, err := p.store.Policies(ctx)
	if err != nil {
		return nil, fmt.Errorf("gate: policies: %w", err)
	}
	loaded, err := newSnapshot(revision, published)
	if err != nil {
		return nil, err
	}
	p.loaded = loaded
	return loaded, nil
}

// declaring is at for an action, ErrUnknownAction if no version declares it.
func (p *policies) declaring(ctx context.Context, revision int64, action string) (*snapshot, error) {
	s, err := p.at(ctx, revision)
	if err == nil && !s.actions[action] {
		err = ErrUnknownAction
	}
	return s, err
}

// snapshot is every published version at one revision. It never changes.
type snapshot struct {
	revision int64
	versions []version
	actions  map[string]bool // declared by any version, in force or not yet
	epochs   []epoch         // ascending
}

type version struct {
	store.PublishedPolicy
	parsed *policy.Policy
}

// epoch is the time from one activation to the next.
type epoch struct {
	from  time.Time
	force *force
	err   error
}

// force is the policies in force together.
type force struct {
	set    *policy.Set
	zone   *time.Location // of the first policy by name, nil if there is none
	byRule map[string]*policy.Policy
}

func newSnapshot(revision int64, published []store.PublishedPolicy) (*snapshot, error) {
	s := &snapshot{revision: revision, actions: map[string]bool{}}
	for _, p := range published {
		parsed, err := policyfile.Parse(p.Text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s version %d does not parse", ErrPolicies, p.Name, p.Version)
		}
		if parsed.Name != p.Name || parsed.Version != p.Version {
			return nil, fmt.Errorf("%w: %s version %d is another policy inside", ErrPolicies, p.Name, p.Version)
		}
		s.versions = append(s.versions, version{p, parsed})
		for _, a := range parsed.Actions {
			s.actions[a] = true
		}
	}
	for _, v := range s.versions {
		if !slices.ContainsFunc(s.epochs, func(e epoch) bool { return e.from.Equal(v.EffectiveFrom) }) {
			s.epochs = append(s.epochs, epoch{from: v.EffectiveFrom})
		}
	}
	slices.SortFunc(s.epochs, func(a, b epoch) int { return a.from.Compare(b.from) })
	for i := range s.epochs {
		e := &s.epochs[i]
		e.force, e.err = compile(s.effective(e.from, nil))
	}
	return s, nil
}

// inForce returns what was in force at the instant: by all that is known now, or by what was recorded by then. An
// action that is declared only by a version that is not in force yet is decided as if by no rule, which is so.
func (s *snapshot) inForce(at time.Time, basis store.Basis) (*force, error) {
	if basis == store.Did {
		return compile(s.effective(at, &at))
	}
	for i := len(s.epochs) - 1; i >= 0; i-- {
		if e := &s.epochs[i]; !at.Before(e.from) {
			return e.force, e.err
		}
	}
	return &force{}, nil
}

// effective returns the highest version of each name that is effective at the instant and, where recordedBy is
// given, was recorded by then.
func (s *snapshot) effective(at time.Time, recordedBy *time.Time) []*policy.Policy {
	newest := map[string]*policy.Policy{}
	for _, v := range s.versions {
		if at.Before(v.EffectiveFrom) || recordedBy != nil && recordedBy.Before(v.RecordedAt) {
			continue
		}
		if p := newest[v.Name]; p == nil || p.Version < v.Version {
			newest[v.Name] = v.parsed
		}
	}
	chosen := make([]*policy.Policy, 0, len(newest))
	for _, p := range newest {
		chosen = append(chosen, p)
	}
	return chosen
}

func compile(chosen []*policy.Policy) (*force, error) {
	if len(chosen) == 0 {
		return &force{}, nil
	}
	set, err := policy.NewSet(chosen...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicies, err)
	}
	f := &force{set: set, byRule: map[string]*policy.Policy{}}
	for i, p := range set.Policies() {
		if i == 0 {
			f.zone = p.Zone
		}
		for _, r := range p.Rules {
			f.byRule[r.ID] = p
		}
	}
	return f, nil
}
