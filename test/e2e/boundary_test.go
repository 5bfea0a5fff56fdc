package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy/policytest"
)

const policies = "../../testdata/policies"

// boundaryTable asks the questions of the tables of both rules of 2020 over HTTP, each of an account of its own.
//
// An account that was under review or locked on a day of 2020 cannot be had over HTTP in another year; without a
// grace in the rule both are blocked like any unverified one, and as such they are asked. Extensions are granted from
// now on only: theirs are asked on the timeline's clock.
func boundaryTable(t *testing.T, d *demo) {
	asked := 0
	for _, c := range boundaryCases(t) {
		if len(c.Extensions) == 0 {
			asked++
			askCase(t, d, c)
		}
	}
	require.GreaterOrEqual(t, asked, 12)
}

// boundaryCases are the cases of both tables. The founding rule's table knows of no other rule: what it says of accounts
// that the rule for registration covers, the table of both says otherwise.
func boundaryCases(t *testing.T) []policytest.Case {
	t.Helper()
	founding, err := policytest.Cases(os.DirFS(policies), "boundary.yaml")
	require.NoError(t, err)
	both, err := policytest.Load(os.DirFS(policies), "registration-boundary.yaml")
	require.NoError(t, err)
	cases := both.Cases
	for _, c := range founding {
		if p := both.Set.PolicyFor(c.Account); p == nil || p.Name != "wishpost-registration" {
			cases = append(cases, c)
		}
	}
	require.Len(t, cases, len(founding)+len(both.Cases)-1, "of the accounts registered from the cutoff on there is one case")
	return cases
}

func askCase(t *testing.T, d *demo, c policytest.Case) {
	t.Helper()
	a := d.known(t, d.newID(t), person{})
	line := map[string]any{
		"account_id": a.id, "kind": c.Account.Kind, "region": c.Account.Region,
		"registered_at": c.Account.RegisteredAt.Format(time.RFC3339Nano),
	}
	if c.Standing.State == lifecycle.Verified {
		line["verified"] = map[string]any{"at": c.Standing.VerifiedAt.Format(time.RFC3339Nano), "method": "counter", "evidence": "box/17"}
	}
	imported := a.service.importLines(t, line)
	require.Equal(t, "created", imported[0].Result, c.Name)
	for _, x := range c.Extensions {
		a.extend(x.Until)
	}
	got := a.decideAt(c.Action, c.At, "")
	require.Equal(t, string(c.Effect)+" "+string(c.Reason), got.Effect+" "+got.Reason, c.Name)
	require.True(t, got.At.Equal(c.At), c.Name)
	require.True(t, got.Hypothetical)
	require.Equal(t, "would", got.Basis)
	require.Nil(t, got.Receipt, "nothing was recorded")
	sameInstant(t, c.Name+": since", c.Since, got.Since)
	sameInstant(t, c.Name+": deadline", c.Deadline, got.Deadline)
	sameInstant(t, c.Name+": next_change_at", c.NextChangeAt, got.NextChangeAt)
}

// sameInstant compares with what a case expects: nil is anything, the zero instant is null.
func sameInstant(t *testing.T, what string, want, got *time.Time) {
	t.Helper()
	switch {
	case want == nil:
	case want.IsZero():
		require.Nil(t, got, what)
	default:
		require.NotNil(t, got, what)
		require.True(t, got.Equal(*want), "%s: want %s, got %s", what, want, got)
		_, offset := got.Zone()
		require.Equal(t, 8*60*60, offset, "%s is not in the policy's zone", what)
	}
}

func (a *account) extend(until time.Time) extension {
	a.t.Helper()
	asked := ask[extension](a.service, http.StatusCreated, request{
		method: http.MethodPost, path: a.path("extensions"), body: map[string]any{"until": until.Format(time.RFC3339Nano), "reason": "flood"},
	})
	return post[extension](a.reviewer, "/v1/extensions/"+asked.ID+"/approve", map[string]any{})
}

// decideAt asks about another instant; an empty basis leaves it to the default.
func (a *account) decideAt(action string, at time.Time, basis string) decision {
	a.t.Helper()
	body := map[string]any{"action": action, "at": at.Format(time.RFC3339Nano)}
	if basis != "" {
		body["basis"] = basis
	}
	return post[decision](a.service, a.path("decisions"), body)
}

// imported is one line of an import's answer.
type imported struct {
	Line      int      `json:"line"`
	AccountID string   `json:"account_id"`
	Result    string   `json:"result"`
	Problem   *refusal `json:"problem"`
	Summary   *summary `json:"summary"`
}

type summary struct {
	Lines     int      `json:"lines"`
	Created   int      `json:"created"`
	Updated   int      `json:"updated"`
	Unchanged int      `json:"unchanged"`
	Errors    int      `json:"errors"`
	Problem   *refusal `json:"problem"`
}

// importLines sends lines, text or values to be marshalled, and returns the answer, the summary last.
func (c caller) importLines(t testing.TB, lines ...any) []imported {
	t.Helper()
	var body bytes.Buffer
	for _, line := range lines {
		text, ok := line.(string)
		if !ok {
			data, err := json.Marshal(line)
			require.NoError(t, err)
			text = string(data)
		}
		body.WriteString(text + "\n")
	}
	a := c.send(request{
		method: http.MethodPost, path: "/v1/accounts:import", body: body.String(),
		header: map[string]string{"Content-Type": "application/x-ndjson"},
	})
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	require.Equal(t, "application/x-ndjson", a.header.Get("Content-Type"))
	var all []imported
	for scan := bufio.NewScanner(bytes.NewReader(a.body)); scan.Scan(); {
		all = append(all, decoded[imported](t, scan.Bytes()))
	}
	require.NotEmpty(t, all)
	require.NotNil(t, all[len(all)-1].Summary, "the last line is the summary")
	return all
}
