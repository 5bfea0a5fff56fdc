// Package tasks counts what goes on beside the requests of a server, so that a stop can end it and wait for it.
package tasks

import (
	"context"
	"sync"
)

// Group is a number of tasks. It is safe for concurrent use; make it with New.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex // Add is called under it while closed is false
	closed bool
	tasks  sync.WaitGroup
}

// New returns a group without tasks.
func New() *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Context ends when Close begins. Tasks watch it.
func (g *Group) Context() context.Context { return g.ctx }

// Begin counts a task in, and reports false if the group is closed. If it reports true, Done must be called once.
func (g *Group) Begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.tasks.Add(1)
	}
	return !g.closed
}

// Done counts a task out.
func (g *Group) Done() { g.tasks.Done() }

// Close lets no task begin any more, ends Context and waits for the tasks under way. It returns the error of ctx if
// they take longer; a later call waits on.
func (g *Group) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	ended := make(chan struct{})
	go func() {
		g.tasks.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
