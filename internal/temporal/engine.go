package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Commands are the typed commands of the workflows' client.
type Commands interface {
	api.Engine
	// RunningStatus asks the account's run for its view: workflows.ErrRunClosed if the last one has ended.
	RunningStatus(ctx context.Context, accountID string) (contract.Status, error)
}

// Waits bound how long a caller waits. The command goes on when the wait is over; only the answer is lost.
type Waits struct {
	Command  time.Duration // ordinary commands
	Provider time.Duration // commands that ask the face provider: start_face and refresh
	Retry    time.Duration // before a command that met a closing run is sent again
}

// Heads reads the fold of an account's log.
type Heads interface {
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
}

// Engine drives verifications for the API.
type Engine struct {
	commands Commands
	heads    Heads
	waits    Waits
}

var _ api.Engine = (*Engine)(nil)

// NewEngine returns an engine over a typed client. heads tells it when a run has refused from a memory that another
// writer (an import) has left behind.
func NewEngine(commands Commands, heads Heads, waits Waits) *Engine {
	return &Engine{commands: commands, heads: heads, waits: waits}
}

// run bounds a command, repeats it when it met a run that was ending, and says in the API's terms what became of it.
func run[Out any](ctx context.Context, e *Engine, wait time.Duration, command func(context.Context) (Out, error)) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	retry := e.waits.Retry
	for {
		out, err := command(ctx)
		if !isClosing(err) {
			return out, translate(err)
		}
		// The next one finds another run, or begins one, under the same update id.
		if pause.For(ctx, retry) != nil {
			return out, translate(err)
		}
		retry = min(2*retry, time.Second)
	}
}

// verb is a command of the typed client.
type verb[In any] func(ctx context.Context, accountID, changeID string, in In) (contract.Status, error)

func send[In any](ctx context.Context, e *Engine, wait time.Duration, v verb[In], accountID, changeID string, in In) (contract.Status, error) {
	command := func(ctx context.Context) (contract.Status, error) { return v(ctx, accountID, changeID, in) }
	status, err := run(ctx, e, wait, command)
	if !e.stale(ctx, accountID, err) {
		return status, err
	}
	_, err = run(ctx, e, e.waits.Command, func(ctx context.Context) (contract.Status, error) {
		return e.commands.Refresh(ctx, accountID, changeID+"/reload", contract.Refresh{Reload: true})
	})
	if err != nil {
		return status, err
	}
	return run(ctx, e, wait, command)
}

// stale reports that a run refused in a state that the log has left: it has not seen what another writer appended.
func (e *Engine) stale(ctx context.Context, accountID string, err error) bool {
	var refusal *lifecycle.Refusal
	if !errors.As(err, &refusal) {
		return false
	}
	head, err := e.heads.Head(ctx, accountID)
	return err == nil && head.State != refusal.State
}

// Login implements api.Engine.
func (e *Engine) Login(ctx context.Context, accountID string, in contract.Login) (contract.LoginResult, error) {
	return run(ctx, e, e.waits.Command, func(ctx context.Context) (contract.LoginResult, error) {
		return e.commands.Login(ctx, accountID, in)
	})
}

// Submit implements api.Engine.
func (e *Engine) Submit(ctx context.Context, accountID, changeID string, in contract.Submit) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Submit, accountID, changeID, in)
}

// Correct implements api.Engine.
func (e *Engine) Correct(ctx context.Context, accountID, changeID string, in contract.Correct) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Correct, accountID, changeID, in)
}

// Review implements api.Engine.
func (e *Engine) Review(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Review, accountID, changeID, in)
}

// StartFace implements api.Engine.
func (e *Engine) StartFace(ctx context.Context, accountID, changeID string, in contract.StartFace) (contract.Status, error) {
	return send(ctx, e, e.waits.Provider, e.commands.StartFace, accountID, changeID, in)
}

// Scan implements api.Engine.
func (e *Engine) Scan(ctx context.Context, accountID, changeID string, in contract.Scan) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Scan, accountID, changeID, in)
}

// Refresh implements api.Engine. Where another writer (a sweep) has left the run behind, the run reads the log first.
func (e *Engine) Refresh(ctx context.Context, accountID, changeID string, in contract.Refresh) (contract.Status, error) {
	status, err := send(ctx, e, e.waits.Provider, e.commands.Refresh, accountID, changeID, in)
	if err != nil || in.Reload {
		return status, err
	}
	if head, failed := e.heads.Head(ctx, accountID); failed != nil || head.Seq <= status.Seq {
		return status, nil
	}
	return run(ctx, e, e.waits.Command, func(ctx context.Context) (contract.Status, error) {
		return e.commands.Refresh(ctx, accountID, changeID+"/reload", contract.Refresh{Reload: true, Actor: in.Actor})
	})
}

// ChooseManual implements api.Engine.
func (e *Engine) ChooseManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.ChooseManual, accountID, changeID, in)
}

// CancelManual implements api.Engine.
func (e *Engine) CancelManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.CancelManual, accountID, changeID, in)
}

// ManualDecision implements api.Engine.
func (e *Engine) ManualDecision(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.ManualDecision, accountID, changeID, in)
}

// WithdrawConsent implements api.Engine.
func (e *Engine) WithdrawConsent(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.WithdrawConsent, accountID, changeID, in)
}

// Unlock implements api.Engine.
func (e *Engine) Unlock(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Unlock, accountID, changeID, in)
}

// Revoke implements api.Engine.
func (e *Engine) Revoke(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return send(ctx, e, e.waits.Command, e.commands.Revoke, accountID, changeID, in)
}

// Status implements api.Engine, within the wait of a command.
func (e *Engine) Status(ctx context.Context, accountID string) (contract.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, e.waits.Command)
	defer cancel()
	status, err := e.commands.RunningStatus(ctx, accountID)
	var gone *serviceerror.NotFound
	switch {
	case err == nil:
		return status, nil
	case errors.As(err, &gone):
		return status, fmt.Errorf("%w: %w", api.ErrRunUnknown, err)
	case errors.Is(err, workflows.ErrRunClosed):
		return status, fmt.Errorf("%w: %w", api.ErrRunClosed, err)
	default:
		return status, fmt.Errorf("%w: %w", api.ErrEngineUnavailable, err)
	}
}
