package impact

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

// Walk reads the population in as many ranges at a time as there are workers, each page by page: memory does not grow
// with the population. begin is called for every range before anything is read; what it returns visits the accounts of
// that range, by id. Accounts that are written meanwhile are visited as they were read.
func Walk(ctx context.Context, source Source, workers int, begin func() func(*store.Facts)) error {
	cuts, err := source.Split(ctx, max(workers, 1))
	if err != nil {
		return fmt.Errorf("impact: split the accounts: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range len(cuts) + 1 {
		visit, after, last := begin(), "", ""
		if i > 0 {
			after = cuts[i-1]
		}
		if i < len(cuts) {
			last = cuts[i]
		}
		group.Go(func() error {
			return eachPage(ctx, source, after, last, func(page []store.Facts) error {
				for j := range page {
					visit(&page[j])
				}
				return nil
			})
		})
	}
	return group.Wait()
}

// Counter counts accounts for a plan. One is for one goroutine; Join adds another's counts of the same plan.
type Counter struct{ *counter }

// Counter returns a counter that has counted nothing.
func (p *Plan) Counter() Counter { return Counter{newCounter(p)} }

// Add counts an account and returns where all rules together have it at the plan's instant; false for an account that is
// closed then.
func (c Counter) Add(f *store.Facts) (Class, bool) {
	if !c.account(f) {
		return NotCovered, false
	}
	return strictest(c.classes).name(), true
}

// Join adds what another counter counted.
func (c Counter) Join(o Counter) { c.seen.join(o.seen) }

// Preview is what was counted.
func (c Counter) Preview() *Preview { return c.plan.preview(c.seen) }
