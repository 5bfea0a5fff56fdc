package rulebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
)

const (
	// Tolerance is how far in the past a proposal's effective_from may lie: the hands of a clock and of a person. What is
	// in force then begins with the approval all the same.
	Tolerance = time.Minute
	// Notice is how long before it comes into force a version can still be withdrawn: later, another process may have
	// decided by it already.
	Notice = 5 * time.Second
)

var (
	// ErrUnknownPolicy means that no version of that policy was approved, or none has that number.
	ErrUnknownPolicy = errors.New("rulebook: no such policy")
	// ErrUnknownRule means that no approved version of the policy has that rule.
	ErrUnknownRule = errors.New("rulebook: no such rule")
	// ErrTaken means that the version is known with another text.
	ErrTaken = errors.New("rulebook: the version has another text")
	// ErrBackdated means that a version was to be in force earlier than now, which would change what the gate has said.
	ErrBackdated = errors.New("rulebook: effective_from lies in the past")
	// ErrSecondApprover means that a key wanted to approve what it proposed itself.
	ErrSecondApprover = errors.New("rulebook: a proposal is approved by another key than its author's")
	// ErrNotBraked means that there is nothing to release.
	ErrNotBraked = errors.New("rulebook: not braked")
)

// NumberError means that a policy's version is not the next one.
type NumberError struct{ Given, Next int }

func (e *NumberError) Error() string {
	return fmt.Sprintf("rulebook: version is %d, and the next one is %d", e.Given, e.Next)
}

// ClashError means that the policies could not be in force together from an instant on.
type ClashError struct {
	At    time.Time
	cause error
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("rulebook: from %s: %v", e.At.Format(time.RFC3339Nano), e.cause)
}

func (e *ClashError) Unwrap() error { return e.cause }

// StateError means that a version's state does not allow what was asked.
type StateError struct{ State State }

func (e *StateError) Error() string { return "rulebook: the version is " + string(e.State) }

// DeskStore is what a Desk needs of the database.
type DeskStore interface {
	Store
	PolicyVersions(ctx context.Context) ([]store.PolicyVersion, error)
	ProposePolicy(ctx context.Context, p store.PublishedPolicy, revision int64) error
	RulePolicy(ctx context.Context, r store.PolicyRuling, revision int64) error
	PutBrake(ctx context.Context, b store.Brake, revision int64) error
}

// Desk is where versions are proposed, ruled on and braked. Every write is decided on all versions at one revision and
// happens at that revision or not at all, so that two people never publish, each for good reason, what cannot be in force
// together. It is safe for concurrent use.
type Desk struct {
	store DeskStore
	book  *Book
	now   func() time.Time
	alone bool
}

// NewDesk returns a desk on the business clock. With alone, a version is in force without a second approver.
func NewDesk(s DeskStore, now func() time.Time, alone bool) *Desk {
	return &Desk{store: s, book: New(s), now: now, alone: alone}
}

// scene is everything that a decision about policies is made on.
type scene struct {
	revision int64
	versions []store.PolicyVersion // by name and number
	now      time.Time
}

func (d *Desk) scene(ctx context.Context) (scene, error) {
	revision, err := d.store.PoliciesRevision(ctx) // first: what is read after it may be newer, and then a write is refused
	if err != nil {
		return scene{}, fmt.Errorf("rulebook: revision: %w", err)
	}
	versions, err := d.store.PolicyVersions(ctx)
	if err != nil {
		return scene{}, fmt.Errorf("rulebook: versions: %w", err)
	}
	return scene{revision, versions, d.now()}, nil
}

// settle decides and writes, again if somebody else wrote in between.
func (d *Desk) settle(ctx context.Context, decide func(scene) error) error {
	const tries = 10
	var err error
	for range tries {
		var s scene
		if s, err = d.scene(ctx); err != nil {
			return err
		}
		if err = decide(s); !errors.Is(err, store.ErrMoved) {
			return err
		}
	}
	return fmt.Errorf("%w: policies change too often: %w", store.ErrUnavailable, err)
}

// find returns a version, ErrUnknownPolicy if there is none.
func (s scene) find(name string, version int) (store.PolicyVersion, error) {
	i := slices.IndexFunc(s.versions, func(v store.PolicyVersion) bool { return v.Name == name && v.Version == version })
	if i < 0 {
		return store.PolicyVersion{}, ErrUnknownPolicy
	}
	return s.versions[i], nil
}

func (s scene) record(v store.PolicyVersion) Record { return recordOf(v, s.versions, s.now) }

// next is the number that the next version of a policy has to have.
func (s scene) next(name string) int {
	highest := 0
	for _, v := range s.versions {
		if v.Name == name {
			highest = max(highest, v.Version)
		}
	}
	return highest + 1
}

// fits checks that the approved policies can be in force together at an instant and at every change after it.
func fits(approved []store.PublishedPolicy, from time.Time) error {
	s, err := newSnapshot(0, approved, nil)
	if err != nil {
		return err
	}
	if _, err := s.InForce(from, store.Would); err != nil {
		return &ClashError{from, err}
	}
	for _, e := range s.epochs {
		if e.err != nil && e.from.After(from) {
			return &ClashError{e.from, e.err}
		}
	}
	return nil
}

// Records returns every version, by name and number.
func (d *Desk) Records(ctx context.Context) ([]Record, error) {
	s, err := d.scene(ctx)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(s.versions))
	for i, v := range s.versions {
		records[i] = s.record(v)
	}
	return records, nil
}

// Record returns one version, ErrUnknownPolicy if there is none.
func (d *Desk) Record(ctx context.Context, name string, version int) (Record, error) {
	s, err := d.scene(ctx)
	if err != nil {
		return Record{}, err
	}
	v, err := s.find(name, version)
	if err != nil {
		return Record{}, err
	}
	return s.record(v), nil
}

// InForce returns what is in force together at an instant, by all that is known now.
func (d *Desk) InForce(ctx context.Context, at time.Time) (*Force, error) {
	snapshot, err := d.book.Now(ctx)
	if err != nil {
		return nil, err
	}
	return snapshot.InForce(at, store.Would)
}
