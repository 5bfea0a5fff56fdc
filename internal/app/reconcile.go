package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Finding says how the workflow and the store of one account stood to each other.
type Finding string

const (
	Agreed    Finding = "agreed"    // both told the same, or the workflow had only to read what it had missed
	Restarted Finding = "restarted" // the workflow knew what the store had lost; begun again from the store
	Ended     Finding = "ended"     // the store has lost the account; its workflow was ended
	Broken    Finding = "failed"    // could not be compared; the error says why
)

// Reconciled is what became of one account.
type Reconciled struct {
	AccountID string          `json:"account_id"`
	Finding   Finding         `json:"finding"`
	State     lifecycle.State `json:"state"`
	Seq       int64           `json:"seq"`                // in the store
	RunSeq    int64           `json:"run_seq,omitempty"`  // in the workflow before, where it differed
	Projected bool            `json:"projection_matches"` // the store's projection is the fold of its log
	Error     string          `json:"error,omitempty"`
}

// Reconciler brings workflows and store together after databases were restored from different moments. The store is
// the truth: a workflow that knows less reads on, one that knows more is begun again, one that is missing is started.
type Reconciler struct {
	app *App
}

// NewReconciler opens the store and connects to the engine; the engine and a worker must run. Close it.
func NewReconciler(ctx context.Context, o Options) (*Reconciler, error) {
	a := &App{config: o.Config, clock: o.Clock, log: o.Logger, failed: make(chan error, 1)}
	r := &Reconciler{a}
	a.config.Store.Migrate = false
	if t := &a.config.Temporal; t.Mode == config.Embedded { // it runs in the program's own process
		if t.Port == 0 {
			return nil, errors.New("temporal.port must be set to find an embedded engine; 0 took a free one that is not known here")
		}
		t.Mode, t.Address, t.TLS = config.Remote, net.JoinHostPort("127.0.0.1", strconv.Itoa(t.Port)), false
	}
	for _, start := range []func(context.Context) error{
		a.startWatching, a.startStore, func(ctx context.Context) error { return a.startEngine(ctx, o.EngineLogger, false) },
	} {
		if err := start(ctx); err != nil {
			_ = r.Close(ctx)
			return nil, err
		}
	}
	return r, nil
}

// Close lets go of store and engine.
func (r *Reconciler) Close(ctx context.Context) error { return r.app.Stop(ctx) }

// Run looks at every account that has a log, and at every workflow that goes on without one, and reports each.
func (r *Reconciler) Run(ctx context.Context, report func(Reconciled)) error {
	after := ""
	for {
		page, err := r.app.store.Verifications(ctx, store.Filter{After: after, Limit: 200})
		if err != nil {
			return err
		}
		for _, head := range page {
			if head.Seq > 0 {
				report(r.account(ctx, head))
			}
			after = head.AccountID
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
	}
	looked := map[string]bool{} // a run that is begun again here is in the list once more
	return temporal.EachRunning(ctx, r.app.client, r.app.config.Temporal.Namespace, func(accountID string) error {
		if looked[accountID] {
			return nil
		}
		head, err := r.app.store.Head(ctx, accountID)
		switch {
		case isGone(err):
			looked[accountID] = true
			report(r.end(ctx, accountID))
		case err != nil:
			return err
		case head.Seq == 0:
			looked[accountID] = true
			report(r.account(ctx, head))
		}
		return ctx.Err()
	})
}

// end ends the run of an account that the store has lost.
func (r *Reconciler) end(ctx context.Context, accountID string) Reconciled {
	out := Reconciled{AccountID: accountID, Finding: Ended}
	if err := temporal.Abandon(ctx, r.app.client, accountID, "reconcile"); err != nil {
		out.Finding, out.Error = Broken, err.Error()
	}
	return out
}

func (r *Reconciler) account(ctx context.Context, head lifecycle.Verification) Reconciled {
	out := Reconciled{AccountID: head.AccountID, Finding: Agreed, State: head.State, Seq: head.Seq}
	fail := func(err error) Reconciled {
		out.Finding, out.Error = Broken, err.Error()
		return out
	}
	if err := r.app.store.VerifyProjection(ctx, head.AccountID); err != nil {
		return fail(err)
	}
	out.Projected = true
	if head.State == lifecycle.Verified && !r.hasRun(ctx, head.AccountID) {
		return out // nothing is left to do, and nothing claims otherwise
	}
	status, err := r.ask(ctx, head.AccountID)
	if err != nil {
		return fail(err)
	}
	if !same(status, head) {
		return r.compareAgain(ctx, out, status)
	}
	return out
}

// same says whether a workflow tells what the store does. Numbers alone do not: other entries may have been written under
// those that were lost.
func same(status contract.Status, head lifecycle.Verification) bool {
	return status.Seq == head.Seq && status.State == head.State && status.Revision == head.Revision &&
		status.Generation == head.Generation && status.Method == head.Method
}

// compareAgain tells a workflow that went on in the meantime from one that knows what the store has lost.
func (r *Reconciler) compareAgain(ctx context.Context, out Reconciled, status contract.Status) Reconciled {
	head, err := r.app.store.Head(ctx, out.AccountID)
	if err != nil {
		out.Finding, out.Error = Broken, err.Error()
		return out
	}
	out.State, out.Seq = head.State, head.Seq
	if head.Seq > status.Seq || same(status, head) {
		return out
	}
	out.RunSeq = status.Seq
	err = temporal.Abandon(ctx, r.app.client, out.AccountID, "reconcile")
	if err == nil {
		status, err = r.ask(ctx, out.AccountID)
	}
	switch {
	case err != nil:
		out.Finding, out.Error = Broken, err.Error()
	case status.Seq < head.Seq:
		out.Finding, out.Error = Broken, fmt.Sprintf("the new run is at %d, the store at %d", status.Seq, head.Seq)
	default:
		out.Finding = Restarted
	}
	return out
}

// ask has the workflow read on in the log, starting it where it is missing.
func (r *Reconciler) ask(ctx context.Context, accountID string) (contract.Status, error) {
	return r.app.engine.Refresh(ctx, accountID, "reconcile:"+uuid.NewString(), contract.Refresh{
		Reload: true, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "reconcile"},
	})
}

func (r *Reconciler) hasRun(ctx context.Context, accountID string) bool {
	_, err := r.app.engine.Status(ctx, accountID)
	return err == nil || errors.Is(err, api.ErrRunClosed)
}
