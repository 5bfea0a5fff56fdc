package impact

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// Bounds of a question.
const (
	// MaxDays bounds the series.
	MaxDays = 1100
	// MaxChanges bounds how many of the next instants of change are told.
	MaxChanges = 50
)

var (
	// ErrQuestion means that the question has no answer; the text says why.
	ErrQuestion = errors.New("impact")
	// ErrProposed means that the proposed policy cannot be in force together with the others.
	ErrProposed = errors.New("impact: the proposed policy does not fit beside the others")
)

// Question is what to preview.
type Question struct {
	From time.Time // the series and the changes begin here; what is in force here is compared with
	At   time.Time // the instant that is counted; not before From
	// Proposed counts from From on instead of every published version of its name. Nil: what is published.
	Proposed *policy.Policy
	// Days bounds the series to the last midnights until At. Zero: none.
	Days int
	// Alone counts the instant and nothing of the way there: neither series nor changes.
	Alone bool
}

func (q Question) validate() error {
	switch {
	case q.From.IsZero() || q.At.IsZero():
		return fmt.Errorf("%w: from and at are required", ErrQuestion)
	case q.At.Before(q.From):
		return fmt.Errorf("%w: at must not be before from", ErrQuestion)
	case q.Alone && q.Days > 0:
		return fmt.Errorf("%w: days must be 0 where the instant is counted alone", ErrQuestion)
	case q.Days < 0 || q.Days > MaxDays:
		return fmt.Errorf("%w: days must be 0 to %d", ErrQuestion, MaxDays)
	}
	return nil
}

// Plan is a question with the sets of policies that are in force from one instant to the next.
type Plan struct {
	question Question
	zone     *time.Location
	spans    []span // ascending; the first begins at From
	at       *span  // in force at At
	against  *span  // in force at From as published
	rules    []ruleKey
	days     []time.Time // midnights of the series
}

// ruleKey names a rule over all versions of its policy.
type ruleKey struct{ policy, rule string }

// span is the time in which one set is in force.
type span struct {
	from  time.Time
	set   *policy.Set
	rules []int // for each rule of the set, its place in Plan.rules
}

// NewPlan finds out which sets the question is about. The error is ErrQuestion, ErrProposed or the snapshot's.
func NewPlan(published *rulebook.Snapshot, q Question) (*Plan, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	p := &Plan{question: q}
	now, err := published.InForce(q.From, store.Would)
	if err != nil {
		return nil, err
	}
	against := p.span(q.From, now.Set)
	p.against = &against
	instants := []time.Time{q.From}
	for _, at := range published.Instants() {
		if at.After(q.From) {
			instants = append(instants, at)
		}
	}
	for _, at := range instants {
		force, err := published.InForce(at, store.Would)
		if err != nil {
			return nil, err
		}
		set, err := q.with(force.Set)
		if err != nil {
			return nil, err
		}
		p.spans = append(p.spans, p.span(at, set))
	}
	p.at = p.inForce(q.At)
	p.zone = time.UTC
	if all := p.at.set.Policies(); len(all) > 0 {
		p.zone = all[0].Zone
	}
	if q.Proposed != nil {
		p.zone = q.Proposed.Zone
	}
	p.days = midnights(q, p.zone)
	return p, nil
}

// with is the set with the proposed policy in the place of its namesake.
func (q Question) with(set *policy.Set) (*policy.Set, error) {
	if q.Proposed == nil {
		return set, nil
	}
	all := slices.DeleteFunc(set.Policies(), func(p *policy.Policy) bool { return p.Name == q.Proposed.Name })
	joined, err := policy.NewSet(append(all, q.Proposed)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProposed, err)
	}
	return joined, nil
}

func (p *Plan) span(from time.Time, set *policy.Set) span {
	s := span{from: from, set: set}
	for _, ref := range set.RuleRefs() {
		key := ruleKey{ref.Policy.Name, ref.Rule.ID}
		i := slices.Index(p.rules, key)
		if i < 0 {
			i = len(p.rules)
			p.rules = append(p.rules, key)
		}
		s.rules = append(s.rules, i)
	}
	return s
}

func (p *Plan) inForce(at time.Time) *span {
	i := len(p.spans) - 1
	for i > 0 && at.Before(p.spans[i].from) {
		i--
	}
	return &p.spans[i]
}

// midnights are the instants of the series: the beginnings of days in the zone from From to At.
func midnights(q Question, zone *time.Location) []time.Time {
	var days []time.Time
	year, month, day := q.At.In(zone).Date()
	for n := range q.Days {
		midnight := time.Date(year, month, day-n, 0, 0, 0, 0, zone)
		if midnight.Before(q.From) {
			break
		}
		days = append(days, midnight)
	}
	slices.Reverse(days)
	return days
}
