package rulebook

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// Proposal is a version to publish.
type Proposal struct {
	Text          []byte
	EffectiveFrom time.Time // zero: as soon as it is approved
	Author        string    // id of the API key
	Note          string
}

// Propose keeps a version for approval, or has it in force where no second approver is needed. The same text again
// changes nothing: created is false and the record says where it stands. Errors: policyfile.Faults, ErrTaken,
// *NumberError, ErrBackdated, *ClashError, ErrPolicies.
func (d *Desk) Propose(ctx context.Context, p Proposal) (r Record, created bool, err error) {
	parsed, err := policyfile.Parse(p.Text)
	if err != nil {
		return Record{}, false, err
	}
	given := store.PublishedPolicy{
		Name: parsed.Name, Version: parsed.Version, Text: p.Text, EffectiveFrom: p.EffectiveFrom, Author: p.Author, Note: p.Note,
	}
	err = d.settle(ctx, func(s scene) error {
		created = false
		if known, err := s.find(given.Name, given.Version); err == nil {
			if !bytes.Equal(known.Text, given.Text) {
				return ErrTaken
			}
			return nil
		}
		if err := s.proposable(&given); err != nil {
			return err
		}
		created = true
		return d.store.ProposePolicy(ctx, given, s.revision)
	})
	if err != nil {
		return Record{}, false, err
	}
	r, err = d.Record(ctx, given.Name, given.Version)
	if err == nil && d.alone && r.State == StateProposed {
		r, err = d.Approve(ctx, Decision{Name: given.Name, Version: given.Version, Actor: p.Author, Reason: p.Note})
	}
	return r, created, err
}

// proposable checks number and instant, and fills in an instant that was left out.
func (s scene) proposable(p *store.PublishedPolicy) error {
	if next := s.next(p.Name); p.Version != next {
		return &NumberError{p.Version, next}
	}
	if p.EffectiveFrom.IsZero() {
		p.EffectiveFrom = s.now
	}
	if p.EffectiveFrom.Before(s.now.Add(-Tolerance)) {
		return ErrBackdated
	}
	return s.accepts(*p)
}

// accepts checks that a version would fit to what is approved.
func (s scene) accepts(p store.PublishedPolicy) error {
	p.EffectiveFrom, p.RecordedAt = later(p.EffectiveFrom, s.now), s.now
	return fits(append(approvedOf(s.versions), p), p.EffectiveFrom)
}

// Decision is what somebody decides on a version.
type Decision struct {
	Name    string
	Version int
	Actor   string // id of the API key
	Reason  string
}

// Approve lets a version come into force, no earlier than now. Approving it again changes nothing. Errors:
// ErrUnknownPolicy, ErrSecondApprover, *StateError, *ClashError, ErrPolicies.
func (d *Desk) Approve(ctx context.Context, by Decision) (Record, error) {
	return d.rule(ctx, by, store.Approved, func(s scene, r Record) (bool, error) {
		switch r.State {
		case StateProposed:
		case StateScheduled, StateInForce, StateSuperseded:
			return false, nil
		case StateRejected, StateWithdrawn:
			return false, &StateError{r.State}
		}
		if r.Author == by.Actor && !d.alone {
			return false, ErrSecondApprover
		}
		return true, s.accepts(r.PublishedPolicy)
	})
}

// Reject refuses a proposal for good. Rejecting it again changes nothing. Errors: ErrUnknownPolicy, *StateError.
func (d *Desk) Reject(ctx context.Context, by Decision) (Record, error) {
	return d.rule(ctx, by, store.Rejected, func(_ scene, r Record) (bool, error) {
		switch r.State {
		case StateProposed:
			return true, nil
		case StateRejected:
			return false, nil
		case StateScheduled, StateInForce, StateSuperseded, StateWithdrawn:
		}
		return false, &StateError{r.State}
	})
}

// Withdraw takes back a version that is not in force, nor about to be within Notice. Withdrawing it again changes
// nothing. Errors: ErrUnknownPolicy, *StateError, *ClashError if what then stays cannot be in force together.
func (d *Desk) Withdraw(ctx context.Context, by Decision) (Record, error) {
	return d.rule(ctx, by, store.Withdrawn, func(s scene, r Record) (bool, error) {
		_, approved := r.Ruled(store.Approved)
		switch {
		case r.State == StateProposed:
			return true, nil
		case r.State == StateWithdrawn:
			return false, nil
		case !approved || !s.now.Add(Notice).Before(r.InForceFrom):
			return false, &StateError{r.State}
		}
		rest := slices.DeleteFunc(approvedOf(s.versions), func(p store.PublishedPolicy) bool {
			return p.Name == r.Name && p.Version == r.Version
		})
		return true, fits(rest, r.InForceFrom)
	})
}

// rule writes a ruling if judge says that it is one, and returns where the version stands then.
func (d *Desk) rule(ctx context.Context, by Decision, ruling store.Ruling, judge func(scene, Record) (bool, error)) (Record, error) {
	err := d.settle(ctx, func(s scene) error {
		v, err := s.find(by.Name, by.Version)
		if err != nil {
			return err
		}
		write, err := judge(s, s.record(v))
		if err != nil || !write {
			return err
		}
		r := store.PolicyRuling{Name: by.Name, Version: by.Version, Ruling: ruling, Actor: by.Actor, Reason: by.Reason}
		if ruling == store.Approved {
			r.EffectiveFrom = v.EffectiveFrom
		}
		return d.store.RulePolicy(ctx, r, s.revision)
	})
	if err != nil {
		return Record{}, err
	}
	return d.Record(ctx, by.Name, by.Version)
}
