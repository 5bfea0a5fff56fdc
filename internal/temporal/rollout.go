package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// Role says what a version of the workers gets to do.
type Role string

const (
	RoleCurrent  Role = "current"  // what begins, and verifications that go on
	RoleRamping  Role = "ramping"  // a share of that
	RoleDraining Role = "draining" // runs that are pinned to it, until they end
	RoleDrained  Role = "drained"  // nothing any more: its workers can be stopped
	RoleInactive Role = "inactive" // nothing yet
)

// Rollout is how the work is divided among the versions of a deployment.
type Rollout struct {
	Deployment string           `json:"deployment"`
	Current    string           `json:"current"`                   // build id; empty: workers without one
	Ramping    string           `json:"ramping,omitempty"`         // build id; empty with Percentage > 0: workers without one
	Percentage float32          `json:"ramp_percentage,omitempty"` // of Ramping, 0 to 100
	Versions   []RolloutVersion `json:"versions"`                  // newest first
}

// RolloutVersion is one build that has asked for work.
type RolloutVersion struct {
	BuildID   string    `json:"build_id"`
	Role      Role      `json:"role"`
	CreatedAt time.Time `json:"created_at"`
	Queues    []string  `json:"queues"` // task queues that its workers have asked, by name
}

// Find returns a version, and whether there is one.
func (r Rollout) Find(buildID string) (RolloutVersion, bool) {
	i := slices.IndexFunc(r.Versions, func(v RolloutVersion) bool { return v.BuildID == buildID })
	if i < 0 {
		return RolloutVersion{}, false
	}
	return r.Versions[i], true
}

// Rollouts divides the work among the builds of a deployment.
type Rollouts struct {
	deployment string
	handle     client.WorkerDeploymentHandle
}

// NewRollouts returns the rollouts of a deployment, by its handle.
func NewRollouts(handle client.WorkerDeploymentHandle, deployment string) *Rollouts {
	return &Rollouts{deployment, handle}
}

// OpenRollouts connects for rollouts alone, which carry no payloads and need no codec. The caller closes.
func OpenRollouts(ctx context.Context, o Options, deployment string) (_ *Rollouts, closing func(), err error) {
	c, err := client.DialContext(ctx, o.connection())
	if err != nil {
		return nil, nil, fmt.Errorf("temporal: connect to %s: %w", o.HostPort, err)
	}
	return NewRollouts(c.WorkerDeploymentClient().GetHandle(deployment), deployment), c.Close, nil
}

// Errors of rollouts; each says what to do.
var (
	ErrNoDeployment = errors.New("no worker with a build id has asked for work yet: start one with worker.build_id set, and look at " +
		"temporal.namespace and worker.deployment")
	ErrNoBuild = errors.New("no worker of this build has asked for work yet: start one with this worker.build_id, and look at the ids in " +
		"verigate rollout status")
	ErrQueuesMissing = errors.New("this build does not serve every task queue that the current one serves: start workers of it for the " +
		"others (worker.queues), or what is in them goes to workers without a build id")
	ErrIsCurrent      = errors.New("this build is current already, so there is nothing to ramp")
	ErrGetsWork       = errors.New("this build is current or ramping and is never drained: make another one current first")
	ErrChanged        = errors.New("somebody else changed the rollout at the same moment: look at verigate rollout status, and say it again")
	ErrManagedByOther = errors.New("another program manages this deployment in Temporal (manager identity): use it, or take the deployment back with " +
		"temporal worker deployment manager-identity unset")
)

// Status tells how the work is divided, or ErrNoDeployment.
func (r *Rollouts) Status(ctx context.Context) (Rollout, error) {
	answer, err := r.handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return Rollout{}, rolloutFault(err, ErrNoDeployment)
	}
	out := rolloutOf(r.deployment, answer.Info)
	for i, v := range out.Versions {
		if out.Versions[i].Queues, err = r.queues(ctx, v.BuildID); err != nil {
			return Rollout{}, err
		}
	}
	return out, nil
}

// queues are the task queues of a build; none if the server has forgotten it meanwhile.
func (r *Rollouts) queues(ctx context.Context, buildID string) ([]string, error) {
	answer, err := r.handle.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	names := []string{}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return names, nil
	}
	if err != nil {
		return nil, rolloutFault(err, ErrNoBuild)
	}
	for _, q := range answer.Info.TaskQueuesInfos {
		names = append(names, q.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func rolloutOf(deployment string, info client.WorkerDeploymentInfo) Rollout {
	out := Rollout{Deployment: deployment, Percentage: info.RoutingConfig.RampingVersionPercentage}
	if v := info.RoutingConfig.CurrentVersion; v != nil {
		out.Current = v.BuildID
	}
	if v := info.RoutingConfig.RampingVersion; v != nil {
		out.Ramping = v.BuildID
	}
	for _, s := range info.VersionSummaries {
		v := RolloutVersion{BuildID: s.Version.BuildID, Role: RoleInactive, CreatedAt: s.CreateTime}
		switch {
		case v.BuildID == out.Current:
			v.Role = RoleCurrent
		case v.BuildID == out.Ramping:
			v.Role = RoleRamping
		case s.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusDraining:
			v.Role = RoleDraining
		case s.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusDrained:
			v.Role = RoleDrained
		}
		out.Versions = append(out.Versions, v)
	}
	slices.SortFunc(out.Versions, func(a, b RolloutVersion) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out
}

// SetCurrent gives all work but that of pinned runs to a build; to workers without a build id if it is empty. Doing it twice
// is once.
func (r *Rollouts) SetCurrent(ctx context.Context, buildID string) error {
	token, err := r.look(ctx, buildID)
	if err != nil {
		return err
	}
	_, err = r.handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID, ConflictToken: token})
	return rolloutFault(err, ErrNoBuild)
}

// Ramp gives a share of the work, in percent from 0 to 100, to a build. At 0 it gets none.
func (r *Rollouts) Ramp(ctx context.Context, buildID string, percentage float32) error {
	token, err := r.look(ctx, buildID)
	if err != nil {
		return err
	}
	_, err = r.handle.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{
		BuildID: buildID, Percentage: percentage, ConflictToken: token,
	})
	return rolloutFault(err, ErrNoBuild)
}

// look makes sure that there is a build, and returns a token against what another one changes at the same time.
func (r *Rollouts) look(ctx context.Context, buildID string) (token []byte, err error) {
	answer, err := r.handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return nil, rolloutFault(err, ErrNoDeployment)
	}
	if _, known := rolloutOf(r.deployment, answer.Info).Find(buildID); !known && buildID != "" {
		return nil, ErrNoBuild
	}
	return answer.ConflictToken, nil
}

// AwaitDrained returns when no run needs a build any more, looking every so often. The server notices late: some minutes.
func (r *Rollouts) AwaitDrained(ctx context.Context, buildID string, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for seen := false; ; {
		now, err := r.Status(ctx)
		if err != nil {
			return err
		}
		v, known := now.Find(buildID)
		switch {
		case !known && seen, v.Role == RoleDrained, v.Role == RoleInactive: // the server forgets versions that nobody needs
			return nil
		case !known:
			return ErrNoBuild
		case v.Role == RoleCurrent || v.Role == RoleRamping:
			return ErrGetsWork
		}
		seen = true
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// rolloutFault says what an answer of the server means. Of refusals the server gives no more than a text.
func rolloutFault(err, unknown error) error {
	var gone *serviceerror.NotFound
	var refused *serviceerror.FailedPrecondition
	switch {
	case err == nil:
		return nil
	case errors.As(err, &gone):
		return unknown
	case errors.As(err, &refused) && strings.Contains(refused.Message, "missing active task queues"):
		return ErrQueuesMissing
	case errors.As(err, &refused) && strings.Contains(refused.Message, "already current"):
		return ErrIsCurrent
	case errors.As(err, &refused) && strings.Contains(refused.Message, "conflict token"):
		return ErrChanged
	case errors.As(err, &refused) && strings.Contains(refused.Message, "ManagerIdentity"):
		return ErrManagedByOther
	default:
		return fmt.Errorf("temporal: worker deployment: %w", err)
	}
}
