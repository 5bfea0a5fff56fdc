package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

var errGone = errors.New("gone")

// fakeLog is the append protocol in memory, on the same Extend as the real store.
type fakeLog struct {
	mu     sync.Mutex
	head   lifecycle.Verification
	log    []lifecycle.Change
	pieces []string                     // evidence that is current
	before func(lifecycle.Append) error // runs before a write; an error is an unavailable store
	after  func(lifecycle.Append) error // runs after a write: the write happened, the caller sees an error
}

func newFakeLog() *fakeLog { return &fakeLog{head: lifecycle.New("a1")} }

func (f *fakeLog) Head(_ context.Context, accountID string) (lifecycle.Verification, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if accountID != f.head.AccountID {
		return lifecycle.Verification{}, errGone
	}
	return f.head, nil
}

func (f *fakeLog) Append(_ context.Context, a lifecycle.Append) (lifecycle.AppendResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before != nil {
		if err := f.before(a); err != nil {
			return lifecycle.AppendResult{}, err
		}
	}
	result, err := f.write(a)
	if err == nil && f.after != nil {
		err = f.after(a)
	}
	return result, err
}

func (f *fakeLog) write(a lifecycle.Append) (lifecycle.AppendResult, error) {
	result := lifecycle.AppendResult{Outcome: lifecycle.Appended}
	for _, c := range f.log {
		if c.ChangeID == a.ChangeID {
			result.Written = append(result.Written, c)
		}
	}
	switch {
	case len(result.Written) > 0:
		result.Outcome = lifecycle.Duplicate
	case a.Head != lifecycle.AnyHead && a.Head != f.head.Seq:
		result.Outcome = lifecycle.HeadMoved
	default:
		if a.Seen != nil {
			if err := f.head.CheckSeen(*a.Seen, f.pieces, ""); err != nil {
				return lifecycle.AppendResult{}, err
			}
		}
		head, written, err := f.head.Extend(a.Changes...)
		if err != nil {
			return lifecycle.AppendResult{}, err
		}
		f.head, f.log, result.Written = head, append(f.log, written...), written
	}
	for _, c := range f.log {
		if c.Seq > a.Known {
			result.Log = append(result.Log, c)
		}
	}
	return result, nil
}

// put writes behind the workflow's back.
func (f *fakeLog) put(t *testing.T, changes ...lifecycle.Change) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.write(lifecycle.Append{ChangeID: fmt.Sprintf("other:%d", f.head.Seq), Head: lifecycle.AnyHead, Changes: changes})
	require.NoError(t, err)
}

func (f *fakeLog) events() []lifecycle.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var events []lifecycle.Event
	for _, c := range f.log {
		events = append(events, c.Event)
	}
	return events
}

func (f *fakeLog) last() lifecycle.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log[len(f.log)-1]
}

type fakeRules struct {
	correction policy.Correction
	review     policy.Review
}

func (f fakeRules) Correction(context.Context, string, time.Time) (policy.Correction, error) {
	return f.correction, nil
}

func (f fakeRules) Review(context.Context, string, time.Time) (policy.Review, error) {
	return f.review, nil
}

type fakeSubjects struct{ subject realname.Subject }

func (f fakeSubjects) Subject(context.Context, string, string) (realname.Subject, error) {
	if f.subject.IsZero() {
		return f.subject, errGone
	}
	return f.subject, nil
}

type fakeDuplicates bool

func (f fakeDuplicates) VerifiedElsewhere(context.Context, string, string) (bool, error) {
	return bool(f), nil
}

// harness runs the real workflow and the real local activities in the SDK's test environment with skipped time;
// only the provider's activities are scripted.
type harness struct {
	*testsuite.TestWorkflowEnvironment
	t       *testing.T
	log     *fakeLog
	records *activities.Records
	review  *activities.Review
	orders  orders
	answers map[string]*answer // by update id
}

// orders are what the provider was asked for. Activities run beside the test.
type orders struct {
	mu   sync.Mutex
	list []activities.StartFaceInput
}

func (o *orders) add(in activities.StartFaceInput) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, in)
}

func (o *orders) all() []activities.StartFaceInput {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.list)
}

type answer struct {
	done     bool
	rejected error
	err      error
	value    any
}

// begin is an evening in the founding year.
func begin() time.Time { return time.Date(2020, 12, 1, 20, 0, 0, 0, lifecycle.Beijing()) }

func newHarness(t *testing.T) *harness {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(slog.New(slog.DiscardHandler))
	subject, faults := realname.New("张三", "cn_id", "110101199003070011", begin())
	require.Empty(t, faults)
	rules := fakeRules{review: policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18}}
	h := &harness{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, log: newFakeLog(), answers: map[string]*answer{}}
	isGone := func(err error) bool { return errors.Is(err, errGone) }
	h.records = &activities.Records{
		Log: h.log, Rules: rules, IsGone: isGone, Logger: slog.New(slog.DiscardHandler),
		Settings: activities.Settings{Limits: lifecycle.DefaultLimits(), Provider: "fake"},
	}
	h.review = &activities.Review{
		Subjects: fakeSubjects{subject}, Duplicates: fakeDuplicates(false), Rules: rules, IsGone: isGone, Logger: slog.New(slog.DiscardHandler),
	}
	worker.Register(h, worker.Deps{Records: h.records, Review: h.review, Face: &activities.Face{}})
	h.SetStartTime(begin())
	h.SetTestTimeout(20 * time.Second)
	h.SetWorkflowRunTimeout(40 * 24 * time.Hour)
	return h
}

// provide scripts the provider: every order succeeds, every wait ends as the result says after a delay.
func (h *harness) provide(wait time.Duration, verdict activities.Verdict) {
	h.provideOrders()
	var face *activities.Face
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).After(wait).Return(
		func(_ context.Context, in activities.AwaitFaceInput) (activities.Answer, error) {
			return h.verdict(in.Current.AttemptID, verdict), nil
		})
}

func (h *harness) provideOrders() {
	var face *activities.Face
	h.OnActivity(face.StartFace, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.StartFaceInput) (activities.StartFaceResult, error) {
			h.orders.add(in)
			now := h.Now()
			return activities.StartFaceResult{
				Provider: "fake", ProviderRef: "ref-" + in.OrderNo, StartedAt: now, EndsAt: now.Add(23 * time.Hour), ResultBy: now.Add(90 * 24 * time.Hour),
			}, nil
		})
}

func (h *harness) verdict(attemptID string, verdict activities.Verdict) activities.Answer {
	a := activities.Answer{AttemptID: attemptID, Verdict: verdict, Evidence: lifecycle.Evidence{Provider: "fake", At: h.Now()}}
	if verdict == activities.VerdictFailed {
		a.Reason, a.Evidence.Returned = "face_not_passed", true
	}
	return a
}

// at sends an update at a distance from the start and returns where its answer will be.
func (h *harness) at(after time.Duration, update, id string, in any) *answer {
	a := &answer{}
	h.answers[id] = a
	h.RegisterDelayedCallback(func() {
		h.UpdateWorkflow(update, id, &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { a.done, a.rejected = true, err },
			OnComplete: func(v any, err error) { a.done, a.value, a.err = true, v, err },
		}, in)
	}, after)
	return a
}

func (h *harness) run() {
	h.t.Helper()
	h.ExecuteWorkflow(contract.VerificationWorkflow, contract.Start{AccountID: "a1"})
}

// stop ends a run that would wait for its merchant forever.
func (h *harness) stopAt(after time.Duration) {
	h.RegisterDelayedCallback(h.CancelWorkflow, after)
}

func (a *answer) status(t *testing.T) contract.Status {
	t.Helper()
	require.True(t, a.done, "the update was not answered")
	require.NoError(t, a.rejected)
	require.NoError(t, a.err)
	s, ok := a.value.(contract.Status)
	require.True(t, ok, "%T", a.value)
	return s
}

func (a *answer) refusal(t *testing.T) *lifecycle.Refusal {
	t.Helper()
	require.True(t, a.done, "the update was not answered")
	err := a.rejected
	if err == nil {
		err = a.err
	}
	var r *lifecycle.Refusal
	require.ErrorAs(t, workflows.FromTemporal(err), &r)
	return r
}

func merchant() lifecycle.Actor { return lifecycle.Actor{Kind: lifecycle.ActorMerchant} }

func submit() contract.Submit {
	return contract.Submit{Identity: lifecycle.Identity{Ref: "ref", Digest: "digest"}, RiskNoticeVersion: "1", Actor: merchant()}
}

func start() contract.StartFace {
	return contract.StartFace{Consent: &contract.Consent{TextVersion: "1", Language: "zh-CN"}, Actor: merchant()}
}
