package e2e

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// swept is how many accounts are new to each sweep.
const swept = 400

// TestKilledSweeps kills the process at random moments of enforcement sweeps. Every sweep finds accounts that none has
// seen, and beside it goes on what the kills before have left. In the end each account is restricted once.
func TestKilledSweeps(t *testing.T) {
	t.Parallel()
	moment := newMoments(t)
	d := startDemo(t)
	answers := sweepAnswers(t, d)
	var accounts []string
	for round := range kills() {
		prefix := fmt.Sprintf("swept-%02d-", round)
		fresh := coveredLines(prefix, swept)
		d.service(t).importLines(t, fresh...)
		accounts = append(accounts, idsOf(fresh)...)
		startSweep(d.reviewer(t))
		when := killInSweep(d.reviewer(t), moment, round, idsOf(fresh), answers)
		d.kill(t)
		d.start(t)
		done := len(listed(d.reviewer(t), "&restricted=true", prefix))
		t.Logf("kill %d: %s; of %d accounts %d were restricted then", round+1, when, swept, done)
	}
	startSweep(d.reviewer(t))
	requireSwept(t, d, accounts, awaitSweeps(t, d.reviewer(t)))
}

// killInSweep returns at the moment to kill: while the sweep writes, as soon as an account is restricted, or anywhere
// from its start to shortly after its end. It says which.
func killInSweep(c caller, moment moments, round int, accounts []string, answers int) string {
	c.t.Helper()
	if round%2 == 0 {
		id := accounts[moment.IntN(len(accounts))]
		watchSweep(c, id, math.MaxInt, func(found int) bool { return found > 0 })
		return "when " + id + " was restricted"
	}
	n := moment.upTo(answers + answers/4)
	watchSweep(c, accounts[0], n, func(int) bool { return false })
	return fmt.Sprintf("after answer %d of about %d", n, answers)
}

// sweepAnswers is how many answers about its last account are given while a sweep goes on that nothing disturbs.
func sweepAnswers(t *testing.T, d *demo) int {
	t.Helper()
	lines := coveredLines("undisturbed-", swept)
	d.service(t).importLines(t, lines...)
	startSweep(d.reviewer(t))
	return watchSweep(d.reviewer(t), idsOf(lines)[swept-1], math.MaxInt, func(found int) bool { return found > 0 })
}

// requireSwept checks every account's log and restrictions, and the sweeps' own counts against them.
func requireSwept(t *testing.T, d *demo, accounts []string, sweeps []sweepProgress) {
	t.Helper()
	opened := 0
	for _, w := range sweeps {
		require.Zero(t, w.Lifted, "sweep %s", w.ID)
		opened += w.Restricted
	}
	requireRestricted(t, d, accounts, sweeps)
	open := len(listed(d.reviewer(t), "&restricted=true", ""))
	require.Equal(t, opened, open, "what the sweeps say they opened, and what is open")
}

// requireRestricted: each account was restricted once, by one of the sweeps, which are over, and by nothing else.
func requireRestricted(t *testing.T, d *demo, accounts []string, sweeps []sweepProgress) {
	t.Helper()
	c := d.reviewer(t)
	known := map[string]bool{}
	for _, w := range sweeps {
		require.Equal(t, "done", w.State, "sweep %s", w.ID)
		known[w.ID] = true
	}
	for _, id := range accounts {
		log := fullHistory(c, id)
		require.NoError(t, restrictedOnce(log), id)
		require.True(t, known[*log[0].Detail.Restricted.Sweep], "%s names the sweep %s", id, *log[0].Detail.Restricted.Sweep)
		on := get[restrictions](c, "/v1/accounts/"+id+"/restrictions").Restrictions
		require.Len(t, on, 1, id)
		require.Equal(t, log[0].Seq, on[0].Seq, id)
		require.Nil(t, on[0].LiftedAt, id)
	}
}

// restrictedOnce says what is wrong with the log of an account to which nothing happened but sweeps.
func restrictedOnce(log []entry) error {
	switch n := count(log, "restrict"); {
	case n != 1 || len(log) != 1:
		return fmt.Errorf("%d entries, of which %d restrict, instead of one", len(log), n)
	case log[0].Detail.Restricted == nil || log[0].Detail.Restricted.Sweep == nil:
		return errors.New("the restriction names no sweep")
	}
	return faultIn(log)
}

// coveredLines are lines of accounts that the founding rule covers.
func coveredLines(prefix string, n int) []any {
	lines := make([]any, n)
	for i := range lines {
		line := coveredFacts()
		line["account_id"] = fmt.Sprintf("%s%05d", prefix, i)
		lines[i] = line
	}
	return lines
}

func idsOf(lines []any) []string {
	ids := make([]string, len(lines))
	for i, line := range lines {
		ids[i] = line.(map[string]any)["account_id"].(string)
	}
	return ids
}

type sweepProgress struct {
	ID            string    `json:"id"`
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Instant       time.Time `json:"instant"`
	DryRun        bool      `json:"dry_run"`
	State         string    `json:"state"`
	By            struct {
		Kind string  `json:"kind"`
		ID   *string `json:"id"`
	} `json:"by"`
	Reason     string `json:"reason"`
	Total      int    `json:"total"`
	Done       int    `json:"done"`
	Restricted int    `json:"restricted"`
	Lifted     int    `json:"lifted"`
	Counts     []struct {
		Rule       string `json:"rule"`
		State      string `json:"state"`
		Restricted int    `json:"restricted"`
		Lifted     int    `json:"lifted"`
	} `json:"counts"`
	Shards []struct {
		Accounts   int  `json:"accounts"`
		Restricted int  `json:"restricted"`
		Lifted     int  `json:"lifted"`
		Done       bool `json:"done"`
	} `json:"shards"`
	AccountsPerSecond float64    `json:"accounts_per_second"`
	ETA               *time.Time `json:"eta"`
	StartedAt         *time.Time `json:"started_at"`
	EndedAt           *time.Time `json:"ended_at"`
}

type sweepStarted struct {
	ID string `json:"id"`
}

type sweepPage struct {
	Sweeps []sweepProgress `json:"sweeps"`
	Cursor *string         `json:"cursor"`
}

type restrictions struct {
	AccountID    string `json:"account_id"`
	Restrictions []struct {
		Policy        string     `json:"policy"`
		PolicyVersion int        `json:"policy_version"`
		Rule          string     `json:"rule"`
		Actions       []string   `json:"actions"`
		Since         *time.Time `json:"since"`
		OpenedAt      time.Time  `json:"opened_at"`
		Seq           int64      `json:"seq"`
		Sweep         *string    `json:"sweep"`
		LiftedAt      *time.Time `json:"lifted_at"`
		LiftReason    *string    `json:"lift_reason"`
	} `json:"restrictions"`
}

// startSweep starts a sweep by hand and returns its id.
func startSweep(c caller) string {
	c.t.Helper()
	body := map[string]any{"policy": "wishpost-face-verification", "reason": "by_hand"}
	got := c.insist(keyed("/v1/sweeps", c.d.newID(c.t), body))
	require.Equal(c.t, http.StatusAccepted, got.status, "%s", got.body)
	return decoded[sweepStarted](c.t, got.body).ID
}

// watchSweep asks for the restrictions of an account up to n times, until until is true of how many there are, and
// returns how often it asked.
func watchSweep(c caller, account string, n int, until func(found int) bool) (asked int) {
	c.t.Helper()
	deadline := bounded(c.t, patience)
	for asked < n {
		require.NoError(c.t, deadline.Err(), "%s is not restricted", account)
		asked++
		if until(len(get[restrictions](c, "/v1/accounts/"+account+"/restrictions").Restrictions)) {
			break
		}
	}
	return asked
}

// awaitSweeps waits until every sweep is over, those too that a kill interrupted, and returns them.
func awaitSweeps(t *testing.T, c caller) (all []sweepProgress) {
	t.Helper()
	eventually(t, patience, "all sweeps are over", func() bool {
		page := get[sweepPage](c, "/v1/sweeps?limit=500")
		require.Nil(t, page.Cursor)
		all = page.Sweeps
		for _, w := range all {
			if w.State == "running" {
				return false
			}
		}
		return true
	})
	return all
}

// TestBrokenRestrictionsAreNoticed proves the detector.
func TestBrokenRestrictionsAreNoticed(t *testing.T) {
	t.Parallel()
	good := decoded[entry](t, []byte(`{"seq":1,"event":"restrict","from":"unverified","to":"unverified","detail":{"restricted":{"sweep":"s1"}}}`))
	require.NoError(t, restrictedOnce([]entry{good}))
	twice, late, nameless := good, good, good
	twice.Seq, late.Seq, nameless.Detail = 2, 2, detail{}
	for name, log := range map[string][]entry{
		"missing": nil, "double": {good, twice}, "gap": {late}, "nameless": {nameless},
	} {
		require.Error(t, restrictedOnce(log), name)
	}
}
