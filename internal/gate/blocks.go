package gate

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
)

const (
	// rememberBlocks bounds how many refusals are known to be written already, per generation of two. A forgotten one
	// costs one more write, which the store answers with "was there".
	rememberBlocks = 50_000
	// flushAt writes the repeats before their time when so many keys have some.
	flushAt = 10_000
	// flushTimeout bounds one write of repeats.
	flushTimeout = 10 * time.Second
)

// blocks remembers refusals: the first of its key at once, repeats by number.
type blocks struct {
	store Store
	log   *slog.Logger

	mu            sync.Mutex
	recent, older map[store.BlockKey]struct{}
	repeats       map[store.BlockKey]int

	kick chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once
}

func startBlocks(s Store, log *slog.Logger, every time.Duration) *blocks {
	b := &blocks{
		store: s, log: log,
		recent: map[store.BlockKey]struct{}{}, repeats: map[store.BlockKey]int{},
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go b.run(every)
	return b
}

// note returns when the refusal is certain to be remembered.
func (b *blocks) note(ctx context.Context, block store.Block) error {
	key := block.Key()
	if b.repeated(key) {
		return nil
	}
	first, err := b.store.RecordBlock(ctx, block)
	if err != nil {
		return fmt.Errorf("gate: record block: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.recent) >= rememberBlocks {
		b.recent, b.older = map[store.BlockKey]struct{}{}, b.recent
	}
	b.recent[key] = struct{}{}
	if !first {
		b.repeats[key]++
	}
	return nil
}

// repeated counts a refusal that is known to be written.
func (b *blocks) repeated(key store.BlockKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.recent[key]
	if !known {
		_, known = b.older[key]
	}
	if !known {
		return false
	}
	b.repeats[key]++
	if len(b.repeats) == flushAt {
		select {
		case b.kick <- struct{}{}:
		default:
		}
	}
	return true
}

func (b *blocks) run(every time.Duration) {
	defer close(b.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.quit:
			return
		case <-tick.C:
		case <-b.kick:
		}
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		if err := b.flush(ctx); err != nil {
			b.log.Warn("repeats of blocks were not written, trying again later", "error", err)
		}
		cancel()
	}
}

// flush writes the repeats; what could not be written is counted further.
func (b *blocks) flush(ctx context.Context) error {
	b.mu.Lock()
	repeats := b.repeats
	b.repeats = map[store.BlockKey]int{}
	b.mu.Unlock()
	if len(repeats) == 0 {
		return nil
	}
	err := b.store.CountBlocks(ctx, repeats)
	if err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, n := range repeats {
		b.repeats[key] += n
	}
	return fmt.Errorf("gate: count blocks: %w", err)
}

func (b *blocks) close(ctx context.Context) error {
	b.once.Do(func() { close(b.quit) })
	select {
	case <-b.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.flush(ctx)
}
