package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Source is the population and its log.
type Source interface {
	FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error)
	EntriesBetween(ctx context.Context, after, last string, events []lifecycle.Event, visit func(store.Entry) error) error
	NoticesBetween(ctx context.Context, after, last string, visit func(store.Notice) error) error
}

const pageSize = 1000

// told are the events that a report speaks of.
func told() []lifecycle.Event {
	return []lifecycle.Event{
		lifecycle.Prompt, lifecycle.Remind, lifecycle.Restrict, lifecycle.Lift, lifecycle.Pass, lifecycle.ApproveManual,
		lifecycle.ImportVerified,
	}
}

// Visitor receives a report while it is made; nil functions are not called.
type Visitor struct {
	Row func(*Row) error
	// Event receives the restrict and lift entries of the policy, before the row of their account.
	Event func(store.Entry) error
}

// Build reads every account as it is now and answers the sums. at is now: what the accounts' outcomes are decided for.
func Build(ctx context.Context, source Source, v *Version, at time.Time, visit Visitor) (*Summary, error) {
	s := newSummary(v, at)
	r := &rows{v: v, at: at, zone: v.zone}
	for after := ""; ; {
		facts, err := source.FactsAfter(ctx, after, "", pageSize)
		if err != nil {
			return nil, fmt.Errorf("campaign: read the accounts: %w", err)
		}
		if len(facts) == 0 {
			return s, nil
		}
		last := facts[len(facts)-1].Account.ID
		if err := r.read(ctx, source, facts, after, last, visit); err != nil {
			return nil, err
		}
		for i := range r.page {
			b := &r.page[i]
			if !b.covered {
				s.NotCovered++
				continue
			}
			row := r.finish(b)
			s.add(row, b)
			if visit.Row != nil {
				if err := visit.Row(row); err != nil {
					return nil, err
				}
			}
		}
		after = last
	}
}

func (r *rows) read(ctx context.Context, source Source, facts []store.Facts, after, last string, visit Visitor) error {
	r.begin(facts)
	err := source.EntriesBetween(ctx, after, last, told(), func(e store.Entry) error {
		if r.entry(e) != nil && visit.Event != nil {
			return visit.Event(e)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("campaign: read the log: %w", err)
	}
	r.next = 0
	err = source.NoticesBetween(ctx, after, last, func(n store.Notice) error {
		r.notice(n)
		return nil
	})
	if err != nil {
		return fmt.Errorf("campaign: read the notices: %w", err)
	}
	return nil
}
