package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// population is an Enforcer and SweepRecords over accounts a000, a001, …, of which every third is restricted.
type population struct {
	mu       sync.Mutex
	accounts int
	seen     map[string]int
	saves    []activities.SweepSave
	fail     int // so many pages fail first
	policies []contract.SweepKey
}

func (p *population) InForce(context.Context) ([]contract.SweepKey, error) { return p.policies, nil }

func (p *population) EnforcePage(_ context.Context, _ contract.SweepKey, after, last string, limit int) (activities.EnforcedPage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail > 0 {
		p.fail--
		return activities.EnforcedPage{}, errGone
	}
	var page activities.EnforcedPage
	for n := 0; n < p.accounts && page.Accounts < limit; n++ {
		id := fmt.Sprintf("a%03d", n)
		if id <= after || last != "" && id > last {
			continue
		}
		p.seen[id]++
		page.Accounts, page.Last = page.Accounts+1, id
		if n%3 == 0 {
			page.Counts = contract.AddCounts(page.Counts, contract.SweepCount{RuleID: "r", State: lifecycle.Unverified, Restricted: 1})
		}
	}
	return page, nil
}

func (p *population) BeginSweep(_ context.Context, _ contract.Sweep, at time.Time) (int, time.Time, error) {
	return p.accounts, at, nil
}

func (p *population) SaveSweep(_ context.Context, in activities.SweepSave, at time.Time) (activities.SweepSaved, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saves = append(p.saves, in)
	saved := activities.SweepSaved{Restricted: 777}
	if in.State.Ended() {
		saved.EndedAt = at
	}
	return saved, nil
}

func (p *population) Split(_ context.Context, ranges int) ([]string, error) {
	var cuts []string
	for i := 1; i < ranges; i++ {
		cuts = append(cuts, fmt.Sprintf("a%03d", p.accounts*i/ranges-1))
	}
	return cuts, nil
}

func (p *population) states() (all []contract.SweepState) {
	for _, s := range p.saves {
		all = append(all, s.State)
	}
	return all
}

type sweepHarness struct {
	*testsuite.TestWorkflowEnvironment
	t *testing.T
	*population
}

func newSweepHarness(t *testing.T) *sweepHarness {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(slog.New(slog.DiscardHandler))
	h := &sweepHarness{suite.NewTestWorkflowEnvironment(), t, &population{accounts: 100, seen: map[string]int{}}}
	h.SetStartTime(begin())
	h.SetTestTimeout(20 * time.Second)
	worker.Register(h, worker.Deps{
		Records: &activities.Records{}, Review: &activities.Review{}, Face: &activities.Face{},
		Enforcement: &activities.Enforcement{
			Enforcer: h.population, Records: h.population, Now: begin, Logger: slog.New(slog.DiscardHandler),
			Settings: activities.SweepSettings{Shards: 3, Page: 4, Chunk: 8, ChunkFor: time.Hour},
		},
	})
	return h
}

func sweepKey() contract.SweepKey {
	return contract.SweepKey{Policy: "founding", Version: 1, Instant: begin()}
}

func (h *sweepHarness) sweep() {
	h.t.Helper()
	h.ExecuteWorkflow(contract.SweepWorkflow, contract.Sweep{SweepKey: sweepKey(), Actor: operator(), Reason: "by_hand"})
}

// slowly makes every chunk take a minute.
func (h *sweepHarness) slowly() {
	var real *activities.Enforcement
	e := &activities.Enforcement{Enforcer: h.population, Settings: activities.SweepSettings{Page: 4}, Now: begin, Logger: slog.New(slog.DiscardHandler)}
	h.OnActivity(real.SweepChunk, mock.Anything, mock.Anything).After(time.Minute).Return(
		func(ctx context.Context, in activities.SweepChunkInput) (activities.SweepChunkResult, error) {
			page, err := e.Enforcer.EnforcePage(ctx, in.Sweep, in.Shard.After, in.Shard.Last, 4)
			in.Shard.Accounts += page.Accounts
			in.Shard.After, in.Shard.Done = page.Last, page.Accounts < 4
			return activities.SweepChunkResult{Shard: in.Shard, Counts: page.Counts}, err
		})
}

func (h *sweepHarness) command(after time.Duration, update string) *answer {
	a := &answer{}
	h.RegisterDelayedCallback(func() {
		h.UpdateWorkflow(update, update+after.String(), &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { a.done, a.rejected = true, err },
			OnComplete: func(v any, err error) { a.done, a.value, a.err = true, v, err },
		}, contract.SweepCommand{Actor: operator()})
	}, after)
	return a
}

func (h *sweepHarness) progress() contract.SweepProgress {
	h.t.Helper()
	value, err := h.QueryWorkflow(contract.QueryProgress)
	require.NoError(h.t, err)
	var p contract.SweepProgress
	require.NoError(h.t, value.Get(&p))
	return p
}

func (h *sweepHarness) requireSeenOnce() {
	h.t.Helper()
	require.Len(h.t, h.seen, h.accounts)
	for id, n := range h.seen {
		require.Equal(h.t, 1, n, id)
	}
}

func operator() lifecycle.Actor { return lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"} }

func TestSweepGoesOverEverybodyOnce(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.fail = 2 // a page that fails is tried again from where it was
	h.sweep()
	require.NoError(t, h.GetWorkflowError())
	h.requireSeenOnce()
	var got contract.SweepProgress
	require.NoError(t, h.GetWorkflowResult(&got))
	require.Equal(t, contract.SweepDone, got.State)
	require.Equal(t, 100, got.Total)
	require.Equal(t, 100, got.Done)
	require.Equal(t, []contract.SweepCount{{RuleID: "r", State: lifecycle.Unverified, Restricted: 34}}, got.Counts)
	require.Equal(t, 777, got.Restricted, "in the end the record counts")
	require.Len(t, got.Shards, 3)
	require.Equal(t, []contract.SweepState{contract.SweepDone}, h.states())
	require.Equal(t, 100, h.saves[0].Done)
}

func TestSweepPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.slowly()
	paused := h.command(90*time.Second, contract.UpdatePauseSweep)
	again := h.command(2*time.Hour, contract.UpdatePauseSweep)
	var at1, at2 contract.SweepProgress
	h.RegisterDelayedCallback(func() { at1 = h.progress() }, 10*time.Minute)
	h.RegisterDelayedCallback(func() { at2 = h.progress() }, 3*time.Hour)
	resumed := h.command(4*time.Hour, contract.UpdateResumeSweep)
	h.sweep()
	require.NoError(t, h.GetWorkflowError())
	for _, a := range []*answer{paused, again, resumed} {
		require.True(t, a.done)
		require.NoError(t, errors.Join(a.rejected, a.err))
	}
	require.Equal(t, contract.SweepPaused, at1.State)
	require.Equal(t, 24, at1.Done, "two chunks of four in each of three shards")
	require.Equal(t, at1.Done, at2.Done)
	require.InDelta(t, 24.0/90, at2.Rate, 0.001, "a pause does not count")
	require.Zero(t, at2.Remaining)
	h.requireSeenOnce()
	require.Equal(t, []contract.SweepState{contract.SweepPaused, contract.SweepRunning, contract.SweepDone}, h.states())
}

func TestSweepIsCancelled(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.slowly()
	h.command(30*time.Second, contract.UpdatePauseSweep)
	cancelled := h.command(90*time.Second, contract.UpdateCancelSweep)
	h.sweep()
	require.NoError(t, h.GetWorkflowError())
	require.NoError(t, errors.Join(cancelled.rejected, cancelled.err))
	require.Len(t, h.seen, 12, "the chunks that ran went to their end")
	require.Equal(t, []contract.SweepState{contract.SweepPaused, contract.SweepCancelled}, h.states())
}

func TestSweepCancelledByTemporal(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.slowly()
	h.RegisterDelayedCallback(h.CancelWorkflow, 90*time.Second)
	h.sweep()
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, h.GetWorkflowError(), &cancelled)
	require.Equal(t, []contract.SweepState{contract.SweepCancelled}, h.states(), "the record says so")
}

func TestSweepContinuesAsNew(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.slowly()
	h.RegisterDelayedCallback(func() { h.SetContinueAsNewSuggested(true) }, 90*time.Second)
	h.sweep()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, h.GetWorkflowError(), &next)
	require.Len(t, h.seen, 24)
	require.Empty(t, h.saves)
	var in contract.Sweep
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, 2*time.Minute, in.Resume.Busy)

	rest := newSweepHarness(t)
	rest.population = h.population
	rest.slowly()
	rest.ExecuteWorkflow(contract.SweepWorkflow, in)
	require.NoError(t, rest.GetWorkflowError())
	h.requireSeenOnce()
	var got contract.SweepProgress
	require.NoError(t, rest.GetWorkflowResult(&got))
	require.Equal(t, 100, got.Done)
	require.Equal(t, 100, got.Total)
}

func TestSweepRefuses(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.ExecuteWorkflow(contract.SweepWorkflow, contract.Sweep{SweepKey: contract.SweepKey{Policy: "../x", Version: 1, Instant: begin()}})
	var app *temporal.ApplicationError
	require.ErrorAs(t, h.GetWorkflowError(), &app)
	require.Equal(t, contract.ErrTypeInvalid, app.Type())
	require.True(t, app.NonRetryable())

	h = newSweepHarness(t)
	h.slowly()
	nobody := &answer{}
	h.RegisterDelayedCallback(func() {
		h.UpdateWorkflow(contract.UpdatePauseSweep, "p", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { nobody.rejected = err }, OnComplete: func(any, error) {},
		}, contract.SweepCommand{})
	}, time.Second)
	h.command(90*time.Second, contract.UpdateCancelSweep)
	late := h.command(100*time.Second, contract.UpdateResumeSweep)
	h.sweep()
	require.Error(t, nobody.rejected)
	require.ErrorAs(t, late.rejected, &app)
	require.Equal(t, contract.ErrTypeSweepEnded, app.Type())
}

func TestTickStartsASweepPerPolicy(t *testing.T) {
	t.Parallel()
	h := newSweepHarness(t)
	h.policies = []contract.SweepKey{{Policy: "a", Version: 3}, {Policy: "b", Version: 1}}
	var started []contract.Sweep
	h.OnWorkflow(contract.SweepWorkflow, mock.Anything, mock.Anything).Return(
		func(_ any, in contract.Sweep) (contract.SweepProgress, error) {
			started = append(started, in)
			return contract.SweepProgress{}, nil
		})
	h.ExecuteWorkflow(contract.SweepTickWorkflow, contract.SweepTick{Reason: "daily"})
	require.NoError(t, h.GetWorkflowError())
	var ids []string
	require.NoError(t, h.GetWorkflowResult(&ids))
	require.Equal(t, []string{"a.3.20201201T120000Z", "b.1.20201201T120000Z"}, ids)
}
