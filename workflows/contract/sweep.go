package contract

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Workflow types of enforcement.
const (
	SweepWorkflow     = "EnforcementSweep"
	SweepTickWorkflow = "SweepTick"
)

// Updates of the EnforcementSweep workflow. Each takes a SweepCommand and answers a SweepProgress.
const (
	UpdatePauseSweep  = "pause"
	UpdateResumeSweep = "resume"
	UpdateCancelSweep = "cancel"
)

// QueryProgress answers a SweepProgress or a RemindersProgress, as of the run.
const QueryProgress = "progress"

// ErrTypeSweepEnded means that a sweep is over and takes no command any more.
const ErrTypeSweepEnded = "sweep_ended"

// SweepState says how far a sweep has come.
type SweepState string

const (
	SweepRunning   SweepState = "running"
	SweepPaused    SweepState = "paused"
	SweepDone      SweepState = "done"
	SweepCancelled SweepState = "cancelled"
	SweepFailed    SweepState = "failed"
)

// Ended reports whether a sweep in s is over.
func (s SweepState) Ended() bool { return s == SweepDone || s == SweepCancelled || s == SweepFailed }

// SweepCount is how often a sweep wanted to restrict or to lift.
type SweepCount struct {
	RuleID     string          `json:"rule"`
	State      lifecycle.State `json:"state"` // of the accounts
	Restricted int             `json:"restricted"`
	Lifted     int             `json:"lifted"`
}

// AddCounts adds counts by rule and state; the sum is ordered by both.
func AddCounts(to []SweepCount, counts ...SweepCount) []SweepCount {
	for _, c := range counts {
		at, found := slices.BinarySearchFunc(to, c, func(a, b SweepCount) int {
			return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.State, b.State))
		})
		if !found {
			to = slices.Insert(to, at, SweepCount{RuleID: c.RuleID, State: c.State})
		}
		to[at].Restricted += c.Restricted
		to[at].Lifted += c.Lifted
	}
	return to
}

// SweepKey is what tells sweeps apart. Two with the same key are one and the same sweep.
type SweepKey struct {
	Policy  string    `json:"policy"`
	Version int       `json:"version"` // in force when the sweep was started; it enforces what is in force when it looks
	Instant time.Time `json:"instant"` // that it is for, to the second
	DryRun  bool      `json:"dry_run,omitempty"`
}

const (
	sweepPrefix  = "sweep/"
	instantForm  = "20060102T150405Z"
	dryRunSuffix = "dry"
)

// ErrSweepID means that a text is not the id of a sweep.
var ErrSweepID = errors.New("a sweep id has the form policy.version.instant, such as founding.1.20201203T160000Z")

var sweepIDPattern = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]{0,63})\.([1-9][0-9]{0,8})\.([0-9]{8}T[0-9]{6}Z)(\.dry)?$`)

// ID names the sweep in addresses and records. ParseSweepID reverses it.
func (k SweepKey) ID() string { return strings.Join(k.parts(), ".") }

// WorkflowID names the sweep's workflow.
func (k SweepKey) WorkflowID() string { return sweepPrefix + strings.Join(k.parts(), "/") }

func (k SweepKey) parts() []string {
	parts := []string{k.Policy, strconv.Itoa(k.Version), k.Instant.UTC().Format(instantForm)}
	if k.DryRun {
		parts = append(parts, dryRunSuffix)
	}
	return parts
}

// ParseSweepID returns the key of an id, or ErrSweepID.
func ParseSweepID(id string) (SweepKey, error) {
	m := sweepIDPattern.FindStringSubmatch(id)
	if m == nil {
		return SweepKey{}, ErrSweepID
	}
	version, err := strconv.Atoi(m[2])
	if err != nil {
		return SweepKey{}, ErrSweepID
	}
	instant, err := time.Parse(instantForm, m[3])
	if err != nil {
		return SweepKey{}, ErrSweepID
	}
	return SweepKey{Policy: m[1], Version: version, Instant: instant, DryRun: m[4] != ""}, nil
}

// Check returns an error that names the field, unless the key makes an id.
func (k SweepKey) Check() error {
	if _, err := ParseSweepID(k.ID()); err != nil {
		return fmt.Errorf("policy, version or instant: %w", err)
	}
	return nil
}

// Sweep is the input of the EnforcementSweep workflow.
type Sweep struct {
	SweepKey
	Actor  lifecycle.Actor `json:"actor"`
	Reason string          `json:"reason"`           // a code
	Resume *SweepResume    `json:"resume,omitempty"` // of a run that is continued; nil to begin
}

// SweepResume is what a continued run knows of the runs before it.
type SweepResume struct {
	State     SweepState    `json:"state"`
	Total     int           `json:"total"`
	StartedAt time.Time     `json:"started_at"`
	Shards    []SweepShard  `json:"shards"`
	Counts    []SweepCount  `json:"counts,omitempty"`
	Busy      time.Duration `json:"busy"`
}

// SweepShard is one range of accounts and how far the sweep has come in it.
type SweepShard struct {
	After      string `json:"after,omitempty"` // account id of the last one looked at
	Last       string `json:"last,omitempty"`  // account id of the last of the range, "" for no end
	Accounts   int    `json:"accounts"`        // looked at
	Restricted int    `json:"restricted"`
	Lifted     int    `json:"lifted"`
	Done       bool   `json:"done"`
}

// SweepCommand is who pauses, resumes or cancels.
type SweepCommand struct {
	Actor lifecycle.Actor `json:"actor"`
}

// SweepProgress is the whole view of a sweep. It names no account.
type SweepProgress struct {
	SweepKey
	State      SweepState      `json:"state"`
	Actor      lifecycle.Actor `json:"actor"`
	Reason     string          `json:"reason,omitempty"`
	Total      int             `json:"total"` // accounts when it began
	Done       int             `json:"done"`  // accounts looked at
	Restricted int             `json:"restricted"`
	Lifted     int             `json:"lifted"`
	Counts     []SweepCount    `json:"counts,omitempty"`
	Shards     []ShardProgress `json:"shards,omitempty"`
	Rate       float64         `json:"rate,omitempty"`      // accounts per second of the time it was not paused
	Remaining  time.Duration   `json:"remaining,omitempty"` // at that rate; zero if it is not known
	StartedAt  time.Time       `json:"started_at,omitzero"` // business time
	EndedAt    time.Time       `json:"ended_at,omitzero"`   // business time
}

// ShardProgress is how far one of the parallel parts of a sweep has come.
type ShardProgress struct {
	Accounts   int  `json:"accounts"`
	Restricted int  `json:"restricted"`
	Lifted     int  `json:"lifted"`
	Done       bool `json:"done"`
}

// SweepTick is the input of the SweepTick workflow.
type SweepTick struct {
	Reason string `json:"reason"` // a code: what the schedule is for
}
