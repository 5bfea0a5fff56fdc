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

// Run counts the population by Walk.
func Run(ctx context.Context, source Source, p *Plan, workers int) (*Preview, error) {
	all := p.Counter()
	var ranges []Counter
	err := Walk(ctx, source, workers, func() func(*store.Facts) {
		c := p.Counter()
		ranges = append(ranges, c)
		return func(f *store.Facts) { c.account(f) }
	})
	if err != nil {
		return nil, err
	}
	for _, c := range ranges {
		all.Join(c)
	}
	return all.Preview(), nil
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
