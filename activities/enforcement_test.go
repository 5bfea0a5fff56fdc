package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// pages answers every page with two accounts named after where it began, until the last.
type pages struct {
	asked []string
	err   error
}

func (p *pages) InForce(context.Context) ([]contract.SweepKey, error) { return nil, p.err }

func (p *pages) EnforcePage(_ context.Context, _ contract.SweepKey, after, last string, limit int) (activities.EnforcedPage, error) {
	p.asked = append(p.asked, after)
	if p.err != nil {
		return activities.EnforcedPage{}, p.err
	}
	if after >= last {
		return activities.EnforcedPage{}, nil
	}
	return activities.EnforcedPage{Accounts: limit, Last: after + "x", Counts: []contract.SweepCount{
		{RuleID: "r", State: lifecycle.Unverified, Restricted: 1},
	}}, nil
}

func sweepChunk(t *testing.T, p *pages, reached *activities.SweepChunkResult, settings activities.SweepSettings) (activities.SweepChunkResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(slog.New(slog.DiscardHandler))
	env := suite.NewTestActivityEnvironment()
	if reached != nil {
		env.SetHeartbeatDetails(*reached)
	}
	e := &activities.Enforcement{Enforcer: p, Settings: settings, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	env.RegisterActivity(e)
	var out activities.SweepChunkResult
	value, err := env.ExecuteActivity(e.SweepChunk, activities.SweepChunkInput{Shard: contract.SweepShard{After: "a", Last: "axxx", Accounts: 10}})
	if err == nil {
		err = value.Get(&out)
	}
	return out, err
}

func TestSweepChunkIsBounded(t *testing.T) {
	t.Parallel()
	p := &pages{}
	got, err := sweepChunk(t, p, nil, activities.SweepSettings{Page: 2, Chunk: 4, ChunkFor: time.Hour})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "ax"}, p.asked)
	require.Equal(t, contract.SweepShard{After: "axx", Last: "axxx", Accounts: 14, Restricted: 2}, got.Shard)
	require.Equal(t, []contract.SweepCount{{RuleID: "r", State: lifecycle.Unverified, Restricted: 2}}, got.Counts)
}

// TestSweepChunkGoesOnFromItsHeartbeat: what was reached is neither asked for nor counted again.
func TestSweepChunkGoesOnFromItsHeartbeat(t *testing.T) {
	t.Parallel()
	p := &pages{}
	reached := activities.SweepChunkResult{
		Shard:  contract.SweepShard{After: "axx", Last: "axxx", Accounts: 14, Restricted: 2},
		Counts: []contract.SweepCount{{RuleID: "r", State: lifecycle.Unverified, Restricted: 2}},
	}
	got, err := sweepChunk(t, p, &reached, activities.SweepSettings{Page: 2, Chunk: 100, ChunkFor: time.Hour})
	require.NoError(t, err)
	require.Equal(t, []string{"axx", "axxx"}, p.asked)
	require.Equal(t, contract.SweepShard{After: "axxx", Last: "axxx", Accounts: 16, Restricted: 3, Done: true}, got.Shard)
	require.Equal(t, 3, got.Counts[0].Restricted)
}

func TestSweepChunkHidesTheCause(t *testing.T) {
	t.Parallel()
	_, err := sweepChunk(t, &pages{err: errors.New("account a1 at /secret/path")}, nil, activities.SweepSettings{Page: 2, Chunk: 4, ChunkFor: time.Hour})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
