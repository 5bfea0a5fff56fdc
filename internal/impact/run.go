package impact

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

// Source is the population, by account id.
type Source interface {
	FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error)
	Split(ctx context.Context, ranges int) ([]string, error)
}

// pageSize is how many accounts are read at a time: enough that a statement costs little, few enough that memory stays
// small and nothing waits long for the reader.
const pageSize = 2000

// Run counts the population in as many ranges at a time as there are workers, each page by page: memory does not grow
// with the population. Accounts that are written meanwhile are counted as they were read.
func Run(ctx context.Context, source Source, p *Plan, workers int) (*Preview, error) {
	cuts, err := source.Split(ctx, max(workers, 1))
	if err != nil {
		return nil, fmt.Errorf("impact: split the accounts: %w", err)
	}
	counters := make([]*counter, len(cuts)+1)
	group, ctx := errgroup.WithContext(ctx)
	for i := range counters {
		counters[i] = newCounter(p)
		after, last := "", ""
		if i > 0 {
			after = cuts[i-1]
		}
		if i < len(cuts) {
			last = cuts[i]
		}
		group.Go(func() error {
			return eachPage(ctx, source, after, last, func(page []store.Facts) error {
				for j := range page {
					counters[i].account(&page[j])
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, c := range counters[1:] {
		counters[0].seen.join(c.seen)
	}
	return p.preview(counters[0].seen), nil
}

// eachPage visits the accounts after one and up to another, the next page being read while one is visited.
func eachPage(ctx context.Context, source Source, after, last string, visit func([]store.Facts) error) error {
	pages := make(chan []store.Facts)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(pages)
		for {
			page, err := source.FactsAfter(ctx, after, last, pageSize)
			if err != nil {
				return fmt.Errorf("impact: read the accounts: %w", err)
			}
			if len(page) > 0 {
				select {
				case pages <- page:
				case <-ctx.Done():
					return ctx.Err()
				}
				after = page[len(page)-1].Account.ID
			}
			if len(page) < pageSize {
				return nil
			}
		}
	})
	group.Go(func() error {
		for page := range pages {
			if err := visit(page); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}
