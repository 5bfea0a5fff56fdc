package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// stack remembers how to stop what was started.
type stack struct{ steps []step }

type step struct {
	name string
	stop func(context.Context) error
}

func (s *stack) push(name string, stop func(context.Context) error) {
	s.steps = append(s.steps, step{name, stop})
}

// stop stops everything, last started first, and goes on past what fails: the rest must not be left running.
func (s *stack) stop(ctx context.Context) error {
	var faults []error
	for _, step := range slices.Backward(s.steps) {
		if err := step.stop(ctx); err != nil {
			faults = append(faults, fmt.Errorf("stop %s: %w", step.name, err))
		}
	}
	s.steps = nil
	return errors.Join(faults...)
}

// within runs a stop that takes no context and waits for it no longer than ctx.
func within(ctx context.Context, stop func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		stop()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
