package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// startResuming has every verification that waits for a face result take up its waiting again. Where this process is alone
// the worker that waited is surely gone, and the engine would notice only at the heartbeat timeout, a minute later. An
// engine of several has other workers, which must not be disturbed; there the timeout stands.
//
// It runs beside the start: a merchant's page is worth hurrying for, but not worth holding up the API for.
func (a *App) startResuming(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, state := range []lifecycle.State{lifecycle.QRIssued, lifecycle.Scanned} {
			if err := a.resume(ctx, state); err != nil && ctx.Err() == nil {
				a.log.Warn("waiting verifications are taken up late", "state", state, "error", err)
			}
		}
	}()
	a.stack.push("resuming", func(stopping context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopping.Done():
			return stopping.Err()
		}
	})
	return nil
}

func (a *App) resume(ctx context.Context, state lifecycle.State) error {
	after := ""
	for {
		page, err := a.store.Verifications(ctx, store.Filter{State: state, After: after, Limit: 200})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, v := range page {
			after = v.AccountID
			_, err := a.engine.Refresh(ctx, v.AccountID, "resume:"+uuid.NewString(), contract.Refresh{
				Resume: true, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "start"},
			})
			if err != nil {
				return err
			}
		}
	}
}

// resumes says whether this process has to: it runs the only worker.
func (a *App) resumes(o Options) bool {
	return (o.alone || a.config.Temporal.Mode == config.Embedded) && (!o.API || a.config.Worker.InProcess)
}
