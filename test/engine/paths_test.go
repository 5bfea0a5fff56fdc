package engine

import (
	"cmp"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// path is one way through a verification, down to its end or to a rest.
type path struct {
	name    string
	options []option
	walk    func(p *walker)
	want    lifecycle.State
	runs    int // at least so many runs in the chain; 0 means one
}

// walker gives the commands short names and each its own change id.
type walker struct {
	*bed
	id string
	n  int

	digest string // of the identity, where others have one too
}

func (w *walker) change() string { w.n++; return "change-" + strconv.Itoa(w.n) }

func (w *walker) ok(s contract.Status, err error) contract.Status {
	w.t.Helper()
	require.NoError(w.t, err)
	return s
}

func (w *walker) login() {
	_, err := w.typed.Login(w.t.Context(), w.id, contract.Login{LoginID: w.change(), Level: "final", Policy: "p", PolicyVersion: 1, Rule: "r", Actor: merchant()})
	require.NoError(w.t, err)
}

func (w *walker) submit() contract.Status {
	w.t.Helper()
	return w.ok(w.typed.Submit(w.t.Context(), w.id, w.change(), contract.Submit{
		Identity: lifecycle.Identity{Ref: "ref", Digest: cmp.Or(w.digest, "digest")}, RiskNoticeVersion: "1", Actor: merchant(),
	}))
}

func (w *walker) approved() {
	w.t.Helper()
	w.submit()
	w.until(w.id, lifecycle.Approved)
}

func (w *walker) start() contract.Status {
	w.t.Helper()
	return w.ok(w.typed.StartFace(w.t.Context(), w.id, w.change(), contract.StartFace{
		Consent: &contract.Consent{TextVersion: "1", Language: "zh-CN"}, Actor: merchant(),
	}))
}

func (w *walker) scan(s contract.Status) {
	w.t.Helper()
	w.ok(w.typed.Scan(w.t.Context(), w.id, w.change(), contract.Scan{LeaseID: s.Lease.ID}))
}

func (w *walker) plain(do func(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error), actor lifecycle.Actor) contract.Status {
	w.t.Helper()
	return w.ok(do(w.t.Context(), w.id, w.change(), contract.Plain{Reason: canaryReason, Actor: actor}))
}

// refresh sends the command and does not wait for its answer.
func (w *walker) refresh() client.WorkflowUpdateHandle {
	w.t.Helper()
	handle, err := w.client.UpdateWorkflow(w.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: contract.VerificationID(w.id), UpdateID: contract.UpdateID(w.change(), "1"), UpdateName: contract.UpdateRefresh,
		Args: []any{contract.Refresh{Actor: merchant()}}, WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	require.NoError(w.t, err)
	return handle
}

func (w *walker) verdict(n int, state face.State, want lifecycle.State) {
	w.t.Helper()
	w.provider.answer(n, state)
	w.until(w.id, want)
}

func shortLease(_ *bed, d *worker.Deps) { d.Records.Settings.Limits.Lease = time.Second }

func paths() []path {
	return []path{
		{name: "verified", want: lifecycle.Verified, walk: func(w *walker) {
			w.login()
			w.approved()
			w.scan(w.start())
			w.verdict(1, face.StatePassed, lifecycle.Verified)
		}},
		{name: "rejected", want: lifecycle.Rejected, options: []option{needsReviewer}, walk: func(w *walker) {
			w.submit()
			w.until(w.id, lifecycle.UnderReview)
			w.ok(w.typed.Review(w.t.Context(), w.id, w.change(), contract.Review{Decision: contract.VerdictReject, ReasonCode: "unreadable", Actor: reviewer()}))
		}},
		{name: "face-failed-then-verified", want: lifecycle.Verified, walk: func(w *walker) {
			w.approved()
			w.scan(w.start())
			w.verdict(1, face.StateFailed, lifecycle.FaceFailed)
			w.start()
			w.verdict(2, face.StatePassed, lifecycle.Verified)
		}},
		{name: "locked", want: lifecycle.Verified, options: []option{
			func(b *bed, d *worker.Deps) { // Beijing midnight is a few seconds away
				d.Records.Settings.Limits.AttemptsPerDay = 1
				b.offset = lifecycle.NextDay(time.Now()).Add(-5 * time.Second).Sub(time.Now())
			},
		}, walk: func(w *walker) {
			w.approved()
			w.start()
			w.verdict(1, face.StateFailed, lifecycle.Locked)
			w.until(w.id, lifecycle.Approved)
			w.start()
			w.verdict(2, face.StatePassed, lifecycle.Verified)
		}},
		{name: "unlocked", want: lifecycle.QRIssued, options: []option{
			func(_ *bed, d *worker.Deps) { d.Records.Settings.Limits.AttemptsPerDay = 1 },
		}, walk: func(w *walker) {
			w.approved()
			w.start()
			w.verdict(1, face.StateFailed, lifecycle.Locked)
			w.plain(w.typed.Unlock, operator())
			w.start()
		}},
		{name: "manual", want: lifecycle.Verified, walk: func(w *walker) {
			w.approved()
			w.start()
			w.plain(w.typed.ChooseManual, merchant())
			w.plain(w.typed.CancelManual, merchant())
			w.plain(w.typed.ChooseManual, merchant())
			w.ok(w.typed.ManualDecision(w.t.Context(), w.id, w.change(), contract.Review{Decision: contract.VerdictApprove, Actor: reviewer()}))
		}},
		{name: "expired", want: lifecycle.Verified, options: []option{shortLease}, walk: func(w *walker) {
			w.approved()
			w.start()
			w.until(w.id, lifecycle.Approved)
			again := w.start()
			require.Equal(w.t, 1, w.provider.count(), "the provider's attempt lives on")
			w.scan(again)
			w.verdict(1, face.StatePassed, lifecycle.Verified)
		}},
		{name: "late-pass", want: lifecycle.Verified, options: []option{shortLease}, walk: func(w *walker) {
			w.approved()
			w.start()
			w.until(w.id, lifecycle.Approved)
			w.provider.answer(1, face.StatePassed)
			w.ok(w.typed.Refresh(w.t.Context(), w.id, w.change(), contract.Refresh{Actor: merchant()}))
		}},
		{name: "refreshed-by-two", want: lifecycle.Verified, walk: func(w *walker) {
			w.approved()
			w.start()
			release := w.provider.hold()
			defer release()
			refreshes := []client.WorkflowUpdateHandle{w.refresh(), w.refresh()}
			w.provider.answer(1, face.StatePassed)
			release()
			for _, handle := range refreshes {
				var s contract.Status
				require.NoError(w.t, handle.Get(w.t.Context(), &s))
				require.Equal(w.t, lifecycle.Verified, s.State)
			}
		}},
		{name: "late-pass-of-older-attempt", want: lifecycle.Verified, walk: func(w *walker) {
			w.approved()
			w.start()
			w.verdict(1, face.StateFailed, lifecycle.FaceFailed)
			w.start()
			w.verdict(1, face.StatePassed, lifecycle.Verified)
		}},
		{name: "revoked", want: lifecycle.Unverified, walk: func(w *walker) {
			w.approved()
			w.start()
			w.verdict(1, face.StatePassed, lifecycle.Verified)
			w.plain(w.typed.Revoke, operator())
		}},
		{name: "correction", want: lifecycle.Approved, options: []option{mayCorrect}, walk: func(w *walker) {
			w.approved()
			w.start()
			w.ok(w.typed.Correct(w.t.Context(), w.id, w.change(), contract.Correct{
				Identity: lifecycle.Identity{Ref: "ref2", Digest: "digest2"}, RiskNoticeVersion: "1", Actor: merchant(),
			}))
			w.until(w.id, lifecycle.Approved)
			_, err := w.typed.Correct(w.t.Context(), w.id, w.change(), contract.Correct{
				Identity: lifecycle.Identity{Ref: "ref3", Digest: "digest3"}, RiskNoticeVersion: "1", Actor: merchant(),
			})
			var refusal *lifecycle.Refusal
			require.ErrorAs(w.t, err, &refusal)
			require.Equal(w.t, lifecycle.CodeCorrectionNotAllowed, refusal.Code, "once means once")
		}},
		{name: "consent-withdrawn", want: lifecycle.QRIssued, walk: func(w *walker) {
			w.approved()
			w.start()
			w.plain(w.typed.WithdrawConsent, merchant())
			w.start()
			require.Equal(w.t, 2, w.provider.count(), "an attempt of a withdrawn consent is never shown again")
		}},
		{name: "lost-order", want: lifecycle.Verified, options: []option{func(b *bed, _ *worker.Deps) { b.provider.lose = 1 }}, walk: func(w *walker) {
			w.approved()
			w.start()
			require.Equal(w.t, 2, w.provider.count())
			w.verdict(2, face.StatePassed, lifecycle.Verified)
		}},
		{name: "refused-then-idle", want: lifecycle.Unverified, walk: func(w *walker) {
			_, err := w.typed.StartFace(w.t.Context(), w.id, w.change(), contract.StartFace{Actor: merchant()})
			var refusal *lifecycle.Refusal
			require.ErrorAs(w.t, err, &refusal)
		}},
		{name: "prompts", want: lifecycle.Unverified, walk: func(w *walker) {
			for range 5 {
				w.login()
			}
			_, err := w.typed.StartFace(w.t.Context(), w.id, w.change(), contract.StartFace{Actor: merchant()})
			var refusal *lifecycle.Refusal
			require.ErrorAs(w.t, err, &refusal)
		}},
		{name: "continued", want: lifecycle.Verified, runs: 3, options: []option{
			func(_ *bed, d *worker.Deps) { d.Records.Settings.ContinueAfter = 2 },
		}, walk: func(w *walker) {
			for range 3 {
				w.login()
			}
			w.approved()
			s := w.start()
			w.scan(s)
			for range 3 {
				w.ok(w.typed.Refresh(w.t.Context(), w.id, w.change(), contract.Refresh{Actor: merchant()}))
			}
			require.Equal(w.t, 1, w.provider.count())
			w.verdict(1, face.StatePassed, lifecycle.Verified)
		}},
	}
}

func needsReviewer(_ *bed, d *worker.Deps) { d.Review.Rules = rules{} }

func mayCorrect(_ *bed, d *worker.Deps) {
	d.Records.Rules = rules{correction: policy.Correction{Mode: policy.CorrectionOnce}}
}

// TestPaths walks every path on a server, a worker and a store of its own.
func TestPaths(t *testing.T) {
	t.Parallel()
	for _, p := range paths() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, p.options...)
			w := &walker{bed: b, id: "account-1"}
			b.register(w.id)
			p.walk(w)
			head := b.until(w.id, p.want)
			if p.want == lifecycle.Verified {
				closed(t, b, w.id)
			}
			chain := b.record(w.id, p.name)
			require.GreaterOrEqual(t, len(chain), p.runs)
			requireOneTruth(t, b, head)
		})
	}
}

// closed waits for the run to end: a verified account needs no run.
func closed(t *testing.T, b *bed, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, b.client.GetWorkflow(ctx, contract.VerificationID(id), "").Get(ctx, nil))
	_, err := b.typed.RunningStatus(ctx, id)
	require.ErrorIs(t, err, workflows.ErrRunClosed)
	var unknown *serviceerror.NotFound
	_, err = b.typed.RunningStatus(ctx, id+"-nobody")
	require.ErrorAs(t, err, &unknown)
}

// requireOneTruth: projection = fold of the events = the workflow's status.
func requireOneTruth(t *testing.T, b *bed, head lifecycle.Verification) {
	t.Helper()
	entries, err := b.store.Events(t.Context(), head.AccountID, 0, 500)
	require.NoError(t, err)
	folded := lifecycle.New(head.AccountID)
	for _, e := range entries {
		folded, err = folded.Apply(e.Change)
		require.NoError(t, err)
	}
	require.Equal(t, head.Seq, folded.Seq)
	require.Equal(t, head.State, folded.State)
	status, err := b.typed.Status(t.Context(), head.AccountID)
	require.NoError(t, err)
	require.Equal(t, folded.State, status.State)
	require.Equal(t, folded.Seq, status.Seq)
}
