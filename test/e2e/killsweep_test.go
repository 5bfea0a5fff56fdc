package e2e

import (
	"errors"
	"fmt"
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
		fresh := coveredLines(fmt.Sprintf("swept-%02d-", round), swept)
		d.service(t).importLines(t, fresh...)
		accounts = append(accounts, idsOf(fresh)...)
		id := startSweep(d.reviewer(t))
		n := moment.upTo(answers + answers/4)
		last := watchSweep(d.reviewer(t), id, n)
		d.kill(t)
		t.Logf("kill %d: after answer %d of about %d; %s, %d of %d accounts, %d restricted", round+1, n, answers, last.State, last.Done, last.Total, last.Restricted)
		d.start(t)
	}
	startSweep(d.reviewer(t))
	requireSwept(t, d, accounts, awaitSweeps(t, d.reviewer(t)))
}

// sweepAnswers is how many answers an undisturbed sweep takes, asked for one after the other.
func sweepAnswers(t *testing.T, d *demo) int {
	t.Helper()
	d.service(t).importLines(t, coveredLines("undisturbed-", swept)...)
	c := d.reviewer(t)
	id, n := startSweep(c), 0
	for watchSweep(c, id, 1).State != "done" {
		n++
	}
	return n
}

// requireSwept checks every account's log and restrictions, and the sweeps' own counts against them.
func requireSwept(t *testing.T, d *demo, accounts []string, sweeps []sweepProgress) {
	t.Helper()
	c := d.reviewer(t)
	known, opened := map[string]bool{}, 0
	for _, w := range sweeps {
		require.Equal(t, "done", w.State, "sweep %s", w.ID)
		require.Zero(t, w.Lifted, "sweep %s", w.ID)
		known[w.ID], opened = true, opened+w.Restricted
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
	require.Len(t, listed(c, "&restricted=true", ""), opened, "what the sweeps say they opened, and what is open")
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
	return decoded[struct {
		ID string `json:"id"`
	}](c.t, got.body).ID
}

// watchSweep asks n times how far the sweep has come, and returns the last answer that told.
func watchSweep(c caller, id string, n int) (last sweepProgress) {
	c.t.Helper()
	for range n {
		got := c.send(request{method: http.MethodGet, path: "/v1/sweeps/" + id})
		if got.status == http.StatusOK {
			last = decoded[sweepProgress](c.t, got.body)
			continue
		}
		require.GreaterOrEqual(c.t, got.status, http.StatusInternalServerError, "%s", got.body)
	}
	return last
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
