package contract

import (
	"errors"
	"maps"
	"regexp"
	"strings"
)

// RemindersWorkflow is the type of the workflow that reminds the accounts of one policy, once over the population.
const RemindersWorkflow = "Reminders"

// Updates of the Reminders workflow. They take no input and answer a RemindersProgress. To cancel a run, cancel the
// workflow: what was written stays.
const (
	UpdatePause  = "pause"
	UpdateResume = "resume"
)

const remindersPrefix = "reminders/"

// ErrRunID means that a run id does not have the form that RemindersRun gives it.
var ErrRunID = errors.New("run id must be the policy's name, a colon and what tells its runs apart")

var runIDPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}:[A-Za-z0-9._:-]{1,100}$`)

// RemindersRun is the id of a run for a policy; unique tells its runs apart. RemindersPolicy reverses it.
func RemindersRun(policyName, unique string) string { return policyName + ":" + unique }

// RemindersPolicy returns the policy of a run, or ErrRunID.
func RemindersPolicy(runID string) (string, error) {
	if !runIDPattern.MatchString(runID) {
		return "", ErrRunID
	}
	name, _, _ := strings.Cut(runID, ":")
	return name, nil
}

// RemindersID is the workflow id of a run. RemindersRunOf reverses it.
func RemindersID(runID string) string { return remindersPrefix + runID }

// RemindersRunOf returns the run of a workflow id.
func RemindersRunOf(workflowID string) (string, error) {
	runID, ok := strings.CutPrefix(workflowID, remindersPrefix)
	if !ok {
		return "", ErrRunID
	}
	_, err := RemindersPolicy(runID)
	return runID, err
}

// RemindersStart is the input of the Reminders workflow.
type RemindersStart struct {
	Policy string `json:"policy"`
	DryRun bool   `json:"dry_run,omitempty"` // count who would be reminded, and remind nobody
	// Continued is set by a run that goes on as new.
	Continued *RemindersContinued `json:"continued,omitempty"`
}

// RemindersContinued is how far a run came.
type RemindersContinued struct {
	Plan      ReminderPlan      `json:"plan"`
	Shards    []ReminderShard   `json:"shards"`
	Progress  RemindersProgress `json:"progress"`
	Delivered bool              `json:"delivered"`
}

// ReminderPlan is what a run is going to do.
type ReminderPlan struct {
	Version   int      `json:"version"`    // of the policy in force, 0 if none is
	PerSecond int      `json:"per_second"` // 0: nobody is to be reminded now
	Cuts      []string `json:"cuts"`       // account ids that part the population
}

// ReminderShard is a range of the population: after After, up to Last.
type ReminderShard struct {
	After string `json:"after"`
	Last  string `json:"last"` // "" is open
	Done  bool   `json:"done"`
}

// ReminderPage asks for a part of a shard.
type ReminderPage struct {
	Policy string  `json:"policy"`
	After  string  `json:"after"`
	Last   string  `json:"last"`
	Rate   float64 `json:"rate"` // reminders per second at most
	DryRun bool    `json:"dry_run,omitempty"`
}

// ReminderPageResult says how far a page came.
type ReminderPageResult struct {
	Next   string         `json:"next"` // last account that was looked at
	Done   bool           `json:"done"` // there are no more
	Counts ReminderCounts `json:"counts"`
}

// ReminderCounts is what became of accounts and their reminders.
type ReminderCounts struct {
	Seen       int            `json:"seen"`       // accounts looked at
	Due        int            `json:"due"`        // accounts that a reminder is due for
	Already    int            `json:"already"`    // of these, reminded before
	Written    int            `json:"written"`    // of these, reminded now
	Sent       int            `json:"sent"`       // messages that the provider took
	NoContact  int            `json:"no_contact"` // messages that nobody knows where to send
	Waiting    int            `json:"waiting"`    // messages that will be tried again
	Failed     int            `json:"failed"`     // messages that will not arrive
	Outdated   int            `json:"outdated"`   // messages that ceased to be true before they could be sent
	Off        int            `json:"off"`        // messages that no provider is configured for
	Milestones map[string]int `json:"milestones,omitempty"`
}

// Plus returns the sums.
func (c ReminderCounts) Plus(o ReminderCounts) ReminderCounts {
	sum := ReminderCounts{
		Seen: c.Seen + o.Seen, Due: c.Due + o.Due, Already: c.Already + o.Already, Written: c.Written + o.Written,
		Sent: c.Sent + o.Sent, NoContact: c.NoContact + o.NoContact, Waiting: c.Waiting + o.Waiting,
		Failed: c.Failed + o.Failed, Outdated: c.Outdated + o.Outdated, Off: c.Off + o.Off,
	}
	for _, m := range []map[string]int{c.Milestones, o.Milestones} {
		if sum.Milestones == nil && len(m) > 0 {
			sum.Milestones = maps.Clone(m)
			continue
		}
		for id, n := range m {
			sum.Milestones[id] += n
		}
	}
	return sum
}

// RunState says where a run stands.
type RunState string

const (
	RunRunning   RunState = "running"
	RunPaused    RunState = "paused"
	RunFinished  RunState = "finished"
	RunCancelled RunState = "cancelled"
)

// RemindersProgress is the view of a run.
type RemindersProgress struct {
	RunID      string         `json:"run_id"`
	Policy     string         `json:"policy"`
	Version    int            `json:"version"`
	DryRun     bool           `json:"dry_run"`
	State      RunState       `json:"state"`
	Shards     int            `json:"shards"`
	ShardsDone int            `json:"shards_done"`
	Counts     ReminderCounts `json:"counts"`
}
