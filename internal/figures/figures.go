package figures

import (
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Figures is what the overview shows. Its instants are in the policy's zone.
type Figures struct {
	At          time.Time         `json:"at" doc:"Everything but population is of this instant, at most ten seconds ago when it was asked for."`
	Population  Population        `json:"population"`
	Attempts    AttemptFigures    `json:"attempts"`
	Stays       []StateStay       `json:"stays" nullable:"false" doc:"How long accounts were in the states that they left in the last seven days; states that none left are not there."`
	Rejections  []ReasonCount     `json:"rejections" nullable:"false" doc:"Why reviews refused in the last seven days, commonest first, ten at most."`
	Failures    []ReasonCount     `json:"failures" nullable:"false" doc:"Why attempts failed in the last seven days, commonest first, ten at most."`
	Log         LogCount          `json:"log"`
	Refusals    []RefusalCount    `json:"refusals" nullable:"false" doc:"What the gate blocked in the last 24 hours for the first time, by action."`
	Restricted  []RestrictedCount `json:"restricted" nullable:"false" doc:"Open restrictions, by rule."`
	Sweeps      SweepFigures      `json:"sweeps"`
	Reminders   ReminderFigures   `json:"reminders"`
	Webhooks    WebhookFigures    `json:"webhooks"`
	Provider    *ProviderFigures  `json:"provider" doc:"What this process has seen of the provider; null if it does not call it."`
	RefreshSecs int               `json:"refresh_seconds" doc:"Asking again sooner gives the same answer."`
}

// Population is what a pass over every account counted.
type Population struct {
	At          time.Time     `json:"at" doc:"When the pass began; every account is counted as it was read then or a little later."`
	TookSeconds float64       `json:"took_seconds"`
	Accounts    int64         `json:"accounts" doc:"Open accounts."`
	Covered     int64         `json:"covered" doc:"Of these, covered by some rule in force."`
	Unverified  int64         `json:"unverified" doc:"Covered and not verified as the rule asks."`
	Blocked     int64         `json:"blocked" doc:"Covered and refused something now."`
	Funnel      []FunnelStep  `json:"funnel" nullable:"false" doc:"Covered accounts by state, in the order of the merchant's way."`
	Rules       []RuleFigures `json:"rules" nullable:"false" doc:"The rules in force now."`
	Enforcement *Enforcement  `json:"enforcement" doc:"The next instant at which a rule begins to block something; null if none is published."`
	EnforcedAt  *time.Time    `json:"enforced_at" doc:"The last such instant that has passed."`
	BurnDown    BurnDown      `json:"burn_down"`
	Backlog     ReviewBacklog `json:"backlog"`
}

// FunnelStep is one state of the funnel.
type FunnelStep struct {
	State    lifecycle.State `json:"state"`
	Accounts int64           `json:"accounts" doc:"In this state now."`
	Reached  int64           `json:"reached" doc:"In this state or one that lies further on the way."`
}

// RuleFigures is one rule in force.
type RuleFigures struct {
	Policy     string `json:"policy"`
	Rule       string `json:"rule"`
	Observes   bool   `json:"observes" doc:"It only observes."`
	Covered    int64  `json:"covered"`
	Unverified int64  `json:"unverified"`
	Extended   int64  `json:"extended" doc:"Not blocked for now, because of an extension."`
	Grace      int64  `json:"grace" doc:"Not blocked for now, because the wait is not the merchant's."`
	Blocked    int64  `json:"blocked"`
}

// Enforcement is an instant at which rules begin to block.
type Enforcement struct {
	At        time.Time `json:"at"`
	Rules     []string  `json:"rules" nullable:"false" doc:"That begin to block something."`
	Actions   []string  `json:"actions" nullable:"false" doc:"That they begin to block."`
	IfNothing int64     `json:"blocked_if_nothing_changes" doc:"Accounts that will be blocked then if nobody verifies until then."`
	Newly     int64     `json:"newly_blocked_if_nothing_changes" doc:"Of these, not blocked now."`
	Extended  int64     `json:"extended" doc:"Accounts that an extension will keep from being blocked then."`
	Grace     int64     `json:"grace" doc:"Accounts that will not be blocked then because their wait is not the merchant's."`
	Expected  int64     `json:"blocked_expected" doc:"By the forecast: the same share of the accounts that will not be verified then as of those that are not verified now."`
	Least     int64     `json:"blocked_least"`
	Most      int64     `json:"blocked_most"`
}

// BurnDown is how many accounts are covered and not verified, day by day.
type BurnDown struct {
	Days     []BurnDownDay   `json:"days" nullable:"false" doc:"The last thirty midnights of the policy's zone and the instant of the pass: of the accounts that are open and covered now, those that were registered and not verified then, by what is known now."`
	Pace     *Pace           `json:"pace" doc:"Null if no account was covered for the last seven days."`
	Forecast []ForecastPoint `json:"forecast" nullable:"false" doc:"From the pass until the next enforcement, ninety days at most; empty without pace or enforcement."`
}

// BurnDownDay is one point of a burn-down.
type BurnDownDay struct {
	At         time.Time `json:"at"`
	Unverified int64     `json:"unverified"`
}

// Pace is how many accounts were verified a day.
type Pace struct {
	Days   []int64 `json:"days" nullable:"false" doc:"Verified on each of the last seven whole days, oldest first."`
	Median int64   `json:"median"`
	Least  int64   `json:"least"`
	Most   int64   `json:"most"`
}

// ForecastPoint is one point of a forecast: what is left if the median, the most or the least of the last seven days is
// verified every day.
type ForecastPoint struct {
	At       time.Time `json:"at"`
	Expected int64     `json:"expected"`
	Least    int64     `json:"least"`
	Most     int64     `json:"most"`
}

// ReviewBacklog is what waits for a reviewer or for the automatic checks, of all accounts.
type ReviewBacklog struct {
	Waiting int64      `json:"waiting"`
	Oldest  *time.Time `json:"oldest" doc:"Since when the longest waits; null if nothing does."`
	Ages    []AgeClass `json:"ages" nullable:"false" doc:"By how long they have waited, youngest first."`
}

// AgeClass is a class of age.
type AgeClass struct {
	FromHours int    `json:"from_hours" doc:"Included."`
	ToHours   *int   `json:"to_hours" doc:"Excluded; null for the last class."`
	Accounts  int64  `json:"accounts"`
	Name      string `json:"name" doc:"Such as 2-8h, for the one who draws it."`
}

// AttemptFigures is face verifications, by what became of them.
type AttemptFigures struct {
	Day  AttemptCounts `json:"day" doc:"Of the last 24 hours, from the full hour on."`
	Week AttemptCounts `json:"week" doc:"Of the last seven days, from the full hour on."`
}

// AttemptCounts is attempts of a time.
type AttemptCounts struct {
	Begun   int64 `json:"begun"`
	Passed  int64 `json:"passed"`
	Failed  int64 `json:"failed"`
	Expired int64 `json:"expired" doc:"QR codes that ended without a result; the attempt may go on with another code."`
	Locked  int64 `json:"locked" doc:"Accounts that used up their attempts."`
}

// StateStay is how long accounts were in a state.
type StateStay struct {
	State         lifecycle.State `json:"state"`
	Left          int64           `json:"left" doc:"How often the state was left."`
	MedianSeconds int64           `json:"median_seconds" doc:"Within three percent."`
	P95Seconds    int64           `json:"p95_seconds" doc:"Within three percent."`
}

// ReasonCount is a code and how often it was given.
type ReasonCount struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// LogCount is how far the log was counted for attempts, stays and reasons.
type LogCount struct {
	CountedTo *time.Time `json:"counted_to" doc:"When the last entry that was counted was recorded; null if none was."`
	Behind    bool       `json:"behind" doc:"There are younger entries."`
}

// RefusalCount is what the gate blocked.
type RefusalCount struct {
	Action   string `json:"action"`
	Refusals int64  `json:"refusals" doc:"Each account counts once for every rule."`
	Accounts int64  `json:"accounts"`
}

// RestrictedCount is accounts under one rule.
type RestrictedCount struct {
	Policy   string `json:"policy"`
	Rule     string `json:"rule"`
	Accounts int64  `json:"accounts"`
}

// SweepFigures is the newest ones and when the next begins by itself.
type SweepFigures struct {
	Running []SweepFigure `json:"running" nullable:"false" doc:"Paused ones among them."`
	Last    *SweepFigure  `json:"last" doc:"The newest that ended and was no dry run."`
	NextAt  *time.Time    `json:"next_at" doc:"When the next begins by itself; null if that is not known here."`
}

// SweepFigure is one sweep as it is recorded.
type SweepFigure struct {
	ID         string     `json:"id"`
	Policy     string     `json:"policy"`
	Instant    time.Time  `json:"instant"`
	State      string     `json:"state" enum:"running,paused,done,cancelled,failed"`
	DryRun     bool       `json:"dry_run"`
	Total      int        `json:"total"`
	Done       int        `json:"done"`
	Restricted int        `json:"restricted"`
	Lifted     int        `json:"lifted"`
	StartedAt  time.Time  `json:"started_at"`
	EndedAt    *time.Time `json:"ended_at"`
}

// ReminderFigures is messages to merchants.
type ReminderFigures struct {
	Day     int64 `json:"day" doc:"Reminders of the last 24 hours."`
	Week    int64 `json:"week" doc:"Reminders of the last seven days."`
	Waiting int64 `json:"waiting" doc:"Messages that will be tried, or tried again."`
	Failed  int64 `json:"failed" doc:"Messages of the last 24 hours that will not arrive, or that nobody knows where to send."`
}

// WebhookFigures is deliveries.
type WebhookFigures struct {
	Pending       int64      `json:"pending"`
	Failed        int64      `json:"failed" doc:"Given up in the last 24 hours."`
	OldestPending *time.Time `json:"oldest_pending" doc:"When the longest waiting delivery was queued."`
	OldestUnsent  *time.Time `json:"oldest_unsent" doc:"When the oldest change was recorded that no delivery was made of yet."`
}

// ProviderFigures is what one process has seen of the provider.
type ProviderFigures struct {
	Name          string          `json:"name"`
	Since         time.Time       `json:"since" doc:"When this process began to count."`
	Calls         []ProviderCalls `json:"calls" nullable:"false" doc:"By operation, those without calls left out."`
	LastSuccess   *time.Time      `json:"last_success"`
	LastFailure   *time.Time      `json:"last_failure"`
	LastFault     string          `json:"last_fault" doc:"What kind of failure the last one was; empty without any."`
	FailuresInRow int64           `json:"failures_in_row" doc:"Since the last success."`
}

// ProviderCalls is calls of one operation.
type ProviderCalls struct {
	Operation string `json:"operation" enum:"start,query"`
	Calls     int64  `json:"calls"`
	Failures  int64  `json:"failures" doc:"Answers that say something of the person or the order are none."`
}
