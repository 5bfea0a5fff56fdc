package admin_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// boundary is a population around every instant of the founding rule; its clock stands at the end of 2020.
func boundary(t *testing.T) (*world, []string) {
	t.Helper()
	w := newWorld(t, "2020-10-28 12:00:00")
	cutoff := time.Date(2020, 11, 17, 0, 0, 0, 0, lifecycle.Beijing())
	var ids []string
	register := func(id string, kind policy.Kind, at time.Time) {
		ids = append(ids, id)
		_, _, err := w.store.PutAccount(t.Context(), store.PutAccount{
			Account: policy.Account{ID: id, Kind: kind, Region: "CN", RegisteredAt: at}, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "test"},
		}, false)
		require.NoError(t, err)
	}
	register("before", policy.KindIndividual, cutoff.Add(-time.Nanosecond))
	register("at", policy.KindIndividual, cutoff)
	register("enterprise", policy.KindEnterprise, cutoff.AddDate(-1, 0, 0))
	register("verified", policy.KindIndividual, cutoff.AddDate(-1, 0, 0))
	register("revoked", policy.KindIndividual, cutoff.AddDate(-1, 0, 0))
	register("extended", policy.KindIndividual, cutoff.AddDate(-1, 0, 0))
	register("corrected", policy.KindIndividual, cutoff.Add(-time.Second))
	operator := lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op-1"}
	from := lifecycle.Detail{Provenance: &lifecycle.Provenance{At: w.clock.now(), Evidence: "old/1"}}
	w.clock.advance(10 * 24 * time.Hour)
	for _, id := range []string{"verified", "revoked"} {
		w.event(id, "import-"+id, lifecycle.Change{Event: lifecycle.ImportVerified, Actor: operator, Detail: from})
	}
	w.clock.advance(20 * 24 * time.Hour)
	w.event("revoked", "revoke", lifecycle.Change{Event: lifecycle.Revoke, Actor: operator, Reason: "fraud"})
	require.NoError(t, w.store.PutExtension(t.Context(), policy.Extension{
		ID: "e1", AccountID: "extended", GrantedAt: w.clock.now(), Until: time.Date(2020, 12, 11, 0, 0, 0, 0, lifecycle.Beijing()),
	}, operator, "campaign"))
	w.clock.advance(10 * 24 * time.Hour)
	register("late", policy.KindIndividual, cutoff.Add(-time.Hour)) // told of only now
	_, _, err := w.store.PutAccount(t.Context(), store.PutAccount{
		Account: policy.Account{ID: "corrected", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: cutoff.Add(time.Second)}, Actor: operator, Reason: "typing_error",
	}, true)
	require.NoError(t, err)
	w.clock.advance(20 * 24 * time.Hour)
	return w, ids
}

var travelRowPattern = regexp.MustCompile(`(?s)<tr data-action="([a-z_]+)">(.*?)</tr>`)

// TestTimeTravelIsTheAPIs: whatever the instant, the basis and the account, each row of the page is the API's answer.
func TestTimeTravelIsTheAPIs(t *testing.T) {
	t.Parallel()
	w, ids := boundary(t)
	var around []time.Time
	for _, text := range []string{"2020-10-28 12:00:00", "2020-10-29 00:00:00", "2020-11-07 12:00:00", "2020-11-17 00:00:00", "2020-11-27 12:00:00", "2020-12-04 00:00:00", "2020-12-07 12:00:00", "2020-12-11 00:00:00"} {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", text, lifecycle.Beijing())
		require.NoError(t, err)
		around = append(around, at)
	}
	type question struct {
		id, basis string
		at        time.Time
	}
	questions := rapid.Custom(func(t *rapid.T) question {
		return question{
			rapid.SampledFrom(ids).Draw(t, "account"), rapid.SampledFrom([]string{"did", "would"}).Draw(t, "basis"),
			rapid.SampledFrom(around).Draw(t, "instant").Add(rapid.SampledFrom([]time.Duration{
				-24 * time.Hour, -time.Second, -time.Nanosecond, 0, time.Nanosecond, time.Second, 24 * time.Hour,
			}).Draw(t, "beside")),
		}
	})
	effects := map[string]int{}
	for seed := range 40 { // a page is a dozen reads: a hundred of them take minutes under the race detector
		q := questions.Example(seed)
		query := url.Values{"at": {q.at.Format("2006-01-02T15:04:05.999999999")}, "basis": {q.basis}}
		body := w.get(api.RoleViewer, "/admin/accounts/"+q.id+"?"+query.Encode()).is(http.StatusOK)
		rows := travelRowPattern.FindAllStringSubmatch(body, -1)
		require.Len(t, rows, 4)
		for _, row := range rows {
			answer := w.member(api.RoleViewer, http.MethodPost, "/v1/accounts/"+q.id+"/decisions", map[string]string{
				"action": row[1], "at": q.at.Format(time.RFC3339Nano), "basis": q.basis,
			})
			effects[w.sameDecision(t, answer.Code, answer.Body.Bytes(), html.UnescapeString(row[2]))]++
		}
	}
	for _, effect := range []string{"allow", "prompt", "block", "unknown"} {
		require.Positive(t, effects[effect], "the population is too tame: %v", effects)
	}
}

// sameDecision checks a row of the page against the API's answer, and returns the effect.
func (w *world) sameDecision(t require.TestingT, status int, answer []byte, row string) string {
	if status == http.StatusNotFound {
		require.Contains(t, row, "was not recorded by then")
		return "unknown"
	}
	require.Equal(t, http.StatusOK, status, "%s", answer)
	var said struct {
		Effect, Reason  string
		Rule, Policy    *string
		PolicyVersion   *int `json:"policy_version"`
		Since, Deadline *time.Time
		NextChangeAt    *time.Time `json:"next_change_at"`
		Message         struct{ En string }
	}
	require.NoError(t, json.Unmarshal(answer, &said))
	require.Contains(t, row, fmt.Sprintf(`data-effect="%s" data-reason="%s"`, said.Effect, said.Reason))
	require.Contains(t, row, said.Message.En)
	if said.Rule != nil {
		require.Contains(t, row, *said.Rule)
	}
	if said.PolicyVersion != nil {
		require.Contains(t, row, fmt.Sprintf("%s v%d", *said.Policy, *said.PolicyVersion))
	}
	for label, at := range map[string]*time.Time{"In force since": said.Since, "Deadline": said.Deadline, "Next change": said.NextChangeAt} {
		require.Equal(t, at != nil, strings.Contains(row, ">"+label+"<"), label)
		if at != nil {
			require.Contains(t, row, at.In(lifecycle.Beijing()).Format("2006-01-02 15:04:05"), label)
		}
	}
	return said.Effect
}

func TestTravelOffersTheInstantsOfTheRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.account("a1")
	body := html.UnescapeString(w.get(api.RoleViewer, "/admin/accounts/a1?at=2020-12-03T23:59:59&basis=would").is(http.StatusOK))
	for _, at := range []string{"2020-10-28T23:59:59", "2020-10-29T00:00:00", "2020-11-16T23:59:59", "2020-11-17T00:00:00", "2020-12-03T23:59:59", "2020-12-04T00:00:00"} {
		require.Contains(t, body, "/admin/accounts/a1?at="+url.QueryEscape(at)+"&basis=would#travel")
	}
	require.Equal(t, 1, strings.Count(body, `aria-current="true" title="existing-individuals">1 s before: 2020-12-03 23:59:59`))
	wrong := w.get(api.RoleViewer, "/admin/accounts/a1?at=yesterday").is(http.StatusOK)
	require.Contains(t, wrong, `value="yesterday" aria-invalid="true" aria-describedby="travel-fault"`)
	require.Contains(t, wrong, `data-effect="block"`, "it says what the gate says now")
}
