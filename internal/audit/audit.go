package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Seals signs checkpoints; *gate.Gate satisfies it.
type Seals interface {
	Seal(text []byte) (keyID string, signature []byte)
	Sealed
}

// Sealed knows signatures of Seals; signing.Set, which has nothing but public keys, satisfies it too.
type Sealed interface {
	Sealed(keyID string, text, signature []byte) bool
}

// Log proves the logs of a store.
type Log struct {
	store store.Audit
	seals Seals
	now   func() time.Time
}

// New returns the log over a store.
func New(s store.Audit, seals Seals, now func() time.Time) *Log { return &Log{s, seals, now} }

const (
	// every is how old the newest checkpoint gets before another one is due.
	every = 24 * time.Hour
	// tries bounds how often a checkpoint is taken again because another process took one at the same moment.
	tries = 5
)

// Daily takes a checkpoint if the newest one is a day old. taken is false if none was due.
func (l *Log) Daily(ctx context.Context) (c store.Checkpoint, taken bool, err error) {
	newest, err := l.store.Checkpoints(ctx, 0, 1)
	if err != nil {
		return c, false, fmt.Errorf("audit: newest checkpoint: %w", err)
	}
	if len(newest) > 0 && l.now().Sub(newest[0].At) < every {
		return newest[0], false, nil
	}
	c, err = l.Checkpoint(ctx)
	return c, err == nil, err
}

// Checkpoint signs where all logs end now, and keeps that.
func (l *Log) Checkpoint(ctx context.Context) (c store.Checkpoint, err error) {
	for range tries {
		if c, err = l.take(ctx); !errors.Is(err, store.ErrConflict) {
			return c, err
		}
	}
	return c, err
}

func (l *Log) take(ctx context.Context) (store.Checkpoint, error) {
	newest, err := l.store.Checkpoints(ctx, 0, 1)
	if err != nil {
		return store.Checkpoint{}, fmt.Errorf("audit: newest checkpoint: %w", err)
	}
	c := store.Checkpoint{Number: 1, At: l.now().UTC()}
	if len(newest) > 0 {
		c.Number = newest[0].Number + 1
	}
	if c.AuditProof, err = l.store.AuditProof(ctx); err != nil {
		return c, fmt.Errorf("audit: where the logs end: %w", err)
	}
	c.KeyID, c.Signature = l.seals.Seal(signed(c))
	if err := l.store.PutCheckpoint(ctx, c); err != nil {
		return c, fmt.Errorf("audit: put checkpoint %d: %w", c.Number, err)
	}
	return c, nil
}

// Holds reports whether the signature of a checkpoint is ours and fits what it says.
func (l *Log) Holds(c store.Checkpoint) bool { return l.seals.Sealed(c.KeyID, signed(c), c.Signature) }

// signed is what a checkpoint's signature is made of: a line for each thing that it says.
func signed(c store.Checkpoint) []byte {
	return fmt.Appendf(nil, "1\n%d\n%s\n%d\n%s\n%d\n%d\n%s\n", c.Number, c.At.UTC().Format(time.RFC3339Nano),
		c.Entries, hex.EncodeToString(c.Hash), c.Position, c.Accounts, hex.EncodeToString(c.Digest))
}
