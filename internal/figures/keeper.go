package figures

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/tasks"
)

const (
	// quickEvery is how old what is read quickly may be.
	quickEvery = 10 * time.Second
	// populationEvery is how old the pass over the population may be, or
	// populationShare times as long as it takes, if that is longer: it never takes more than a tenth of the time.
	populationEvery = 30 * time.Second
	populationShare = 10
)

// Store is what figures are read from.
type Store interface {
	impact.Source
	rulebook.Store
	store.Figures
	Backlog(ctx context.Context) (store.Backlog, error)
	Sweeps(ctx context.Context, before string, limit int) ([]store.Sweep, error)
}

// Config is what a Keeper is made of.
type Config struct {
	Store  Store
	Now    func() time.Time // the business clock
	Logger *slog.Logger
	Tasks  *tasks.Group // snapshots are made in it, and end with it
	// Wait is how long an asker waits for a snapshot that is being made, where there is an older one.
	Wait time.Duration
	// Provider tells what this process has seen of the provider; nil: it does not call it.
	Provider func(zone *time.Location) *ProviderFigures
	// NextSweep tells when the next sweep begins by itself; nil: that is not known.
	NextSweep func(ctx context.Context) (time.Time, error)
}

// Keeper keeps the snapshots that all askers share. It is safe for concurrent use.
type Keeper struct {
	cfg        Config
	book       *rulebook.Book
	fast       kept[Figures]
	everything kept[Population]
}

// New returns a keeper. It counts nothing before somebody asks.
func New(cfg Config) *Keeper {
	k := &Keeper{cfg: cfg, book: rulebook.New(cfg.Store)}
	k.fast = kept[Figures]{name: "figures", make: k.quick, every: func(time.Duration) time.Duration { return quickEvery }}
	k.everything = kept[Population]{name: "population", make: k.pass, every: func(took time.Duration) time.Duration {
		return max(populationEvery, populationShare*took)
	}}
	return k
}

// Figures returns the snapshots, made anew where they are too old. While a new one is being made the older one is
// given, so nobody waits long but the first.
func (k *Keeper) Figures(ctx context.Context) (*Figures, error) {
	k.everything.refresh(k) // both are made at the same time
	fast, err := k.fast.get(ctx, k)
	if err != nil {
		return nil, err
	}
	population, err := k.everything.get(ctx, k)
	if err != nil {
		return nil, err
	}
	answer := *fast
	answer.Population = *population
	return &answer, nil
}

func (k *Keeper) pass(ctx context.Context, now time.Time) (*Population, error) {
	published, err := k.book.Now(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPass(published, now)
	if err != nil {
		return nil, err
	}
	v, err := population(ctx, k.cfg.Store, p)
	if err == nil {
		v.TookSeconds = k.cfg.Now().Sub(now).Seconds()
	}
	return v, err
}

// errClosed means that the program stops.
var errClosed = errors.New("figures: no snapshot is made any more")

// kept is a snapshot that is made when somebody asks and the last one is too old.
type kept[T any] struct {
	name  string
	make  func(ctx context.Context, now time.Time) (*T, error)
	every func(took time.Duration) time.Duration

	mu     sync.Mutex
	value  *T
	err    error         // of the last try, nil if it succeeded
	at     time.Time     // when the last try began
	took   time.Duration // by it
	making chan struct{} // closed when the try under way is over; nil: none is
}

// refresh sees to it that a snapshot is made if the last is too old, and returns what to wait for, nil for nothing.
func (s *kept[T]) refresh(k *Keeper) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := k.cfg.Now()
	age := now.Sub(s.at)
	if s.making != nil || s.value != nil && age >= 0 && age < s.every(s.took) {
		return s.making
	}
	if !k.cfg.Tasks.Begin() {
		s.err = errClosed
		return nil
	}
	s.making = make(chan struct{})
	go func() {
		defer k.cfg.Tasks.Done()
		s.try(k, now)
	}()
	return s.making
}

func (s *kept[T]) try(k *Keeper, now time.Time) {
	value, err := s.make(k.cfg.Tasks.Context(), now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.at, s.took = err, now, k.cfg.Now().Sub(now)
	if err == nil {
		s.value = value
	} else if k.cfg.Tasks.Context().Err() == nil {
		k.cfg.Logger.Warn("figures are older than they should be", "which", s.name, "error", err)
	}
	close(s.making)
	s.making = nil
}

// get returns the snapshot: the new one if it is made soon enough, else the last one. Without a last one it waits as
// long as the asker does.
func (s *kept[T]) get(ctx context.Context, k *Keeper) (*T, error) {
	making := s.refresh(k)
	if making != nil {
		var enough <-chan time.Time
		if last, _ := s.last(); last != nil {
			timer := time.NewTimer(k.cfg.Wait)
			defer timer.Stop()
			enough = timer.C
		}
		select {
		case <-making:
		case <-enough:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.last()
}

// last returns the last snapshot; the error of the last try only if there never was one.
func (s *kept[T]) last() (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != nil {
		return s.value, nil
	}
	return nil, s.err
}
