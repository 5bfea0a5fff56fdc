// Package apitest stands in for the engine behind the API: commands, sweeps and runs of reminders, over a real store.
// Tests of the API and of what is built on it use it.
package apitest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Engine takes commands as the workflow does: it decides by the state machine and appends to the real store.
type Engine struct {
	Store  *sqlstore.Store
	Now    func() time.Time
	Limits lifecycle.Limits
	// Correction is the right that the policy grants.
	Correction policy.Correction

	mu       sync.Mutex
	commands []string
	// The rest is changed by Set while commands come.
	Failing error // instead of taking a command
	Lost    bool  // take commands and lose the answers
	// SameConsent records no consent that says the same as the one in force, as the workflow does.
	SameConsent bool
	Block       chan struct{} // if not nil, commands wait until it is closed or their context ends
	Begun       chan struct{} // if not nil, gets a value when a command has come
	// Recalls changes what a run remembers: nil, or ErrRunUnknown and the like instead of an answer.
	Recalls func(*contract.Status) error
}

var _ api.Engine = (*Engine)(nil)

// Set changes how it takes commands.
func (e *Engine) Set(change func(*Engine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

// Seen are the commands that came.
func (e *Engine) Seen() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.commands...)
}

func (e *Engine) begin(ctx context.Context, command string) error {
	e.mu.Lock()
	e.commands = append(e.commands, command)
	failing, block, begun := e.Failing, e.Block, e.Begun
	e.mu.Unlock()
	if begun != nil {
		begun <- struct{}{}
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return api.ErrOutcomeUnknown
		}
	}
	return failing
}

// take commits one change, unless its change id was written before.
func (e *Engine) take(ctx context.Context, accountID, changeID, command string, draft func(lifecycle.Verification) (lifecycle.Change, error)) (contract.Status, error) {
	return e.takeSeen(ctx, accountID, changeID, command, nil, draft)
}

// takeSeen is take for a decision on what lies beside the log.
func (e *Engine) takeSeen(
	ctx context.Context, accountID, changeID, command string, seen *lifecycle.Seen, draft func(lifecycle.Verification) (lifecycle.Change, error),
) (contract.Status, error) {
	if err := e.begin(ctx, command); err != nil {
		return contract.Status{}, err
	}
	for {
		v, err := e.Store.Head(ctx, accountID)
		if err != nil {
			return contract.Status{}, api.ErrAccountUnknown
		}
		if _, err := e.Store.Written(ctx, accountID, changeID); err == nil {
			if v, err = e.Store.Head(ctx, accountID); err != nil { // it may have been written since the head was read
				return contract.Status{}, err
			}
			return e.answer(contract.StatusOf(v, e.Limits, e.Now()))
		}
		c, err := draft(v)
		if err != nil {
			return contract.Status{}, err
		}
		c.ChangeID, c.At = changeID, e.Now()
		changes, err := v.Decide(c, e.Limits)
		if err != nil {
			return contract.Status{}, err
		}
		result, err := e.Store.Append(ctx, lifecycle.Append{AccountID: accountID, ChangeID: changeID, Head: v.Seq, Known: v.Seq, Changes: changes, Seen: seen})
		var refusal *lifecycle.Refusal
		if errors.As(err, &refusal) {
			return contract.Status{}, refusal
		}
		if err != nil {
			return contract.Status{}, api.ErrEngineUnavailable
		}
		if result.Outcome == lifecycle.HeadMoved {
			continue
		}
		if v, err = e.Store.Head(ctx, accountID); err != nil {
			return contract.Status{}, err
		}
		return e.answer(contract.StatusOf(v, e.Limits, e.Now()))
	}
}

func (e *Engine) answer(s contract.Status) (contract.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Lost {
		return contract.Status{}, api.ErrOutcomeUnknown
	}
	s.WorkflowID, s.RunID = contract.VerificationID(s.AccountID), "run-1"
	return s, nil
}

// Event commits a change of any kind.
func (e *Engine) Event(ctx context.Context, accountID, changeID, command string, c lifecycle.Change) (contract.Status, error) {
	return e.take(ctx, accountID, changeID, command, func(lifecycle.Verification) (lifecycle.Change, error) { return c, nil })
}

func (e *Engine) plain(ctx context.Context, accountID, changeID string, event lifecycle.Event, in contract.Plain) (contract.Status, error) {
	return e.Event(ctx, accountID, changeID, string(event), lifecycle.Change{
		Event: event, Actor: in.Actor, Reason: in.Reason, Detail: lifecycle.Detail{NoteRef: in.NoteRef},
	})
}

// Login implements api.Engine.
func (e *Engine) Login(ctx context.Context, accountID string, in contract.Login) (contract.LoginResult, error) {
	changeID := "login:" + in.LoginID
	_, err := e.Event(ctx, accountID, changeID, "login", lifecycle.Change{
		Event: lifecycle.Prompt, Actor: in.Actor, Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{
			Level: in.Level, LoginID: in.LoginID, Policy: in.Policy, PolicyVersion: in.PolicyVersion, Rule: in.Rule,
		}},
	})
	if err != nil {
		return contract.LoginResult{}, err
	}
	written, err := e.Store.Written(ctx, accountID, changeID)
	if err != nil {
		return contract.LoginResult{}, err
	}
	return contract.LoginResult{Number: written[0].Detail.Prompt.Number}, nil
}

// Submit implements api.Engine.
func (e *Engine) Submit(ctx context.Context, accountID, changeID string, in contract.Submit) (contract.Status, error) {
	status, err := e.Event(ctx, accountID, changeID, "submit", lifecycle.Change{
		Event: lifecycle.Submit, Actor: in.Actor,
		Detail: lifecycle.Detail{Identity: &in.Identity, Consent: e.submitted(accountID, changeID, in.Consent, &in.Identity)},
	})
	if err != nil || status.State != lifecycle.Submitted {
		return status, err
	}
	return e.Event(ctx, accountID, changeID+"/review", "begin_review", lifecycle.Change{
		Event: lifecycle.BeginReview, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
	})
}

// submitted is the consent that came with real-name information.
func (e *Engine) submitted(accountID, changeID string, c *contract.Consent, subject *lifecycle.Identity) *lifecycle.Consent {
	if c == nil {
		return nil
	}
	record := c.Record(named(accountID, changeID, "consent"), e.Now(), 0, subject)
	return &record
}

// Correct implements api.Engine.
func (e *Engine) Correct(ctx context.Context, accountID, changeID string, in contract.Correct) (contract.Status, error) {
	return e.take(ctx, accountID, changeID, "correct", func(v lifecycle.Verification) (lifecycle.Change, error) {
		right := ""
		switch {
		case in.Support:
			right = lifecycle.CorrectionBySupport
		case e.Correction.Allows(e.Now(), v.Corrections):
			right = lifecycle.CorrectionByPolicy
		}
		return lifecycle.Change{
			Event: lifecycle.Correct, Actor: in.Actor, Reason: in.Reason,
			Detail: lifecycle.Detail{Identity: &in.Identity, Correction: right, Consent: e.submitted(accountID, changeID, in.Consent, &in.Identity)},
		}, nil
	})
}

func (e *Engine) verdict(ctx context.Context, accountID, changeID string, approve, reject lifecycle.Event, in contract.Review) (contract.Status, error) {
	c := lifecycle.Change{Event: approve, Actor: in.Actor, Detail: lifecycle.Detail{NoteRef: in.NoteRef}}
	if in.Decision == contract.VerdictReject {
		c.Event, c.Reason = reject, in.ReasonCode
	}
	return e.takeSeen(ctx, accountID, changeID, "review", in.Seen, func(v lifecycle.Verification) (lifecycle.Change, error) {
		if err := v.CheckEvent(c.Event); err != nil {
			return c, err
		}
		return c, v.CheckCase(in.Case)
	})
}

// Review implements api.Engine.
func (e *Engine) Review(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return e.verdict(ctx, accountID, changeID, lifecycle.Approve, lifecycle.Reject, in)
}

// ManualDecision implements api.Engine.
func (e *Engine) ManualDecision(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error) {
	return e.verdict(ctx, accountID, changeID, lifecycle.ApproveManual, lifecycle.RejectManual, in)
}

func named(accountID, changeID, what string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(accountID+"/"+changeID+"/"+what)).String()
}

// StartFace implements api.Engine.
func (e *Engine) StartFace(ctx context.Context, accountID, changeID string, in contract.StartFace) (contract.Status, error) {
	return e.take(ctx, accountID, changeID, "start_face", func(v lifecycle.Verification) (lifecycle.Change, error) {
		now := e.Now()
		c := lifecycle.Change{Event: lifecycle.IssueQR, Actor: in.Actor}
		if err := v.CanStart(in.Consent != nil, e.Limits, now); err != nil {
			return c, err
		}
		if in.Consent != nil && !(e.SameConsent && v.Consent != nil) {
			record := in.Consent.Record(named(accountID, changeID, "consent"), now, v.Generation, v.Identity)
			c.Detail.Consent = &record
			for i, also := range in.Also {
				c.Detail.Also = append(c.Detail.Also, also.Record(named(accountID, changeID, "consent"+string(rune('a'+i))), now, v.Generation, v.Identity))
			}
		}
		attempt := v.Live(now)
		if attempt == nil {
			attempt = &lifecycle.Attempt{
				ID: named(accountID, changeID, "attempt"), Number: v.Started + 1, Provider: "test", OrderNo: "o" + changeID[:8],
				ProviderRef: "p-" + changeID[:8], Revision: v.Revision, Generation: v.Generation, StartedAt: now,
				EndsAt: now.Add(23 * time.Hour), ResultBy: now.Add(90 * 24 * time.Hour),
			}
			c.Detail.Attempt = attempt
		}
		c.Detail.Lease = &lifecycle.Lease{
			ID: named(accountID, changeID, "lease"), AttemptID: attempt.ID, IssuedAt: now, ExpiresAt: now.Add(e.Limits.Lease),
		}
		return c, nil
	})
}

// Scan implements api.Engine.
func (e *Engine) Scan(ctx context.Context, accountID, changeID string, in contract.Scan) (contract.Status, error) {
	return e.Event(ctx, accountID, changeID, "scan", lifecycle.Change{
		Event: lifecycle.Scan, Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant}, Detail: lifecycle.Detail{LeaseID: in.LeaseID},
	})
}

// Refresh implements api.Engine.
func (e *Engine) Refresh(ctx context.Context, accountID, _ string, _ contract.Refresh) (contract.Status, error) {
	if err := e.begin(ctx, "refresh"); err != nil {
		return contract.Status{}, err
	}
	v, err := e.Store.Head(ctx, accountID)
	if err != nil {
		return contract.Status{}, api.ErrAccountUnknown
	}
	return e.answer(contract.StatusOf(v, e.Limits, e.Now()))
}

// ChooseManual implements api.Engine.
func (e *Engine) ChooseManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, accountID, changeID, lifecycle.ChooseManual, in)
}

// CancelManual implements api.Engine.
func (e *Engine) CancelManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, accountID, changeID, lifecycle.CancelManual, in)
}

// WithdrawConsent implements api.Engine.
func (e *Engine) WithdrawConsent(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, accountID, changeID, lifecycle.WithdrawConsent, in)
}

// Unlock implements api.Engine.
func (e *Engine) Unlock(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, accountID, changeID, lifecycle.Unlock, in)
}

// Revoke implements api.Engine.
func (e *Engine) Revoke(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error) {
	return e.plain(ctx, accountID, changeID, lifecycle.Revoke, in)
}

// Status implements api.Engine: the record, as if a run remembered it, unless Recalls says otherwise.
func (e *Engine) Status(ctx context.Context, accountID string) (contract.Status, error) {
	if err := e.begin(ctx, contract.QueryStatus); err != nil {
		return contract.Status{}, err
	}
	v, err := e.Store.Head(ctx, accountID)
	if err != nil {
		return contract.Status{}, api.ErrRunUnknown
	}
	s, err := e.answer(contract.StatusOf(v, e.Limits, e.Now()))
	e.mu.Lock()
	recalls := e.Recalls
	e.mu.Unlock()
	if err == nil && recalls != nil {
		err = recalls(&s)
	}
	return s, err
}

// Provider is the provider's word, as the workflow would log it.
func (e *Engine) Provider(ctx context.Context, accountID string, event lifecycle.Event) error {
	v, err := e.Store.Head(ctx, accountID)
	if err != nil {
		return err
	}
	at := e.Now()
	_, err = e.Event(ctx, accountID, string(event)+at.String()+uuid.NewString(), "provider", lifecycle.Change{
		Event: event, Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider}, Reason: "face_not_passed",
		Detail: lifecycle.Detail{AttemptID: v.Attempts[len(v.Attempts)-1].ID, Evidence: &lifecycle.Evidence{Provider: "test", At: at}},
	})
	return err
}
