package app

import (
	"context"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/failpoint"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// crashingLog puts the places append.before:EVENT and append.after:EVENT around the log, EVENT being the first one of
// the append.
func (a *App) crashingLog(log activities.RecordLog) activities.RecordLog {
	if !failpoint.Built {
		return log
	}
	return crashingLog{log, a.points}
}

type crashingLog struct {
	activities.RecordLog
	points *failpoint.Points
}

func (l crashingLog) Append(ctx context.Context, in lifecycle.Append) (lifecycle.AppendResult, error) {
	event := "none"
	if len(in.Changes) > 0 {
		event = string(in.Changes[0].Event)
	}
	l.points.Hit("append.before:" + event)
	result, err := l.RecordLog.Append(ctx, in)
	if err == nil {
		l.points.Hit("append.after:" + event)
	}
	return result, err
}

// crashingEngine puts the place answer.before:UPDATE between a command and its answer.
func (a *App) crashingEngine(e api.Engine) api.Engine {
	if !failpoint.Built {
		return e
	}
	return crashingEngine{e, a.points}
}

type crashingEngine struct {
	engine api.Engine
	points *failpoint.Points
}

// answered is a command that was carried out and is not answered yet.
func answered[Out any](c crashingEngine, update string, out Out, err error) (Out, error) {
	if err == nil {
		c.points.Hit("answer.before:" + update)
	}
	return out, err
}

func (c crashingEngine) Login(ctx context.Context, a string, in contract.Login) (contract.LoginResult, error) {
	out, err := c.engine.Login(ctx, a, in)
	return answered(c, contract.UpdateLogin, out, err)
}

func (c crashingEngine) Submit(ctx context.Context, a, id string, in contract.Submit) (contract.Status, error) {
	out, err := c.engine.Submit(ctx, a, id, in)
	return answered(c, contract.UpdateSubmit, out, err)
}

func (c crashingEngine) Correct(ctx context.Context, a, id string, in contract.Correct) (contract.Status, error) {
	out, err := c.engine.Correct(ctx, a, id, in)
	return answered(c, contract.UpdateCorrect, out, err)
}

func (c crashingEngine) Review(ctx context.Context, a, id string, in contract.Review) (contract.Status, error) {
	out, err := c.engine.Review(ctx, a, id, in)
	return answered(c, contract.UpdateReview, out, err)
}

func (c crashingEngine) StartFace(ctx context.Context, a, id string, in contract.StartFace) (contract.Status, error) {
	out, err := c.engine.StartFace(ctx, a, id, in)
	return answered(c, contract.UpdateStartFace, out, err)
}

func (c crashingEngine) Scan(ctx context.Context, a, id string, in contract.Scan) (contract.Status, error) {
	out, err := c.engine.Scan(ctx, a, id, in)
	return answered(c, contract.UpdateScan, out, err)
}

func (c crashingEngine) Refresh(ctx context.Context, a, id string, in contract.Refresh) (contract.Status, error) {
	out, err := c.engine.Refresh(ctx, a, id, in)
	return answered(c, contract.UpdateRefresh, out, err)
}

func (c crashingEngine) ChooseManual(ctx context.Context, a, id string, in contract.Plain) (contract.Status, error) {
	out, err := c.engine.ChooseManual(ctx, a, id, in)
	return answered(c, contract.UpdateChooseManual, out, err)
}

func (c crashingEngine) CancelManual(ctx context.Context, a, id string, in contract.Plain) (contract.Status, error) {
	out, err := c.engine.CancelManual(ctx, a, id, in)
	return answered(c, contract.UpdateCancelManual, out, err)
}

func (c crashingEngine) ManualDecision(ctx context.Context, a, id string, in contract.Review) (contract.Status, error) {
	out, err := c.engine.ManualDecision(ctx, a, id, in)
	return answered(c, contract.UpdateManualDecision, out, err)
}

func (c crashingEngine) WithdrawConsent(ctx context.Context, a, id string, in contract.Plain) (contract.Status, error) {
	out, err := c.engine.WithdrawConsent(ctx, a, id, in)
	return answered(c, contract.UpdateWithdrawConsent, out, err)
}

func (c crashingEngine) Unlock(ctx context.Context, a, id string, in contract.Plain) (contract.Status, error) {
	out, err := c.engine.Unlock(ctx, a, id, in)
	return answered(c, contract.UpdateUnlock, out, err)
}

func (c crashingEngine) Revoke(ctx context.Context, a, id string, in contract.Plain) (contract.Status, error) {
	out, err := c.engine.Revoke(ctx, a, id, in)
	return answered(c, contract.UpdateRevoke, out, err)
}

func (c crashingEngine) Status(ctx context.Context, a string) (contract.Status, error) {
	return c.engine.Status(ctx, a) // a question: there is nothing to lose
}
