package gate

import (
	"context"
	"errors"
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
	err := CheckClock(ctx, c.store, c.now)
	if err != nil && !errors.Is(err, ErrClockSkew) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.checked = time.Time{}
		return err
	}
	c.checked = c.now().Round(0) // wall time: a jump must show
	return nil
}

// CheckClock returns ErrClockSkew if a clock is more than MaxSkew off the database's, and the store's error if that
// cannot be told.
func CheckClock(ctx context.Context, database interface {
	Now(ctx context.Context) (time.Time, error)
}, now func() time.Time) error {
	before := now()
	there, err := database.Now(ctx)
	if err != nil {
		return fmt.Errorf("gate: database clock: %w", err)
	}
	if after := now(); there.Before(before.Add(-MaxSkew)) || there.After(after.Add(MaxSkew)) {
		return ErrClockSkew
	}
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
