package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// handle registers the query and every update before anything blocks, so that the first command of a new run
// finds its handler. The handlers themselves wait for the memory to be loaded.
func (v *verification) handle(ctx workflow.Context) error {
	return errors.Join(
		workflow.SetQueryHandlerWithOptions(ctx, contract.QueryStatus, func() (contract.Status, error) {
			return v.status(ctx), nil
		}, workflow.QueryHandlerOptions{Description: "the whole view of the verification"}),
		workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateLogin, v.login, workflow.UpdateHandlerOptions{
			Validator: func(in contract.Login) error { return shape(in.LoginID != "", "login_id") }, Description: "count a login prompt",
		}),
		on(ctx, v, contract.UpdateSubmit, "save real-name information", v.submit, checkSubmit, byTable[contract.Submit](v, lifecycle.Submit)),
		on(ctx, v, contract.UpdateCorrect, "replace approved information", v.correct, checkCorrect, byTable[contract.Correct](v, lifecycle.Correct)),
		on(ctx, v, contract.UpdateReview, "a reviewer's decision", v.decideReview, checkReview, v.byCase(lifecycle.Approve)),
		on(ctx, v, contract.UpdateStartFace, "start face verification or show another QR", v.startFace, checkStart, v.mayStart),
		on(ctx, v, contract.UpdateScan, "the QR was opened on a phone", v.scan, checkScan, byTable[contract.Scan](v, lifecycle.Scan)),
		on(ctx, v, contract.UpdateRefresh, "ask the provider now", v.refresh, anyShape[contract.Refresh], always[contract.Refresh]),
		on(ctx, v, contract.UpdateChooseManual, "take the route without a face", v.plain(lifecycle.ChooseManual), anyShape[contract.Plain], byTable[contract.Plain](v, lifecycle.ChooseManual)),
		on(ctx, v, contract.UpdateCancelManual, "leave the manual route", v.plain(lifecycle.CancelManual), anyShape[contract.Plain], byTable[contract.Plain](v, lifecycle.CancelManual)),
		on(ctx, v, contract.UpdateManualDecision, "a reviewer's decision on the manual route", v.decideManual, checkReview, v.byCase(lifecycle.ApproveManual)),
		on(ctx, v, contract.UpdateWithdrawConsent, "withdraw the face consent", v.plain(lifecycle.WithdrawConsent), anyShape[contract.Plain], byTable[contract.Plain](v, lifecycle.WithdrawConsent)),
		on(ctx, v, contract.UpdateUnlock, "unlock before the period ends", v.plain(lifecycle.Unlock), checkReason, byTable[contract.Plain](v, lifecycle.Unlock)),
		on(ctx, v, contract.UpdateRevoke, "undo the verification", v.plain(lifecycle.Revoke), checkReason, byTable[contract.Plain](v, lifecycle.Revoke)),
	)
}

// byTable judges by the table alone.
func byTable[In any](v *verification, event lifecycle.Event) func(In, time.Time) error {
	return func(In, time.Time) error { return v.memory.CheckEvent(event) }
}

// byCase judges by the table and by the case that was decided on.
func (v *verification) byCase(event lifecycle.Event) func(contract.Review, time.Time) error {
	return func(in contract.Review, _ time.Time) error {
		if err := v.memory.CheckEvent(event); err != nil {
			return err
		}
		return v.memory.CheckCase(in.Case)
	}
}

func always[In any](In, time.Time) error { return nil }

func (v *verification) mayStart(in contract.StartFace, at time.Time) error {
	return v.memory.CanStart(in.Consent != nil, v.settings.Limits, at)
}

// on registers one command. Its validator judges the shape and, once the memory is loaded, what the memory
// alone can tell, so that a plain refusal leaves no event in the history. The handler judges again, because
// the memory may move on between the two.
func on[In any](
	ctx workflow.Context, v *verification, name, description string,
	do func(workflow.Context, string, In) error, check func(In) error, judge func(In, time.Time) error,
) error {
	handler := func(ctx workflow.Context, in In) (contract.Status, error) {
		changeID := contract.ChangeID(workflow.GetCurrentUpdateInfo(ctx).ID)
		v.updates++
		if err := v.awaitReady(ctx); err != nil {
			return contract.Status{}, err
		}
		if !v.memory.Remembers(changeID) {
			if err := do(ctx, changeID, in); err != nil {
				return contract.Status{}, refused(err)
			}
		}
		return v.status(ctx), nil
	}
	validate := func(ctx workflow.Context, in In) error {
		if err := check(in); err != nil {
			return err
		}
		if !v.ready || v.memory.Remembers(contract.ChangeID(workflow.GetCurrentUpdateInfo(ctx).ID)) {
			return nil
		}
		return refused(judge(in, v.now(ctx)))
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, handler, workflow.UpdateHandlerOptions{Validator: validate, Description: description})
}

// awaitReady waits until the memory is loaded, and fails as the loading did.
func (v *verification) awaitReady(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return v.ready || v.broken != nil }); err != nil {
		return err
	}
	return v.broken
}

func (v *verification) status(ctx workflow.Context) contract.Status {
	s := contract.StatusOf(v.memory, v.settings.Limits, v.now(ctx))
	info := workflow.GetInfo(ctx)
	s.WorkflowID, s.RunID = info.WorkflowExecution.ID, info.WorkflowExecution.RunID
	return s
}

// Shapes. The message names the field and never its value.

func shape(ok bool, field string) error {
	if ok {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(field+" is missing or not allowed", contract.ErrTypeInvalid, nil, field)
}

func anyShape[In any](In) error { return nil }

func checkIdentity(id lifecycle.Identity, notice string) error {
	if id.Ref == "" || id.Digest == "" {
		return shape(false, "identity")
	}
	return shape(notice != "", "risk_notice_version")
}

func checkSubmit(in contract.Submit) error { return checkIdentity(in.Identity, in.RiskNoticeVersion) }

func checkCorrect(in contract.Correct) error {
	if in.Support && in.Reason == "" {
		return shape(false, "reason")
	}
	return checkIdentity(in.Identity, in.RiskNoticeVersion)
}

func checkReview(in contract.Review) error {
	switch in.Decision {
	case contract.VerdictApprove:
		return nil
	case contract.VerdictReject:
		return shape(in.ReasonCode != "", "reason_code")
	default:
		return shape(false, "decision")
	}
}

func checkStart(in contract.StartFace) error {
	if in.Consent == nil {
		return nil
	}
	return shape(in.Consent.TextVersion != "" && in.Consent.Language != "", "consent")
}

func checkScan(in contract.Scan) error { return shape(in.LeaseID != "", "lease_id") }

func checkReason(in contract.Plain) error { return shape(in.Reason != "", "reason") }
