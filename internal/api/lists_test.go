package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// put registers an account with facts of its own.
func (f *fixture) put(id string, kind policy.Kind, region, registered string) {
	f.t.Helper()
	_, _, err := f.store.PutAccount(f.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: kind, Region: region, RegisteredAt: beijing(f.t, registered)},
		Actor:   lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "test"},
	}, false)
	require.NoError(f.t, err)
}

// assorted is a fixture with an account for every filter, on the day after the founding rule blocks.
func assorted(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.put("b-corp", policy.KindEnterprise, "CN", "2020-01-01 00:00:00")
	f.put("b-far", policy.KindIndividual, "US", "2020-02-01 00:00:00")
	f.put("c-new", policy.KindIndividual, "CN", "2020-11-17 00:00:00")
	f.put("c-old", policy.KindIndividual, "CN", "2020-11-16 23:59:59")
	f.clock.advance(time.Hour)
	f.put("d-blocked", policy.KindIndividual, "CN", "2020-03-01 00:00:00")
	f.put("d-extended", policy.KindIndividual, "CN", "2020-03-02 00:00:00")
	f.put("e-closed", policy.KindIndividual, "CN", "2020-03-03 00:00:00")
	_, err := f.sweeps.Settle(t.Context(), "d-blocked")
	require.NoError(t, err)
	f.extended("d-extended", "2020-12-11T00:00:00+08:00")
	f.post("/v1/accounts/d-extended/extensions", object{"until": "2020-12-20T00:00:00+08:00", "reason": "more"}).is(http.StatusCreated)
	f.post("/v1/accounts/e-closed/close", object{"reason": "left"}).is(http.StatusOK)
	f.post("/v1/accounts/c-old/verification/submit", realName()).is(http.StatusOK)
	return f
}

func (f *fixture) listed(query string) (ids []string) {
	f.t.Helper()
	for _, v := range f.get("/v1/verifications?" + query).is(http.StatusOK)["verifications"].([]any) {
		ids = append(ids, v.(object)["account_id"].(string))
	}
	return ids
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	f := assorted(t)
	const day = "T00:00:00%2B08:00"
	for query, want := range map[string][]string{
		"state=under_review":                                       {"c-old"},
		"state=under_review,verified":                              {"c-old"},
		"state=under_review,unverified&kind=enterprise":            {"b-corp"},
		"turn=operator":                                            {"c-old"},
		"turn=operator&state=unverified":                           nil,
		"kind=enterprise":                                          {"b-corp"},
		"region=US":                                                {"b-far"},
		"region=DE":                                                nil,
		"rule=existing-individuals":                                {"c-old", "e-closed", "d-extended", "d-blocked"},
		"rule=existing-individuals&turn=operator":                  {"c-old"},
		"rule=existing-individuals&sort=account_id":                {"c-old", "d-blocked", "d-extended", "e-closed"},
		"rule=existing-individuals&kind=enterprise":                nil,
		"restricted=true":                                          {"d-blocked"},
		"restricted=true&rule=existing-individuals":                {"d-blocked"},
		"restricted=true&rule=gone":                                nil,
		"restricted=false&id_prefix=d":                             {"d-extended"},
		"extension=running":                                        {"d-extended"},
		"extension=running&extension_ends_before=2020-12-11" + day: nil,
		"extension=running&extension_ends_before=2020-12-12" + day: {"d-extended"},
		"extension=requested":                                      {"d-extended"},
		"registered_from=2020-11-17" + day:                         {"c-new"},
		"registered_before=2020-02-01" + day:                       {"b-corp"},
		"changed_since=2020-12-05T11:00:00%2B08:00":                {"c-old", "e-closed", "d-extended", "d-blocked"},
		"changed_before=2020-12-05T11:00:00%2B08:00":               {"c-new", "b-far", "b-corp"},
		"closed=true":                                              {"e-closed"},
		"closed=false&id_prefix=e":                                 nil,
		"id_prefix=b-":                                             {"b-corp", "b-far"},
		"sort=registered&id_prefix=d":                              {"d-extended", "d-blocked"},
		"state=&turn=&rule=&id_prefix=b-":                          {"b-corp", "b-far"},
	} {
		require.ElementsMatch(t, want, f.listed(query), query)
		if strings.Contains(query, "sort=") || strings.Contains(query, "prefix") {
			require.Equal(t, want, f.listed(query), query)
		}
	}
}

func TestListShowsWhatIsAskedOfMany(t *testing.T) {
	t.Parallel()
	f := assorted(t)
	got := f.get("/v1/verifications?id_prefix=d-").is(http.StatusOK)
	require.Equal(t, "account_id", got["sort"])
	require.Contains(t, got["rules"], "existing-individuals")
	rows := got["verifications"].([]any)
	blocked, extended := rows[0].(object), rows[1].(object)
	require.Equal(t, true, blocked["restricted"])
	require.Equal(t, []any{"existing-individuals"}, blocked["restricted_by"])
	require.Equal(t, "2020-12-04T00:00:00+08:00", blocked["deadline"])
	require.Equal(t, "2020-03-01T00:00:00+08:00", blocked["registered_at"])
	require.Nil(t, blocked["extended_until"])
	require.Equal(t, false, extended["restricted"])
	require.Equal(t, "2020-12-11T00:00:00+08:00", extended["extended_until"])
	require.Equal(t, "2020-12-20T00:00:00+08:00", extended["extension_requested_until"])
	require.Equal(t, "2020-12-11T00:00:00+08:00", extended["deadline"])
	f.clock.set(beijing(t, "2020-12-21 10:00:00"))
	lapsed := f.get("/v1/verifications?id_prefix=d-e").is(http.StatusOK)["verifications"].([]any)[0].(object)
	require.Nil(t, lapsed["extended_until"])
	require.Nil(t, lapsed["extension_requested_until"])
	require.Equal(t, "changed", f.get("/v1/verifications?changed_since=2020-12-05T00:00:00Z").is(http.StatusOK)["sort"])
}

// TestListGoesOn: a cursor leads through every order, and is good for nothing but its own list.
func TestListGoesOn(t *testing.T) {
	t.Parallel()
	f := assorted(t)
	for _, sort := range store.AccountSorts() {
		var ids []string
		for query := "limit=2&sort=" + string(sort); query != ""; {
			got := f.get("/v1/verifications?" + query).is(http.StatusOK)
			for _, v := range got["verifications"].([]any) {
				ids = append(ids, v.(object)["account_id"].(string))
			}
			query = ""
			if cursor, ok := got["cursor"].(string); ok {
				query = "state=&limit=2&sort=" + string(sort) + "&cursor=" + cursor
				other := "/v1/verifications?limit=2&turn=merchant&sort=" + string(sort) + "&cursor=" + cursor
				field(t, f.get(other).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
			}
		}
		require.Equal(t, f.listed("sort="+string(sort)), ids)
		require.Len(t, ids, 7)
		require.Equal(t, sort == store.SortAccountID, slices.IsSorted(ids))
	}
}

func TestListFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	for query, name := range map[string]string{
		"state=locked,asleep": "state", "state=locked,": "state", "turn=mine": "turn", "rule=gone": "rule", "restricted=maybe": "restricted",
		"extension=lapsed": "extension", "extension_ends_before=2020-12-11T00:00:00Z": "extension_ends_before", "kind=robot": "kind",
		"region=China": "region", "registered_from=2020": "registered_from", "registered_before=x": "registered_before",
		"changed_since=2020-12-11": "changed_since", "changed_before=x": "changed_before", "closed=1": "closed", "id_prefix=%25": "id_prefix",
		"sort=height": "sort",
	} {
		for _, path := range []string{"/v1/verifications?", "/v1/verifications:export?"} {
			field(t, f.get(path+query).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
		}
	}
	f.get("/v1/verifications:export?limit=1").problem(http.StatusBadRequest, api.CodeInvalidRequest)
}

func TestExport(t *testing.T) {
	t.Parallel()
	f := assorted(t)
	f.put("-1+1", policy.KindIndividual, "US", "2019-01-01 00:00:00")
	for _, query := range []string{"", "rule=existing-individuals", "sort=changed", "id_prefix=zz"} {
		want := f.listed(query)
		lines := f.get("/v1/verifications:export?format=ndjson&" + query)
		require.Equal(t, http.StatusOK, lines.status)
		require.Equal(t, "application/x-ndjson", lines.header.Get("Content-Type"))
		var ids []string
		for line := range bytes.Lines(lines.body) {
			var row object
			require.NoError(t, json.Unmarshal(line, &row))
			require.NotContains(t, row, "qr")
			ids = append(ids, row["account_id"].(string))
		}
		require.Equal(t, want, ids, query)

		table := f.get("/v1/verifications:export?" + query)
		require.Equal(t, "text/csv; charset=utf-8", table.header.Get("Content-Type"))
		rows, err := csv.NewReader(bytes.NewReader(table.body)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, "account_id", rows[0][0])
		require.Len(t, rows, len(want)+1)
		for i, id := range want {
			require.Equal(t, id, strings.TrimPrefix(rows[i+1][0], "'"))
			require.Equal(t, id == "-1+1", strings.HasPrefix(rows[i+1][0], "'"), "what a spreadsheet would run")
		}
		require.NotContains(t, string(table.body)+string(lines.body), realName()["name"])
	}
	for scope, status := range map[api.Scope]int{
		api.VerificationsRead: http.StatusOK, api.AuditRead: http.StatusOK, api.DecisionsRead: http.StatusForbidden, api.ReviewsWrite: http.StatusForbidden,
	} {
		require.Equal(t, status, f.get("/v1/verifications:export", as(f.newKey(scope))).status, scope)
	}
}

// pagesOf is a store that counts what a list reads at a time.
type pagesOf struct {
	api.Store
	sizes []int
	fail  int // page that fails, from 1
}

func (p *pagesOf) ListAccounts(ctx context.Context, f store.AccountFilter) ([]store.ListedAccount, error) {
	if len(p.sizes)+1 == p.fail {
		return nil, store.ErrUnavailable
	}
	page, err := p.Store.ListAccounts(ctx, f)
	p.sizes = append(p.sizes, len(page))
	return page, err
}

// TestExportReadsPageByPage, so its memory does not grow with the population; and an answer that breaks off does not
// look whole.
func TestExportReadsPageByPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	puts := make([]store.PutAccount, 1100)
	for i := range puts {
		puts[i].Account = policy.Account{ID: fmt.Sprintf("a%04d", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: f.clock.now()}
	}
	_, err := f.store.PutAccounts(t.Context(), puts, false)
	require.NoError(t, err)
	pages := &pagesOf{Store: f.store}
	f = f.over(pages)
	got := f.get("/v1/verifications:export?format=ndjson")
	require.Equal(t, 1100, bytes.Count(got.body, []byte("\n")))
	require.Equal(t, []int{500, 500, 100}, pages.sizes)

	pages.sizes, pages.fail = nil, 1
	f.get("/v1/verifications:export").problem(http.StatusServiceUnavailable, api.CodeStoreUnavailable)
}
