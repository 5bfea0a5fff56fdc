package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// ordersPerStart is how many order numbers one command may spend when answers are lost.
const ordersPerStart = 2

// startFace shows a QR: another lease of the attempt that lives, or the first lease of a new attempt.
//
// A new attempt needs a call to the provider, and no lock is held across it. Only one call is under way at a
// time; whoever comes meanwhile (a double click, a second tab) waits and is shown the same QR. After the call
// the memory is judged again: if it moved on, the order is dropped and nobody ever sees its QR.
func (v *verification) startFace(ctx workflow.Context, changeID string, in contract.StartFace) error {
	if v.starting {
		if err := workflow.Await(ctx, func() bool { return !v.starting }); err != nil {
			return err
		}
		if v.memory.Lease != nil {
			return nil
		}
	}
	now := v.now(ctx)
	if err := v.memory.CanStart(in.Consent != nil, v.settings.Limits, now); err != nil {
		return err
	}
	if v.memory.Live(now) != nil {
		return v.issue(ctx, changeID, in, nil, nil)
	}
	v.starting = true
	defer func() { v.starting = false }()
	attempt, abandoned, err := v.order(ctx, in)
	if err != nil {
		return err
	}
	return v.issue(ctx, changeID, in, attempt, abandoned)
}

// issue commits a lease, with the new attempt if there is one.
func (v *verification) issue(ctx workflow.Context, changeID string, in contract.StartFace, attempt *lifecycle.Attempt, abandoned []string) error {
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	return v.commit(ctx, changeID, func(at time.Time) ([]lifecycle.Change, error) {
		m := v.memory
		detail := lifecycle.Detail{Attempt: attempt, Consent: v.consent(ctx, in, at), Abandoned: abandoned}
		if detail.Consent != nil {
			for i, also := range in.Also {
				detail.Also = append(detail.Also, also.Record(id(ctx, fmt.Sprintf("consent/%d", i)), at, m.Generation, m.Identity))
			}
		}
		shown := attempt
		if shown == nil {
			if shown = m.Live(at); shown == nil {
				return nil, m.CheckEvent(lifecycle.IssueQR)
			}
		}
		detail.Lease = &lifecycle.Lease{
			ID: id(ctx, "lease"), AttemptID: shown.ID, IssuedAt: at,
			ExpiresAt: earlier(at.Add(v.settings.Limits.Lease), shown.EndsAt),
		}
		return m.Decide(lifecycle.Change{Event: lifecycle.IssueQR, At: at, Actor: in.Actor, Detail: detail}, v.settings.Limits)
	})
}

// order places the order at the provider. An answer that was lost is abandoned by number: the next try takes
// a new number, and the lost ones are recorded with the attempt that succeeds.
func (v *verification) order(ctx workflow.Context, in contract.StartFace) (*lifecycle.Attempt, []string, error) {
	var provider *activities.Face
	m := v.memory
	consent := v.consent(ctx, in, v.now(ctx))
	if consent == nil {
		consent = m.Consent
	}
	a := lifecycle.Attempt{
		ID: id(ctx, "attempt"), Number: m.Started + 1, Revision: m.Revision, Generation: m.Generation,
	}
	ask := activities.StartFaceInput{AccountID: m.AccountID, AttemptID: a.ID, ConsentID: consent.ID}
	if m.Identity != nil {
		ask.IdentityRef = m.Identity.Ref
	}
	var abandoned []string
	for try := range ordersPerStart {
		ask.OrderNo = strings.ReplaceAll(id(ctx, fmt.Sprintf("order/%d", try)), "-", "")
		var got activities.StartFaceResult
		err := workflow.ExecuteActivity(withOrder(ctx), provider.StartFace, ask).Get(ctx, &got)
		if err == nil {
			a.OrderNo, a.Provider, a.ProviderRef = ask.OrderNo, got.Provider, got.ProviderRef
			a.StartedAt, a.EndsAt, a.ResultBy = got.StartedAt, got.EndsAt, got.ResultBy
			return &a, abandoned, nil
		}
		abandoned = append(abandoned, ask.OrderNo)
		if try == ordersPerStart-1 || isFinal(err) {
			return nil, nil, unavailable(err)
		}
	}
	return nil, nil, nil
}

// consent returns the consent to record: the one brought along, unless the very same is in force.
func (v *verification) consent(ctx workflow.Context, in contract.StartFace, at time.Time) *lifecycle.Consent {
	c, have := in.Consent, v.memory.Consent
	if c == nil || (have != nil && have.TextVersion == c.TextVersion && have.Language == c.Language) {
		return nil
	}
	record := c.Record(id(ctx, "consent"), at, v.memory.Generation, v.memory.Identity)
	return &record
}

// id derives an identifier from the update at hand: a re-run of the workflow names the same things, and the
// same command sent again after a failure names new ones. An order number in particular is never used twice.
func id(ctx workflow.Context, what string) string {
	of := workflow.GetInfo(ctx).WorkflowExecution.ID + "/" + workflow.GetCurrentUpdateInfo(ctx).ID
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("verigate/"+of+"/"+what)).String()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// isFinal reports that another order would fare no better.
func isFinal(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == contract.ErrTypeProviderRefused
}

// unavailable turns what an activity on the provider failed with into what the caller is told.
func unavailable(err error) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	errType, message := contract.ErrTypeProviderUnavailable, "the provider does not answer; nothing was changed"
	if isFinal(err) {
		errType, message = contract.ErrTypeProviderRefused, "the provider refuses the information"
	}
	return temporal.NewNonRetryableApplicationError(message, errType, nil)
}
