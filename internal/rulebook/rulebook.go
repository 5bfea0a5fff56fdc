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
	Brakes(ctx context.Context) ([]store.Brake, error)
	PoliciesRevision(ctx context.Context) (int64, error)
}

// Book keeps the published versions and the brakes parsed and compiled until the store says that there are others. The
// store says so with every read of facts, so what was published or braked holds from the very next decision. It is safe
// for concurrent use.
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
	brakes, err := b.store.Brakes(ctx)
	if err != nil {
		return nil, fmt.Errorf("rulebook: brakes: %w", err)
	}
	loaded, err := newSnapshot(revision, published, brakes)
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

// InForce returns what is in force at an instant by all that is published now.
func (b *Book) InForce(ctx context.Context, at time.Time) (*Force, error) {
	snapshot, err := b.Now(ctx)
	if err != nil {
		return nil, err
	}
	return snapshot.InForce(at, store.Would)
}

// Declaring is At for an action, ErrUnknownAction if no version declares it.
func (b *Book) Declaring(ctx context.Context, revision int64, action string) (*Snapshot, error) {
	s, err := b.At(ctx, revision)
	if err == nil && !s.actions[action] {
		err = ErrUnknownAction
	}
	return s, err
}

// Snapshot is every published version and every brake at one revision. It never changes.
type Snapshot struct {
	revision int64
	versions []version
	brakes   []store.Brake   // oldest first
	recorded time.Time       // when the last of all was
	actions  map[string]bool // declared by any version, in force or not yet
	epochs   []epoch         // ascending
}

type version struct {
	store.PublishedPolicy
	parsed *policy.Policy
}

// epoch is the time from one change of what is in force to the next.
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

	Versions []store.PublishedPolicy // by name
	Braked   map[string]bool         // rules that a brake has set to observe
}

// Revision is the store's revision that the snapshot was asked for.
func (s *Snapshot) Revision() int64 { return s.revision }

// Actions returns every action that some version declares, in force or not yet, sorted.
func (s *Snapshot) Actions() []string { return slices.Sorted(maps.Keys(s.actions)) }

// Recorded returns when the last of it was recorded, zero if it is empty: nobody who knows it acts earlier.
func (s *Snapshot) Recorded() time.Time { return s.recorded }

// Instants returns, ascending and without doubles, when what is in force changes: a version comes into force, a brake is
// put or released.
func (s *Snapshot) Instants() []time.Time {
	instants := make([]time.Time, len(s.epochs))
	for i, e := range s.epochs {
		instants[i] = e.from
	}
	return instants
}

// Boundaries returns, ascending and without doubles, when versions come into force and when phases of published rules
// begin: the instants at which what is blocked may change for many accounts at once.
func (s *Snapshot) Boundaries() []time.Time {
	instants := s.Instants()
	for _, v := range s.versions {
		for _, r := range v.parsed.Rules {
			for _, p := range r.Phases {
				instants = append(instants, p.From)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	return slices.CompactFunc(instants, time.Time.Equal)
}

func newSnapshot(revision int64, published []store.PublishedPolicy, brakes []store.Brake) (*Snapshot, error) {
	s := &Snapshot{revision: revision, brakes: brakes, actions: map[string]bool{}}
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
		s.begin(v.EffectiveFrom)
		s.recorded = later(s.recorded, v.RecordedAt)
	}
	for _, b := range s.brakes {
		s.begin(b.EffectiveAt)
		s.recorded = later(s.recorded, b.RecordedAt)
	}
	slices.SortFunc(s.epochs, func(a, b epoch) int { return a.from.Compare(b.from) })
	for i := range s.epochs {
		e := &s.epochs[i]
		e.force, e.err = s.compile(e.from, nil)
	}
	return s, nil
}

func (s *Snapshot) begin(from time.Time) {
	if !slices.ContainsFunc(s.epochs, func(e epoch) bool { return e.from.Equal(from) }) {
		s.epochs = append(s.epochs, epoch{from: from})
	}
}

// InForce returns what was in force at the instant: by all that is known now, or by what was recorded by then. An
// action that is declared only by a version that is not in force yet is decided as if by no rule, which is so.
func (s *Snapshot) InForce(at time.Time, basis store.Basis) (*Force, error) {
	if basis == store.Did {
		return s.compile(at, &at)
	}
	for i := len(s.epochs) - 1; i >= 0; i-- {
		if e := &s.epochs[i]; !at.Before(e.from) {
			return e.force, e.err
		}
	}
	return &Force{}, nil
}

// effective returns the highest version of each name that is effective at the instant and, where recordedBy is
// given, was recorded by then; by name.
func (s *Snapshot) effective(at time.Time, recordedBy *time.Time) []version {
	newest := map[string]version{}
	for _, v := range s.versions {
		if at.Before(v.EffectiveFrom) || recordedBy != nil && recordedBy.Before(v.RecordedAt) {
			continue
		}
		if known, ok := newest[v.Name]; !ok || known.Version < v.Version {
			newest[v.Name] = v
		}
	}
	chosen := make([]version, 0, len(newest))
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		chosen = append(chosen, newest[name])
	}
	return chosen
}

func (s *Snapshot) compile(at time.Time, recordedBy *time.Time) (*Force, error) {
	chosen := s.effective(at, recordedBy)
	if len(chosen) == 0 {
		return &Force{}, nil
	}
	held := heldAt(s.brakes, at, recordedBy)
	f := &Force{ByRule: map[string]*policy.Policy{}, Braked: map[string]bool{}}
	policies := make([]*policy.Policy, len(chosen))
	for i, v := range chosen {
		policies[i] = held.apply(v.parsed, f.Braked)
		f.Versions = append(f.Versions, v.PublishedPolicy)
	}
	set, err := policy.NewSet(policies...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicies, err)
	}
	f.Set = set
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
