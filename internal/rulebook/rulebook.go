package rulebook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

var (
	// ErrPolicies means that the published policies cannot be made into one set; an operator has to look.
	ErrPolicies = errors.New("rulebook: published policies cannot be used")
	// ErrUnknownAction means that no policy declares the action, so a typing error can never read as "allowed".
	ErrUnknownAction = errors.New("rulebook: no policy declares the action")
)

// Store is what the book needs of the database.
type Store interface {
	Policies(ctx context.Context) ([]store.PublishedPolicy, error)
	PoliciesRevision(ctx context.Context) (int64, error)
}

// Book keeps the published versions parsed and compiled until the store says that there are others. The store says
// so with every read of facts, so a version that was published holds from the very next decision. It is safe for
// concurrent use.
type Book struct {
	store Store

	mu     sync.Mutex
	loaded *Snapshot
}

// New returns a book over a store.
func New(s Store) *Book { return &Book{store: s} }

// At returns the versions that were published at a revision, or later ones.
func (b *Book) At(ctx context.Context, revision int64) (*Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loaded != nil && b.loaded.revision == revision {
		return b.loaded, nil
	}
	// Under the lock: one caller loads, and the others want nothing older. What is read may be newer than the revision;
	// then the next caller loads again.
	published, err := b.store.Policies(ctx)
	if err != nil {
		return nil, fmt.Errorf("rulebook: policies: %w", err)
	}
	loaded, err := newSnapshot(revision, published)
	if err != nil {
		return nil, err
	}
	b.loaded = loaded
	return loaded, nil
}

// Now returns the versions that are published now.
func (b *Book) Now(ctx context.Context) (*Snapshot, error) {
	revision, err := b.store.PoliciesRevision(ctx)
	if err != nil {
		return nil, fmt.Errorf("rulebook: revision: %w", err)
	}
	return b.At(ctx, revision)
}

// Declaring is At for an action, ErrUnknownAction if no version declares it.
func (b *Book) Declaring(ctx context.Context, revision int64, action string) (*Snapshot, error) {
	s, err := b.At(ctx, revision)
	if err == nil && !s.actions[action] {
		err = ErrUnknownAction
	}
	return s, err
}

// Snapshot is every published version at one revision. It never changes.
type Snapshot struct {
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
	force *Force
	err   error
}

// Force is the policies in force together at an instant. Its nil Set holds no policy.
type Force struct {
	Set    *policy.Set
	Zone   *time.Location            // of the first policy by name, nil if there is none
	ByRule map[string]*policy.Policy // the policy of each rule
}

// Revision is the store's revision that the snapshot was asked for.
func (s *Snapshot) Revision() int64 { return s.revision }

// Actions returns every action that some version declares, in force or not yet, sorted.
func (s *Snapshot) Actions() []string { return slices.Sorted(maps.Keys(s.actions)) }

// Instants returns, ascending and without doubles, when versions come into force.
func (s *Snapshot) Instants() []time.Time {
	instants := make([]time.Time, len(s.epochs))
	for i, e := range s.epochs {
		instants[i] = e.from
	}
	return instants
}

func newSnapshot(revision int64, published []store.PublishedPolicy) (*Snapshot, error) {
	s := &Snapshot{revision: revision, actions: map[string]bool{}}
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

// InForce returns what was in force at the instant: by all that is known now, or by what was recorded by then. An
// action that is declared only by a version that is not in force yet is decided as if by no rule, which is so.
func (s *Snapshot) InForce(at time.Time, basis store.Basis) (*Force, error) {
	if basis == store.Did {
		return compile(s.effective(at, &at))
	}
	for i := len(s.epochs) - 1; i >= 0; i-- {
		if e := &s.epochs[i]; !at.Before(e.from) {
			return e.force, e.err
		}
	}
	return &Force{}, nil
}

// effective returns the highest version of each name that is effective at the instant and, where recordedBy is
// given, was recorded by then.
func (s *Snapshot) effective(at time.Time, recordedBy *time.Time) []*policy.Policy {
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

func compile(chosen []*policy.Policy) (*Force, error) {
	if len(chosen) == 0 {
		return &Force{}, nil
	}
	set, err := policy.NewSet(chosen...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicies, err)
	}
	f := &Force{Set: set, ByRule: map[string]*policy.Policy{}}
	for i, p := range set.Policies() {
		if i == 0 {
			f.Zone = p.Zone
		}
		for _, r := range p.Rules {
			f.ByRule[r.ID] = p
		}
	}
	return f, nil
}
