package temporal_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/contract"
)

// deployment answers as a server does. Its descriptions are given out in turn, the last one again and again.
type deployment struct {
	client.WorkerDeploymentHandle
	infos   []client.WorkerDeploymentInfo
	err     error // of describing
	refusal error // of changing
	tokens  []string
	current []string
	forced  []bool
	ramps   []string
	ramp    float32
}

func (d *deployment) Describe(context.Context, client.WorkerDeploymentDescribeOptions) (client.WorkerDeploymentDescribeResponse, error) {
	if d.err != nil {
		return client.WorkerDeploymentDescribeResponse{}, d.err
	}
	out := client.WorkerDeploymentDescribeResponse{Info: d.infos[0], ConflictToken: []byte("t")}
	if len(d.infos) > 1 {
		d.infos = d.infos[1:]
	}
	return out, nil
}

func (d *deployment) DescribeVersion(_ context.Context, o client.WorkerDeploymentDescribeVersionOptions) (client.WorkerDeploymentVersionDescription, error) {
	if o.BuildID == "v0" {
		return client.WorkerDeploymentVersionDescription{}, serviceerror.NewNotFound("forgotten meanwhile")
	}
	var info client.WorkerDeploymentVersionInfo
	for _, p := range temporal.Polls(contract.TaskQueues()) {
		kind := client.TaskQueueTypeActivity
		if p.Kind == "workflow" {
			kind = client.TaskQueueTypeWorkflow
		}
		if o.BuildID != "v4" || p.Queue != contract.TaskQueue {
			info.TaskQueuesInfos = append(info.TaskQueuesInfos, client.WorkerDeploymentTaskQueueInfo{Name: p.Queue, Type: client.TaskQueueType(kind)})
		}
	}
	return client.WorkerDeploymentVersionDescription{Info: info}, nil
}

func (d *deployment) SetCurrentVersion(_ context.Context, o client.WorkerDeploymentSetCurrentVersionOptions) (client.WorkerDeploymentSetCurrentVersionResponse, error) {
	d.tokens, d.current = append(d.tokens, string(o.ConflictToken)), append(d.current, o.BuildID)
	d.forced = append(d.forced, o.IgnoreMissingTaskQueues)
	return client.WorkerDeploymentSetCurrentVersionResponse{}, d.refusal
}

func (d *deployment) SetRampingVersion(_ context.Context, o client.WorkerDeploymentSetRampingVersionOptions) (client.WorkerDeploymentSetRampingVersionResponse, error) {
	d.tokens, d.ramp, d.ramps = append(d.tokens, string(o.ConflictToken)), o.Percentage, append(d.ramps, o.BuildID)
	d.forced = append(d.forced, o.IgnoreMissingTaskQueues)
	return client.WorkerDeploymentSetRampingVersionResponse{}, d.refusal
}

func version(id string) worker.WorkerDeploymentVersion {
	return worker.WorkerDeploymentVersion{DeploymentName: "verigate", BuildID: id}
}

// builds describes a deployment whose builds v0, v1, … have these drainage statuses.
func builds(current, ramping string, statuses ...client.WorkerDeploymentVersionDrainageStatus) (info client.WorkerDeploymentInfo) {
	if current != "" {
		v := version(current)
		info.RoutingConfig.CurrentVersion = &v
	}
	if ramping != "" {
		v := version(ramping)
		info.RoutingConfig.RampingVersion, info.RoutingConfig.RampingVersionPercentage = &v, 25
	}
	for i, s := range statuses {
		info.VersionSummaries = append(info.VersionSummaries, client.WorkerDeploymentVersionSummary{
			Version: version("v" + string(rune('0'+i))), DrainageStatus: s, CreateTime: time.Unix(int64(i), 0),
		})
	}
	return info
}

const (
	none     = client.WorkerDeploymentVersionDrainageStatusUnspecified
	draining = client.WorkerDeploymentVersionDrainageStatusDraining
	drained  = client.WorkerDeploymentVersionDrainageStatusDrained
)

func TestRolloutStatus(t *testing.T) {
	t.Parallel()
	d := &deployment{infos: []client.WorkerDeploymentInfo{builds("v2", "v3", drained, draining, none, none, none)}}
	got, err := temporal.NewRollouts(d, "verigate").Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, temporal.Rollout{Deployment: "verigate", Current: "v2", Ramping: "v3", Percentage: 25, Versions: []temporal.RolloutVersion{
		{BuildID: "v4", Role: temporal.RoleInactive, CreatedAt: time.Unix(4, 0), Missing: []string{"verigate (activity)", "verigate (workflow)"}},
		{BuildID: "v3", Role: temporal.RoleRamping, CreatedAt: time.Unix(3, 0)},
		{BuildID: "v2", Role: temporal.RoleCurrent, CreatedAt: time.Unix(2, 0)},
		{BuildID: "v1", Role: temporal.RoleDraining, CreatedAt: time.Unix(1, 0)},
		{BuildID: "v0", Role: temporal.RoleDrained, CreatedAt: time.Unix(0, 0)},
	}}, got)
}

func TestRolloutChanges(t *testing.T) {
	t.Parallel()
	d := &deployment{infos: []client.WorkerDeploymentInfo{builds("v0", "", none, none, none, none, none)}}
	r := temporal.NewRollouts(d, "verigate")
	require.NoError(t, r.SetCurrent(t.Context(), "v1", false))
	require.NoError(t, r.SetCurrent(t.Context(), "", false), "workers without a build id are no version")
	require.NoError(t, r.Ramp(t.Context(), "v1", 10, false))
	require.Equal(t, []string{"v1", ""}, d.current)
	require.InDelta(t, 10, d.ramp, 0)
	require.Equal(t, []string{"t", "t", "t"}, d.tokens, "nobody else's change is undone")
	require.ErrorIs(t, r.SetCurrent(t.Context(), "v9", true), temporal.ErrNoBuild)
	require.ErrorIs(t, r.Ramp(t.Context(), "v9", 1, true), temporal.ErrNoBuild)
	require.ErrorContains(t, r.SetCurrent(t.Context(), "v4", false), "Missing: verigate (activity), verigate (workflow)")
	require.ErrorIs(t, r.Ramp(t.Context(), "v4", 1, false), temporal.ErrQueuesMissing)
	require.Equal(t, []bool{false, false, false}, d.forced, "what is refused is not sent")
	require.NoError(t, r.SetCurrent(t.Context(), "v4", true))
	require.NoError(t, r.Ramp(t.Context(), "v4", 1, true))
	require.Equal(t, []bool{true, true}, d.forced[3:])
	require.NoError(t, r.Ramp(t.Context(), "v4", 0, false), "what gets nothing need not be whole")
	require.Equal(t, []string{"v1", "v4", ""}, d.ramps)

	for text, want := range map[string]error{
		"proposed current version 'x' is missing active task queues from the current version; …": temporal.ErrQueuesMissing,
		"requested ramping version x is already current":                                         temporal.ErrIsCurrent,
		"conflict token mismatch":      temporal.ErrChanged,
		"ManagerIdentity 'x' is set …": temporal.ErrManagedByOther,
	} {
		d.refusal = serviceerror.NewFailedPrecondition(text)
		require.ErrorIs(t, r.SetCurrent(t.Context(), "v1", false), want)
		require.ErrorIs(t, r.Ramp(t.Context(), "v1", 1, false), want)
	}
	d.refusal = serviceerror.NewUnavailable("away")
	require.ErrorContains(t, r.SetCurrent(t.Context(), "v1", false), "temporal: worker deployment: away")
	d.err = serviceerror.NewNotFound("no Worker Deployment found")
	require.ErrorIs(t, r.SetCurrent(t.Context(), "v1", false), temporal.ErrNoDeployment)
	_, err := r.Status(t.Context())
	require.ErrorIs(t, err, temporal.ErrNoDeployment)
}

func TestAwaitDrained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		infos []client.WorkerDeploymentInfo
		want  error
		after time.Duration
	}{
		"drained":             {[]client.WorkerDeploymentInfo{builds("v1", "", drained, none)}, nil, 0},
		"drained in time":     {[]client.WorkerDeploymentInfo{builds("v1", "", draining, none), builds("v1", "", draining, none), builds("v1", "", drained, none)}, nil, 10 * time.Second},
		"forgotten meanwhile": {[]client.WorkerDeploymentInfo{builds("v1", "", draining, none), builds("", "")}, nil, 5 * time.Second},
		"never had any work":  {[]client.WorkerDeploymentInfo{builds("v1", "", none, none)}, nil, 0},
		"current":             {[]client.WorkerDeploymentInfo{builds("v0", "", none)}, temporal.ErrGetsWork, 0},
		"made current again":  {[]client.WorkerDeploymentInfo{builds("v1", "", draining, none), builds("v0", "", none, none)}, temporal.ErrGetsWork, 5 * time.Second},
		"ramping":             {[]client.WorkerDeploymentInfo{builds("v1", "v0", none, none)}, temporal.ErrGetsWork, 0},
		"unknown":             {[]client.WorkerDeploymentInfo{builds("", "")}, temporal.ErrNoBuild, 0},
		"until nobody waits":  {[]client.WorkerDeploymentInfo{builds("v1", "", draining, none)}, context.DeadlineExceeded, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				begun := time.Now()
				err := temporal.NewRollouts(&deployment{infos: c.infos}, "verigate").AwaitDrained(ctx, "v0", 5*time.Second)
				if c.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, c.want)
				}
				require.Equal(t, c.after, time.Since(begun))
			})
		})
	}
}
