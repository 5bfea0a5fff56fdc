package web_test

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/web"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// engine takes commands as the workflow does: it decides by the state machine and appends to the real store.
type engine struct {
	store  *sqlstore.Store
	now    func() time.Time
	limits lifecycle.Limits

	mu       sync.Mutex
	failing  error // instead of taking a command
	commands []string
	consents []contract.Consent
}

var _ web.Engine = (*engine)(nil)

func (e *engine) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failing = err
}

func (e *engine) seen() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.commands...)
}

func (e *engine) begin(command string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.commands = append(e.commands, command)
	return e.failing
}

type drafter func(lifecycle.Verification) (lifecycle.Change, error)

func (e *engine) take(ctx context.Context, id, change, command string, draft drafter) (contract.Status, error) {
	if err := e.begin(command); err != nil {
		return contract.Status{}, err
	}
	v, err := e.store.Head(ctx, id)
	if err != nil {
		return contract.Status{}, api.ErrAccountUnknown
	}
	if _, err := e.store.Written(ctx, id, change); err == nil {
		return contract.StatusOf(v, e.limits, e.now()), nil
	}
	c, err := draft(v)
	if err != nil {
		return contract.Status{}, err
	}
	c.ChangeID, c.At = change, e.now()
	changes, err := v.Decide(c, e.limits)
	if err != nil {
		return contract.Status{}, err
	}
	if _, err := e.store.Append(ctx, lifecycle.Append{AccountID: id, ChangeID: change, Head: v.Seq, Known: v.Seq, Changes: changes}); err != nil {
		return contract.Status{}, api.ErrEngineUnavailable
	}
	v, err = e.store.Head(ctx, id)
	return contract.StatusOf(v, e.limits, e.now()), err
}

func (e *engine) event(ctx context.Context, id, change string, c lifecycle.Change) (contract.Status, error) {
	return e.take(ctx, id, change, string(c.Event), func(lifecycle.Verification) (lifecycle.Change, error) { return c, nil })
}

func (e *engine) Submit(ctx context.Context, id, change string, in contract.Submit) (contract.Status, error) {
	return e.event(ctx, id, change, lifecycle.Change{
		Event: lifecycle.Submit, Actor: in.Actor, Detail: lifecycle.Detail{Identity: &in.Identity, Consent: e.submitted(in.Consent, &in.Identity)},
	})
}

func (e *engine) submitted(c *contract.Consent, subject *lifecycle.Identity) *lifecycle.Consent {
	if c == nil {
		return nil
	}
	record := c.Record(uuid.NewString(), e.now(), 0, subject)
	return &record
}

func (e *engine) Correct(ctx context.Context, id, change string, in contract.Correct) (contract.Status, error) {
	return e.event(ctx, id, change, lifecycle.Change{
		Event: lifecycle.Correct, Actor: in.Actor, Detail: lifecycle.Detail{Identity: &in.Identity, Correction: lifecycle.CorrectionByPolicy, Consent: e.submitted(in.Consent, &in.Identity)},
	})
}

func (e *engine) StartFace(ctx context.Context, id, change string, in contract.StartFace) (contract.Status, error) {
	return e.take(ctx, id, change, "start_face", func(v lifecycle.Verification) (lifecycle.Change, error) {
		now := e.now()
		c := lifecycle.Change{Event: lifecycle.IssueQR, Actor: in.Actor}
		if err := v.CanStart(in.Consent != nil, e.limits, now); err != nil {
			return c, err
		}
		if in.Consent != nil {
			e.mu.Lock()
			e.consents = append(e.consents, *in.Consent)
			e.mu.Unlock()
			record := in.Consent.Record(uuid.NewString(), now, v.Generation, v.Identity)
			c.Detail.Consent = &record
			for _, also := range in.Also {
				c.Detail.Also = append(c.Detail.Also, also.Record(uuid.NewString(), now, v.Generation, v.Identity))
			}
		}
		attempt := v.Live(now)
		if attempt == nil {
			attempt = &lifecycle.Attempt{
				ID: uuid.NewString(), Number: v.Started + 1, Provider: "test", OrderNo: "o" + change[:8], ProviderRef: "p-" + change[:8],
				Revision: v.Revision, Generation: v.Generation, StartedAt: now, EndsAt: now.Add(23 * time.Hour), ResultBy: now.AddDate(0, 3, 0),
			}
			c.Detail.Attempt = attempt
		}
		c.Detail.Lease = &lifecycle.Lease{ID: uuid.NewString(), AttemptID: attempt.ID, IssuedAt: now, ExpiresAt: now.Add(e.limits.Lease)}
		return c, nil
	})
}

func (e *engine) Refresh(ctx context.Context, id, _ string, _ contract.Refresh) (contract.Status, error) {
	if err := e.begin("refresh"); err != nil {
		return contract.Status{}, err
	}
	v, err := e.store.Head(ctx, id)
	return contract.StatusOf(v, e.limits, e.now()), err
}

func (e *engine) plain(ctx context.Context, id, change string, event lifecycle.Event, in contract.Plain) (contract.Status, error) {
	return e.event(ctx, id, change, lifecycle.Change{Event: event, Actor: in.Actor, Reason: in.Reason})
}

func (e *engine) ChooseManual(ctx context.Context, id, change string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, id, change, lifecycle.ChooseManual, in)
}

func (e *engine) CancelManual(ctx context.Context, id, change string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, id, change, lifecycle.CancelManual, in)
}

func (e *engine) WithdrawConsent(ctx context.Context, id, change string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, id, change, lifecycle.WithdrawConsent, in)
}
