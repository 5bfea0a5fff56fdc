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

	"github.com/verigate/verigate/workflows/contract"
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
	Missing   []string  `json:"missing,omitempty"` // task queues that none of its workers has asked, such as "verigate-waiting (activity)"
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
	ErrQueuesMissing = errors.New("this build does not serve every task queue, and what is in the others would go to workers without a build id: " +
		"wait until its workers have started, or start some for the others (worker.queues); --force takes it as it is")
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
		if out.Versions[i].Missing, err = r.missing(ctx, v.BuildID); err != nil {
			return Rollout{}, err
		}
	}
	return out, nil
}

// missing are the task queues that none of a build's workers has asked; none if the server has forgotten the build meanwhile.
func (r *Rollouts) missing(ctx context.Context, buildID string) (names []string, err error) {
	answer, err := r.handle.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil, nil
	}
	if err != nil {
		return nil, rolloutFault(err, ErrNoBuild)
	}
	asked := map[Poll]bool{}
	for _, q := range answer.Info.TaskQueuesInfos {
		kind := "activity"
		if q.Type == client.TaskQueueTypeWorkflow {
			kind = "workflow"
		}
		asked[Poll{q.Name, kind}] = true
	}
	for _, p := range Polls(contract.TaskQueues()) {
		if !asked[p] {
			names = append(names, p.Queue+" ("+p.Kind+")")
		}
	}
	slices.Sort(names)
	return names, nil
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
// is once. With force it does not look whether the build serves every task queue.
func (r *Rollouts) SetCurrent(ctx context.Context, buildID string, force bool) error {
	token, err := r.look(ctx, buildID, force)
	if err != nil {
		return err
	}
	_, err = r.handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{
		BuildID: buildID, ConflictToken: token, IgnoreMissingTaskQueues: force,
	})
	return rolloutFault(err, ErrNoBuild)
}

// Ramp gives a share of the work, in percent from 0 to 100, to a build. 0 ends the ramp, whichever build it led to. force is
// as in SetCurrent.
func (r *Rollouts) Ramp(ctx context.Context, buildID string, percentage float32, force bool) error {
	if percentage == 0 {
		buildID = "" // so the server takes the ramp away; with the build's own id that would stay ramping, at nothing
	}
	token, err := r.look(ctx, buildID, force)
	if err != nil {
		return err
	}
	_, err = r.handle.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{
		BuildID: buildID, Percentage: percentage, ConflictToken: token, IgnoreMissingTaskQueues: force,
	})
	return rolloutFault(err, ErrNoBuild)
}

// look makes sure that a build is there, whole unless forced, and returns a token against what another one changes at the
// same time. The server itself asks for the queues of the current build only, and not if they were idle of late.
func (r *Rollouts) look(ctx context.Context, buildID string, force bool) (token []byte, err error) {
	answer, err := r.handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return nil, rolloutFault(err, ErrNoDeployment)
	}
	if buildID == "" {
		return answer.ConflictToken, nil
	}
	if _, known := rolloutOf(r.deployment, answer.Info).Find(buildID); !known {
		return nil, ErrNoBuild
	}
	if force {
		return answer.ConflictToken, nil
	}
	missing, err := r.missing(ctx, buildID)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%w. Missing: %s", ErrQueuesMissing, strings.Join(missing, ", "))
	}
	return answer.ConflictToken, err
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
