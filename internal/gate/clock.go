package gate

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// MaxSkew is how far this process's clock may be off the database's.
const MaxSkew = 2 * time.Second

// clock compares the two clocks now and then. A jump of the process's clock is itself a reason to compare, so it is
// found at the next decision and not at the next turn.
type clock struct {
	store interface {
		Now(ctx context.Context) (time.Time, error)
	}
	now   func() time.Time
	every time.Duration

	mu      sync.Mutex
	checked time.Time // by this process's clock; zero while the last comparison found a skew
}

// check returns ErrClockSkew while the clocks differ, and the store's error if it cannot tell.
func (c *clock) check(ctx context.Context) error {
	if !c.due() {
		return nil
	}
	before := c.now()
	there, err := c.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("gate: database clock: %w", err)
	}
	after := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if there.Before(before.Add(-MaxSkew)) || there.After(after.Add(MaxSkew)) {
		c.checked = time.Time{}
		return ErrClockSkew
	}
	c.checked = after.Round(0) // wall time: a jump must show
	return nil
}

func (c *clock) due() bool {
	now := c.now().Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checked.IsZero() {
		return true
	}
	since := now.Sub(c.checked)
	return since < 0 || since >= c.every
}
