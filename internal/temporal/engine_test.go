package temporal_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// commands answers every command by one function, which gets the name of the command and its change id.
type commands struct {
	answer func(ctx context.Context, name, changeID string) error
}

func (c commands) status(ctx context.Context, name, account, change string) (contract.Status, error) {
	if err := c.answer(ctx, name, change); err != nil {
		return contract.Status{}, err
	}
	return contract.Status{AccountID: account, Reason: name}, nil
}

func (c commands) Login(ctx context.Context, _ string, in contract.Login) (contract.LoginResult, error) {
	return contract.LoginResult{Number: 7}, c.answer(ctx, "login", in.LoginID)
}
func (c commands) Submit(ctx context.Context, a, id string, _ contract.Submit) (contract.Status, error) {
	return c.status(ctx, "submit", a, id)
}
func (c commands) Correct(ctx context.Context, a, id string, _ contract.Correct) (contract.Status, error) {
	return c.status(ctx, "correct", a, id)
}
func (c commands) Review(ctx context.Context, a, id string, _ contract.Review) (contract.Status, error) {
	return c.status(ctx, "review", a, id)
}
func (c commands) StartFace(ctx context.Context, a, id string, _ contract.StartFace) (contract.Status, error) {
	return c.status(ctx, "start_face", a, id)
}
func (c commands) Scan(ctx context.Context, a, id string, _ contract.Scan) (contract.Status, error) {
	return c.status(ctx, "scan", a, id)
}
func (c commands) Refresh(ctx context.Context, a, id string, _ contract.Refresh) (contract.Status, error) {
	return c.status(ctx, "refresh", a, id)
}
func (c commands) ChooseManual(ctx context.Context, a, id string, _ contract.Plain) (contract.Status, error) {
	return c.status(ctx, "choose_manual", a, id)
}
func (c commands) CancelManual(ctx context.Context, a, id string, _ contract.Plain) (contract.Status, error) {
	return c.status(ctx, "cancel_manual", a, id)
}
func (c commands) ManualDecision(ctx context.Context, a, id string, _ contract.Review) (contract.Status, error) {
	return c.status(ctx, "manual_decision", a, id)
}
func (c commands) WithdrawConsent(ctx context.Context, a, id string, _ contract.Plain) (contract.Status, error) {
	return c.status(ctx, "withdraw_consent", a, id)
}
func (c commands) Unlock(ctx context.Context, a, id string, _ contract.Plain) (contract.Status, error) {
	return c.status(ctx, "unlock", a, id)
}
func (c commands) Revoke(ctx context.Context, a, id string, _ contract.Plain) (contract.Status, error) {
	return c.status(ctx, "revoke", a, id)
}
func (c commands) Status(ctx context.Context, a string) (contract.Status, error) {
	return c.status(ctx, "status", a, "")
}
func (c commands) RunningStatus(ctx context.Context, a string) (contract.Status, error) {
	return c.status(ctx, "status", a, "")
}

func engine(answer func(ctx context.Context, name, changeID string) error) *temporal.Engine {
	return engineOver(heads{}, answer)
}

// heads is a log whose every account is in one state; without one no account is known.
type heads struct{ state lifecycle.State }

func (h heads) Head(context.Context, string) (lifecycle.Verification, error) {
	if h.state == "" {
		return lifecycle.Verification{}, errors.New("not found")
	}
	return lifecycle.Verification{State: h.state}, nil
}

func engineOver(h heads, answer func(ctx context.Context, name, changeID string) error) *temporal.Engine {
	return temporal.NewEngine(commands{answer}, h, temporal.Waits{
		Command: 5 * time.Second, Provider: 30 * time.Second, Retry: 20 * time.Millisecond,
	})
}

// every calls each command once and returns what came back by name.
func every(ctx context.Context, e *temporal.Engine) map[string]func() error {
	const a, id = "a1", "c1"
	wrap := func(f func() (contract.Status, error), name string) func() error {
		return func() error {
			s, err := f()
			if err == nil && s.Reason != name {
				return fmt.Errorf("answered as %q", s.Reason)
			}
			return err
		}
	}
	out := map[string]func() error{"login": func() error {
		r, err := e.Login(ctx, a, contract.Login{LoginID: id})
		if err == nil && r.Number != 7 {
			return errors.New("lost the number")
		}
		return err
	}}
	for name, f := range map[string]func() (contract.Status, error){
		"submit":           func() (contract.Status, error) { return e.Submit(ctx, a, id, contract.Submit{}) },
		"correct":          func() (contract.Status, error) { return e.Correct(ctx, a, id, contract.Correct{}) },
		"review":           func() (contract.Status, error) { return e.Review(ctx, a, id, contract.Review{}) },
		"start_face":       func() (contract.Status, error) { return e.StartFace(ctx, a, id, contract.StartFace{}) },
		"scan":             func() (contract.Status, error) { return e.Scan(ctx, a, id, contract.Scan{}) },
		"refresh":          func() (contract.Status, error) { return e.Refresh(ctx, a, id, contract.Refresh{}) },
		"choose_manual":    func() (contract.Status, error) { return e.ChooseManual(ctx, a, id, contract.Plain{}) },
		"cancel_manual":    func() (contract.Status, error) { return e.CancelManual(ctx, a, id, contract.Plain{}) },
		"manual_decision":  func() (contract.Status, error) { return e.ManualDecision(ctx, a, id, contract.Review{}) },
		"withdraw_consent": func() (contract.Status, error) { return e.WithdrawConsent(ctx, a, id, contract.Plain{}) },
		"unlock":           func() (contract.Status, error) { return e.Unlock(ctx, a, id, contract.Plain{}) },
		"revoke":           func() (contract.Status, error) { return e.Revoke(ctx, a, id, contract.Plain{}) },
	} {
		out[name] = wrap(f, name)
	}
	return out
}

func TestEachCommandGoesThroughUnderItsId(t *testing.T) {
	t.Parallel()
	e := engine(func(_ context.Context, name, changeID string) error {
		if name != "status" && changeID != "c1" {
			return errors.New(name + " lost its id")
		}
		return nil
	})
	for name, call := range every(t.Context(), e) {
		require.NoError(t, call(), name)
	}
	s, err := e.Status(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, "status", s.Reason)
}

func TestErrorsOfTheApi(t *testing.T) {
	t.Parallel()
	refusal := &lifecycle.Refusal{Code: lifecycle.CodeAttemptsExhausted, State: lifecycle.Locked}
	for name, c := range map[string]struct{ got, want error }{
		"refusal":              {fmt.Errorf("x: %w", refusal), refusal},
		"account unknown":      {workflows.ErrAccountUnknown, api.ErrAccountUnknown},
		"provider down":        {workflows.ErrProviderUnavailable, api.ErrProviderUnavailable},
		"provider refuses":     {workflows.ErrProviderRefused, api.ErrProviderRefused},
		"broken log":           {workflows.ErrBrokenLog, workflows.ErrBrokenLog},
		"invalid":              {workflows.ErrInvalid, workflows.ErrInvalid},
		"too many requests":    {&serviceerror.ResourceExhausted{}, api.ErrEngineUnavailable},
		"denied":               {serviceerror.NewPermissionDenied("", ""), api.ErrEngineUnavailable},
		"no namespace":         {serviceerror.NewNamespaceNotFound("x"), api.ErrEngineUnavailable},
		"connection lost":      {serviceerror.NewUnavailable("x"), api.ErrOutcomeUnknown},
		"timeout":              {client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded), api.ErrOutcomeUnknown},
		"workflow task failed": {serviceerror.NewWorkflowNotReady("x"), api.ErrOutcomeUnknown},
		"anything else":        {errors.New("x"), api.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engine(func(context.Context, string, string) error { return c.got })
			for command, call := range every(t.Context(), e) {
				err := call()
				require.ErrorIs(t, err, c.want, command)
				other := api.ErrEngineUnavailable
				if errors.Is(c.want, other) {
					other = api.ErrOutcomeUnknown
				}
				require.False(t, !errors.Is(c.want, other) && errors.Is(err, other), "one answer, not two")
			}
		})
	}
}

func TestAClosingRunIsFollowedByTheNextUnderTheSameId(t *testing.T) {
	t.Parallel()
	for name, closing := range map[string]error{
		"not accepted":       fmt.Errorf("failed workflow update: %w", serviceerror.NewNotFound("workflow update was aborted by closing workflow")),
		"not accepted twice": serviceerror.NewAborted("again"),
		"accepted": sdktemporal.NewNonRetryableApplicationError(
			"Workflow Update failed because the Workflow completed before the Update completed.", "AcceptedUpdateCompletedWorkflow", nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				e := engine(func(_ context.Context, _, changeID string) error {
					if changeID != "c1" {
						return errors.New("another id")
					}
					if calls.Add(1) < 4 {
						return closing
					}
					return nil
				})
				_, err := e.Submit(t.Context(), "a1", "c1", contract.Submit{})
				require.NoError(t, err)
				require.EqualValues(t, 4, calls.Load())
			})
		})
	}
}

func TestWaitsAreBounded(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]time.Duration{
		"submit": 5 * time.Second, "login": 5 * time.Second, "start_face": 30 * time.Second, "refresh": 30 * time.Second,
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := engine(func(ctx context.Context, _, _ string) error {
					<-ctx.Done()
					return client.NewWorkflowUpdateServiceTimeoutOrCanceledError(ctx.Err())
				})
				begun := time.Now()
				require.ErrorIs(t, every(t.Context(), e)[command](), api.ErrOutcomeUnknown)
				require.Equal(t, want, time.Since(begun))
			})
		})
	}
}

func TestARunThatNeverStopsClosingEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := engine(func(context.Context, string, string) error { return serviceerror.NewNotFound("closing") })
		begun := time.Now()
		_, err := e.Revoke(t.Context(), "a1", "c1", contract.Plain{})
		require.ErrorIs(t, err, api.ErrOutcomeUnknown)
		require.Equal(t, 5*time.Second, time.Since(begun))
	})
}

// TestStaleRefusal: an import under a running workflow must not make it refuse what the log allows.
func TestStaleRefusal(t *testing.T) {
	t.Parallel()
	refusal := &lifecycle.Refusal{Code: lifecycle.CodeStepNotAllowed, State: lifecycle.Unverified}
	for _, c := range []struct {
		name  string
		log   lifecycle.State
		calls []string
		want  error
	}{
		{"the log has moved on: read it and ask again", lifecycle.Approved, []string{"start_face c1", "refresh c1/reload", "start_face c1"}, nil},
		{"the log agrees: the refusal stands", lifecycle.Unverified, []string{"start_face c1"}, refusal},
		{"the log does not answer: the refusal stands", "", []string{"start_face c1"}, refusal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls []string
			e := engineOver(heads{c.log}, func(_ context.Context, name, changeID string) error {
				calls = append(calls, name+" "+changeID)
				if len(calls) == 1 {
					return refusal
				}
				return nil
			})
			_, err := e.StartFace(t.Context(), "a1", "c1", contract.StartFace{})
			require.Equal(t, c.want, err)
			require.Equal(t, c.calls, calls)
		})
	}
}

func TestStatusSaysWhyThereIsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want error }{
		"no run":       {serviceerror.NewNotFound("x"), api.ErrRunUnknown},
		"closed":       {fmt.Errorf("x: %w", workflows.ErrRunClosed), api.ErrRunClosed},
		"no server":    {serviceerror.NewUnavailable("x"), api.ErrEngineUnavailable},
		"no worker":    {context.DeadlineExceeded, api.ErrEngineUnavailable},
		"no namespace": {serviceerror.NewNamespaceNotFound("x"), api.ErrEngineUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := engine(func(context.Context, string, string) error { return c.got }).Status(t.Context(), "a1")
			for _, one := range []error{api.ErrRunUnknown, api.ErrRunClosed, api.ErrEngineUnavailable} {
				require.Equal(t, errors.Is(c.want, one), errors.Is(err, one), "%v", one)
			}
		})
	}
}

// behind is a log that another writer has led on.
type behind struct{}

func (behind) Head(context.Context, string) (lifecycle.Verification, error) {
	return lifecycle.Verification{State: lifecycle.Approved, Seq: 1}, nil
}

// TestRefreshReadsWhatOthersWrote: a run that a sweep has left behind reads the log before it answers.
func TestRefreshReadsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	var sent []string
	e := temporal.NewEngine(commands{func(_ context.Context, _, changeID string) error {
		sent = append(sent, changeID)
		return nil
	}}, behind{}, temporal.Waits{Command: 5 * time.Second, Provider: 5 * time.Second, Retry: time.Millisecond})
	_, err := e.Refresh(t.Context(), "a1", "c1", contract.Refresh{})
	require.NoError(t, err)
	require.Equal(t, []string{"c1", "c1/reload"}, sent)
}
