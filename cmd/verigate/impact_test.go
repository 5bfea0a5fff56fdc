package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

var update = flag.Bool("update", false, "write golden files")

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("../../testdata/campaign", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// shops opens a store with the founding rule and forty accounts of every sort, as of 2020-11-10.
func shops(t *testing.T) *sqlstore.Store {
	t.Helper()
	s, _ := shopsAt(t)
	return s
}

// shopsAt is shops with its file.
func shopsAt(t *testing.T) (*sqlstore.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verigate.db")
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(path), sqlstoretest.WithNow(shopsNow))
	openShops(t, s)
	return s, path
}

// shopsNow is when the shops are written.
func shopsNow() time.Time { return time.Date(2020, 11, 10, 0, 0, 0, 0, lifecycle.Beijing()) }

// openShops writes the shops and the policy.
func openShops(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	now := shopsNow()
	for i := range 40 {
		a := policy.Account{ID: fmt.Sprintf("shop-%02d", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: now.AddDate(0, -i, 0)}
		put := store.PutAccount{Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}}
		switch i % 8 {
		case 0:
			a.Kind = policy.KindEnterprise
		case 1:
			put.Import = carried(lifecycle.ImportVerified, now.AddDate(0, 0, -i))
		case 2:
			put.Import = carried(lifecycle.ImportApproved, now.AddDate(0, 0, -i))
		case 3:
			if i > 30 {
				a.ClosedAt = now.AddDate(0, 0, i-40)
			}
		}
		put.Account = a
		outcomes, err := s.PutAccounts(t.Context(), []store.PutAccount{put}, false)
		require.NoError(t, err)
		require.NoError(t, outcomes[0].Err)
		if i%8 == 4 {
			require.NoError(t, s.PutExtension(t.Context(), policy.Extension{
				ID: a.ID, AccountID: a.ID, GrantedAt: now, Until: time.Date(2020, 12, 5+i/8, 0, 0, 0, 0, lifecycle.Beijing()),
			}, lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op"}, "holiday"))
		}
	}
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	require.NoError(t, s.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: text, EffectiveFrom: now.AddDate(0, -1, 0), Author: "test",
	}))
}

func carried(event lifecycle.Event, at time.Time) *lifecycle.Change {
	return &lifecycle.Change{
		Event: event, ChangeID: "import", At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
		Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Evidence: "e"}},
	}
}

// previewing answers as the API does: the handler itself is tested in internal/api.
func previewing(t *testing.T, s *sqlstore.Store) string {
	t.Helper()
	return fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			At         time.Time      `json:"at"`
			From       time.Time      `json:"from"`
			PolicyText string         `json:"policy_text"`
			Days       int            `json:"days"`
			Classes    []impact.Class `json:"classes"`
			Format     string         `json:"format"`
		}
		answer := func() error {
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				return err
			}
			q := impact.Question{From: in.From, At: in.At, Days: in.Days}
			if in.PolicyText != "" {
				var err error
				if q.Proposed, err = policyfile.Parse([]byte(in.PolicyText)); err != nil {
					return err
				}
			}
			snapshot, err := rulebook.New(s).Now(r.Context())
			if err != nil {
				return err
			}
			plan, err := impact.NewPlan(snapshot, q)
			if err != nil {
				return err
			}
			if r.URL.Path == "/v1/policies:impact-accounts" {
				_, _ = fmt.Fprintln(w, "account_id,class", in.Format)
				return impact.Rows(r.Context(), s, plan, in.Classes, func(row *impact.AccountRow) error {
					_, err := fmt.Fprintln(w, row.AccountID, row.Class)
					return err
				})
			}
			preview, err := impact.Run(r.Context(), s, plan, 2)
			if err != nil {
				return err
			}
			return json.NewEncoder(w).Encode(preview)
		}
		if err := answer(); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, err.Error())
		}
	})
}

func TestImpactShowsATable(t *testing.T) {
	t.Parallel()
	url := previewing(t, shops(t))
	from := []string{"policy", "impact", "--at", "2020-12-06T00:00:00+08:00", "--from", "2020-11-10T00:00:00+08:00"}
	code, out, errs := call(t, url, "", from...)
	require.Equal(t, exitOK, code, errs)
	golden(t, "impact.golden", out)

	file := filepath.Join(t.TempDir(), "blocked.csv")
	code, again, errs := call(t, url, "", append(from, "--csv", file, "--only", "blocked,extended")...)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, out, again)
	list, err := os.ReadFile(file)
	require.NoError(t, err)
	golden(t, "impact-accounts.golden", string(list))

	code, stdout, errs := call(t, url, "", append(from, "--csv", "-", "--only", "blocked,extended")...)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, string(list), stdout, "nothing else is mixed into it")

	code, stdout, _ = call(t, url, "", append(from, "--json", "--days", "0")...)
	require.Equal(t, exitOK, code)
	var p impact.Preview
	require.NoError(t, json.Unmarshal([]byte(stdout), &p))
	require.Equal(t, int64(40), p.Open+p.Closed)
	require.Empty(t, p.Days)
}

func TestImpactOfAFile(t *testing.T) {
	t.Parallel()
	url := previewing(t, shops(t))
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	parsed, err := policyfile.Parse(text)
	require.NoError(t, err)
	require.Equal(t, 1, parsed.Version)
	file := filepath.Join(t.TempDir(), "sooner.yaml")
	sooner := []byte(replaced(t, replaced(t, string(text), "version: 1", "version: 2"), "2020-12-04T", "2020-12-01T"))
	require.NoError(t, os.WriteFile(file, sooner, 0o600))
	code, out, errs := call(t, url, "", "policy", "impact", "--file", file, "--days", "0", "--at", "2020-12-02T00:00:00+08:00", "--from", "2020-11-10T00:00:00+08:00")
	require.Equal(t, exitOK, code, errs)
	golden(t, "impact-file.golden", out)
}

func TestImpactRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no instant":     {},
		"no offset":      {"--at", "2020-12-04"},
		"bad from":       {"--at", "2020-12-04T00:00:00+08:00", "--from", "yesterday"},
		"only alone":     {"--at", "2020-12-04T00:00:00+08:00", "--only", "blocked"},
		"no such file":   {"--at", "2020-12-04T00:00:00+08:00", "--file", "/nowhere.yaml"},
		"no such folder": {"--at", "2020-12-04T00:00:00+08:00", "--csv", "/nowhere/a.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := call(t, fakeAPI(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }), "",
				append([]string{"policy", "impact"}, args...)...)
			require.Equal(t, exitUsage, code, "%s%s", out, errs)
		})
	}
}
