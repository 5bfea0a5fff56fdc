package activities

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/verigate/verigate/workflows/contract"
)

// Enforcer brings the restrictions on record in step with the rules in force.
type Enforcer interface {
	// InForce names the policies in force now, each with its version.
	InForce(ctx context.Context) ([]contract.SweepKey, error)
	// EnforcePage goes over up to limit accounts after one and up to another, and reports what it did.
	EnforcePage(ctx context.Context, in contract.SweepKey, after, last string, limit int) (EnforcedPage, error)
}

// EnforcedPage is what became of a page.
type EnforcedPage struct {
	Accounts int
	Last     string // the last account, "" if there was none
	Counts   []contract.SweepCount
}

// SweepRecords keeps the records of sweeps.
type SweepRecords interface {
	// BeginSweep writes the record once and returns what it says: total accounts, and the beginning.
	BeginSweep(ctx context.Context, in contract.Sweep, at time.Time) (total int, startedAt time.Time, err error)
	// SaveSweep writes how far the sweep has come and returns the record's exact counts.
	SaveSweep(ctx context.Context, in SweepSave, at time.Time) (SweepSaved, error)
	// Split parts the accounts into about equal ranges: the last id of every range but the last.
	Split(ctx context.Context, ranges int) ([]string, error)
}

// SweepSettings are figures of the deployment.
type SweepSettings struct {
	Shards   int           // ranges that are gone over at the same time
	Page     int           // accounts per read
	Chunk    int           // accounts per activity, at most
	ChunkFor time.Duration // time per activity, at most about
}

// DefaultSweepSettings suit a worker with a few cores. A chunk is what a pause has to wait for.
func DefaultSweepSettings() SweepSettings {
	return SweepSettings{Shards: 4, Page: 500, Chunk: 10_000, ChunkFor: 10 * time.Second}
}

// Enforcement are the activities of sweeps.
type Enforcement struct {
	Enforcer Enforcer
	Records  SweepRecords
	Settings SweepSettings
	Now      func() time.Time // business time
	Logger   *slog.Logger
}

// PlanSweeps names the sweeps that have to be run now: one per policy in force.
func (e *Enforcement) PlanSweeps(ctx context.Context) ([]contract.SweepKey, error) {
	keys, err := e.Enforcer.InForce(ctx)
	if err != nil {
		return nil, e.again(ctx, "plan", err)
	}
	return keys, nil
}

// SweepPlan is what a sweep begins with.
type SweepPlan struct {
	Total     int                   `json:"total"`
	StartedAt time.Time             `json:"started_at"`
	Shards    []contract.SweepShard `json:"shards"`
}

// BeginSweep writes the sweep's record and parts the accounts.
func (e *Enforcement) BeginSweep(ctx context.Context, in contract.Sweep) (SweepPlan, error) {
	total, startedAt, err := e.Records.BeginSweep(ctx, in, e.Now())
	if err != nil {
		return SweepPlan{}, e.again(ctx, "begin", err)
	}
	cuts, err := e.Records.Split(ctx, e.Settings.Shards)
	if err != nil {
		return SweepPlan{}, e.again(ctx, "split", err)
	}
	plan := SweepPlan{Total: total, StartedAt: startedAt}
	after := ""
	for _, cut := range append(cuts, "") {
		plan.Shards = append(plan.Shards, contract.SweepShard{After: after, Last: cut})
		after = cut
	}
	return plan, nil
}

// SweepChunkInput is the next part of one shard.
type SweepChunkInput struct {
	Sweep contract.SweepKey   `json:"sweep"`
	Shard contract.SweepShard `json:"shard"`
}

// SweepChunkResult is the shard after the chunk, and what the chunk did by rule and state.
type SweepChunkResult struct {
	Shard  contract.SweepShard   `json:"shard"`
	Counts []contract.SweepCount `json:"counts,omitempty"`
}

// SweepChunk goes over the next accounts of a shard, page by page. It heartbeats how far it has come; begun again
// elsewhere it goes on from there. What a lost worker had done after its last heartbeat is looked at twice and written
// once.
func (e *Enforcement) SweepChunk(ctx context.Context, in SweepChunkInput) (SweepChunkResult, error) {
	out := SweepChunkResult{Shard: in.Shard}
	if activity.HasHeartbeatDetails(ctx) {
		var reached SweepChunkResult
		if err := activity.GetHeartbeatDetails(ctx, &reached); err == nil {
			out = reached
		}
	}
	begun := e.Now()
	for out.Shard.Accounts-in.Shard.Accounts < e.Settings.Chunk && e.Now().Sub(begun) < e.Settings.ChunkFor {
		page, err := e.Enforcer.EnforcePage(ctx, in.Sweep, out.Shard.After, out.Shard.Last, e.Settings.Page)
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err != nil {
			return out, e.again(ctx, "page", err)
		}
		out.take(page)
		activity.RecordHeartbeat(ctx, out)
		if page.Accounts < e.Settings.Page {
			out.Shard.Done = true
			break
		}
	}
	return out, nil
}

func (r *SweepChunkResult) take(page EnforcedPage) {
	r.Shard.Accounts += page.Accounts
	if page.Last != "" {
		r.Shard.After = page.Last
	}
	for _, c := range page.Counts {
		r.Shard.Restricted += c.Restricted
		r.Shard.Lifted += c.Lifted
	}
	r.Counts = contract.AddCounts(r.Counts, page.Counts...)
}

// SweepSave says how far a sweep has come.
type SweepSave struct {
	Sweep  contract.SweepKey     `json:"sweep"`
	State  contract.SweepState   `json:"state"`
	Done   int                   `json:"done"`
	Counts []contract.SweepCount `json:"counts,omitempty"`
}

// SweepSaved is what the record says: entries are counted where they are written, so it is exact whatever died.
type SweepSaved struct {
	Restricted int       `json:"restricted"`
	Lifted     int       `json:"lifted"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
}

// SaveSweep writes how far the sweep has come into its record.
func (e *Enforcement) SaveSweep(ctx context.Context, in SweepSave) (SweepSaved, error) {
	saved, err := e.Records.SaveSweep(ctx, in, e.Now())
	if err != nil {
		return SweepSaved{}, e.again(ctx, "save", err)
	}
	return saved, nil
}

func (e *Enforcement) again(ctx context.Context, op string, err error) error {
	e.Logger.WarnContext(ctx, "sweep waits", "op", op, "error", err)
	return tryAgain("store_unavailable", "the store or the policies cannot be read")
}
