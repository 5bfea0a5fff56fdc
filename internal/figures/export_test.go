package figures

import (
	"context"
	"time"
)

// Quick makes a snapshot of what is read quickly, whatever the age of the last.
func (k *Keeper) Quick(ctx context.Context, now time.Time) (*Figures, error) {
	return k.quick(ctx, now)
}
