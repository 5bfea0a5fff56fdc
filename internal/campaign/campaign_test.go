package campaign_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const policyName = "wishpost-face-verification"

// rig is a store with the founding rule, on a clock that the test moves.
type rig struct {
	t     testing.TB
	store *sqlstore.Store
	sweep *enforce.Sweeper
	at    time.Time
	n     int
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, at: day(11, 10)}
	now := func() time.Time { return r.at }
	r.store = sqlstoretest.Open(t, sqlstoretest.WithNow(now))
	r.sweep = enforce.New(r.store, rulebook.New(r.store), now)
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	r.publish(string(text), 1)
	return r
}

func (r *rig) publish(text string, version int) {
	r.t.Helper()
	require.NoError(r.t, r.store.PublishPolicy(r.t.Context(), store.PublishedPolicy{
		Name: policyName, Version: version, Text: []byte(text), EffectiveFrom: r.at, Author: "test",
	}))
}

func day(month time.Month, d int) time.Time {
	return time.Date(2020, month, d, 0, 0, 0, 0, lifecycle.Beijing())
}

func (r *rig) account(id string, change func(*policy.Account)) {
	r.t.Helper()
	a := policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: day(10, 1)}
	if change != nil {
		change(&a)
	}
	_, _, err := r.store.PutAccount(r.t.Context(), store.PutAccount{Account: a}, true)
	require.NoError(r.t, err)
}

func (r *rig) append(id string, changes ...lifecycle.Change) {
	r.t.Helper()
	r.n++
	for i := range changes {
		changes[i].At, changes[i].Actor = r.at, lifecycle.Actor{Kind: lifecycle.ActorSystem}
	}
	_, err := r.store.Append(r.t.Context(), lifecycle.Append{AccountID: id, ChangeID: fmt.Sprint(r.n), Head: lifecycle.AnyHead, Changes: changes})
	require.NoError(r.t, err)
}

func (r *rig) prompt(id string) {
	r.append(id, lifecycle.Change{Event: lifecycle.Prompt, Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{
		Policy: policyName, PolicyVersion: 1, Rule: "existing-individuals",
	}}})
}

func (r *rig) remind(id string) {
	r.append(id, lifecycle.Change{Event: lifecycle.Remind, Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{
		Milestone: "P3D", Deadline: day(12, 4), Policy: policyName, PolicyVersion: 1, Rule: "existing-individuals",
	}}})
}

// verify takes the manual way.
func (r *rig) verify(id string) {
	var way []lifecycle.Change
	for _, e := range []lifecycle.Event{lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual, lifecycle.ApproveManual} {
		c := lifecycle.Change{Event: e}
		if e == lifecycle.Submit {
			c.Detail.Identity = &lifecycle.Identity{Ref: "ref", Digest: id}
		}
		way = append(way, c)
	}
	r.append(id, way...)
}

func (r *rig) sweepAll() {
	r.t.Helper()
	_, err := r.store.BeginSweep(r.t.Context(), store.Sweep{
		ID: fmt.Sprint("sweep/", r.at.Unix()), PolicyName: policyName, PolicyVersion: 1, Instant: r.at, StartedAt: r.at,
	})
	require.NoError(r.t, err)
	_, err = r.sweep.Page(r.t.Context(), enforce.Page{Limit: 1000, Sweep: fmt.Sprint("sweep/", r.at.Unix())})
	require.NoError(r.t, err)
}

func (r *rig) version(number int) *campaign.Version {
	r.t.Helper()
	published, err := r.store.Policies(r.t.Context())
	require.NoError(r.t, err)
	v, err := campaign.Find(published, policyName, number)
	require.NoError(r.t, err)
	return v
}

func (r *rig) report(number int) (*campaign.Summary, map[string]campaign.Row) {
	r.t.Helper()
	rows := map[string]campaign.Row{}
	s, err := campaign.Build(r.t.Context(), r.store, r.version(number), r.at, campaign.Visitor{Row: func(row *campaign.Row) error {
		require.NotContains(r.t, rows, row.AccountID, "every account once")
		rows[row.AccountID] = *row
		return nil
	}})
	require.NoError(r.t, err)
	return s, rows
}

// played is the founding rule's course, up to December 10, for an account of every sort.
func played(t testing.TB) *rig {
	r := newRig(t)
	for _, id := range []string{"early", "late", "never", "extended", "revoked", "closes"} {
		r.account(id, nil)
	}
	r.account("enterprise", func(a *policy.Account) { a.Kind = policy.KindEnterprise })
	r.account("new", func(a *policy.Account) { a.RegisteredAt = day(11, 20) })
	r.append("revoked", lifecycle.Change{Event: lifecycle.ImportVerified, Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: r.at, Evidence: "e"}}})
	r.at = day(11, 17)
	for _, id := range []string{"early", "late", "never"} {
		r.prompt(id)
	}
	r.at = day(11, 20)
	r.prompt("never")
	r.verify("early")
	r.at = day(12, 1)
	r.remind("late")
	r.remind("never")
	require.NoError(t, r.store.PutExtension(t.Context(), policy.Extension{
		ID: "e1", AccountID: "extended", GrantedAt: r.at, Until: day(12, 20),
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "holiday"))
	r.at = day(12, 4)
	r.sweepAll()
	r.at = day(12, 5)
	r.verify("late")
	r.append("revoked", lifecycle.Change{Event: lifecycle.Revoke, Reason: "fraud"})
	r.account("closes", func(a *policy.Account) { a.ClosedAt = r.at })
	r.at = day(12, 6)
	r.sweepAll()
	r.at = day(12, 10)
	return r
}

func TestReportOfTheFoundingRule(t *testing.T) {
	t.Parallel()
	r := played(t)
	s, rows := r.report(1)
	require.Equal(t, map[campaign.Outcome]int{
		campaign.VerifiedBefore: 1, campaign.VerifiedAfter: 1, campaign.Blocked: 2, campaign.Extended: 1, campaign.Closed: 1,
		campaign.Waiting: 0, campaign.Prompted: 0, campaign.Grace: 0, campaign.Observed: 0,
	}, s.Outcomes)
	require.Equal(t, []int{6, 2}, []int{s.Covered, s.NotCovered})
	require.Equal(t, []int{3, 4, 2, 2}, []int{s.PromptedAccounts, s.Prompts, s.RemindedAccounts, s.Reminders})
	require.Equal(t, []int{4, 4, 2}, []int{s.RestrictedAccounts, s.Restrictions, s.OpenRestrictions})
	require.Equal(t, map[string]int{"verified": 1, "closed": 1}, s.Lifts)
	require.Equal(t, map[string]int{"manual": 2}, s.Methods, "a revoked import is no method")
	require.Equal(t, map[string]int{"pending": 2}, s.Notices)

	late := rows["late"]
	require.Equal(t, campaign.VerifiedAfter, late.Outcome)
	require.True(t, late.RestrictedSince.Equal(day(12, 4)) && late.RestrictedAt.Equal(day(12, 4)))
	require.True(t, late.LiftedAt.Equal(day(12, 6)) && late.VerifiedAt.Equal(day(12, 5)))
	require.Equal(t, []any{false, "verified", 1, 1}, []any{late.Restricted, late.LiftReason, late.Prompts, late.NoticesOther})
	never := rows["never"]
	require.Equal(t, []any{2, 1, true, "unverified"}, []any{never.Prompts, never.Reminders, never.Restricted, never.State})
	require.Equal(t, "2020-11-17T00:00:00+08:00", never.FirstPromptAt.Format(time.RFC3339), "in the policy's zone")
	require.True(t, rows["extended"].ExtendedUntil.Equal(day(12, 20)))
	require.Equal(t, campaign.Closed, rows["closes"].Outcome)
	require.Equal(t, 1, rows["closes"].Restrictions)
	require.NotContains(t, rows, "enterprise")
}

// TestSumsReconcile: more accounts than a page, none counted twice, none lost.
func TestSumsReconcile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const population = 2300
	for from := 0; from < population; from += 100 {
		var puts []store.PutAccount
		for n := from; n < from+100; n++ {
			a := policy.Account{ID: fmt.Sprintf("a%05d", n), Kind: policy.Kinds()[n%2], Region: "CN", RegisteredAt: day(10, 1)}
			if n%10 == 3 {
				a.ClosedAt = day(11, 1+n%20)
			}
			puts = append(puts, store.PutAccount{Account: a})
		}
		_, err := r.store.PutAccounts(t.Context(), puts, false)
		require.NoError(t, err)
	}
	r.at = day(12, 4)
	r.sweepAll()
	r.verify("a00000")
	s, rows := r.report(0)
	require.Equal(t, population, s.Covered+s.NotCovered)
	require.Len(t, rows, s.Covered)
	var outcomes, states, restricted, open int
	for _, n := range s.Outcomes {
		outcomes += n
	}
	for _, n := range s.States {
		states += n
	}
	for _, row := range rows {
		restricted += row.Restrictions
		if row.Restricted {
			open++
		}
	}
	require.Equal(t, s.Covered, outcomes)
	require.Equal(t, s.Covered, states)
	require.Equal(t, s.Covered, s.Rules[0].Covered)
	require.Equal(t, []int{s.Restrictions, s.OpenRestrictions}, []int{restricted, open})
	require.Positive(t, restricted)
}

// TestEachVersionTellsItsOwn: prompts count where they were made; an episode that goes on is told under both.
func TestEachVersionTellsItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.account("a", nil)
	r.account("over", nil) // lifted before the second version
	r.at = day(11, 18)
	r.prompt("a")
	r.at = day(12, 4)
	r.sweepAll()
	r.at = day(12, 6)
	r.verify("over")
	r.sweepAll()
	text := string(r.version(1).Text)
	r.at = day(12, 8)
	r.publish(strings.Replace(text, "version: 1", "version: 2", 1), 2)
	r.at = day(12, 9)
	r.verify("a")
	r.sweepAll()

	s, rows := r.report(1)
	require.Equal(t, []int{1, 2}, []int{s.Prompts, s.Restrictions})
	require.True(t, s.Until.Equal(day(12, 8)))
	require.Equal(t, "verified", rows["a"].LiftReason)
	s, _ = r.report(2)
	require.Equal(t, []int{0, 1}, []int{s.Prompts, s.Restrictions})
	require.True(t, s.Until.IsZero())

	published, err := r.store.Policies(t.Context())
	require.NoError(t, err)
	newest, err := campaign.Find(published, policyName, 0)
	require.NoError(t, err)
	require.Equal(t, 2, newest.Number)
	for _, wrong := range []struct {
		name   string
		number int
	}{{policyName, 3}, {"nothing", 0}} {
		_, err = campaign.Find(published, wrong.name, wrong.number)
		require.ErrorIs(t, err, campaign.ErrNoVersion)
	}
}

func (r *rig) write(f campaign.Format, lang campaign.Lang) []byte {
	r.t.Helper()
	var b bytes.Buffer
	require.NoError(r.t, campaign.Report{Source: r.store, Sweeps: r.store, Version: r.version(1), At: r.at, Lang: lang}.Write(r.t.Context(), f, &b))
	return b.Bytes()
}

func TestFormatsTellTheSame(t *testing.T) {
	t.Parallel()
	r := played(t)
	r.account("-formula", nil) // what a spreadsheet would run
	want, rows := r.report(1)

	var whole struct {
		Rows    []campaign.Row
		Summary campaign.Summary
	}
	require.NoError(t, json.Unmarshal(r.write(campaign.JSON, ""), &whole))
	require.Len(t, whole.Rows, len(rows))
	require.Equal(t, want.Outcomes, whole.Summary.Outcomes)

	table, err := csv.NewReader(bytes.NewReader(r.write(campaign.CSV, ""))).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 1+len(rows))
	require.Equal(t, "'-formula", table[1][0])

	require.ErrorIs(t, campaign.Report{}.Write(t.Context(), "pdf", io.Discard), campaign.ErrFormat)
}

func TestPageIsReadByItself(t *testing.T) {
	t.Parallel()
	r := played(t)
	for lang, words := range map[campaign.Lang][]string{
		campaign.English: {"Campaign report", "Verified after the date", "Accounts restricted on record"},
		campaign.Chinese: {"规则执行报告", "截止后完成认证", "未认证", `lang="zh-CN"`},
	} {
		page := string(r.write(campaign.HTML, lang))
		for _, w := range append(words, "never", r.version(1).Digest, "2020-12-04T00:00:00&#43;08:00") {
			require.Contains(t, page, w)
		}
		for _, loads := range []string{"<script", "<link", "<img", "src=", "@import", "url(", "http://", "https://"} {
			require.NotContains(t, page, loads)
		}
		require.NotContains(t, page, "ZgotmplZ")
		require.NotContains(t, page, "<no value>")
		require.NotContains(t, page, ">outcome_")
		require.NotContains(t, page, ">lift_")
		require.NotContains(t, page, ">notice_")
	}
}

// TestLanguagesHaveTheSameWords: every key of one is in the other, and every outcome, state, method and notice has words.
func TestLanguagesHaveTheSameWords(t *testing.T) {
	t.Parallel()
	texts := map[string]map[string]string{}
	for _, lang := range []string{"en", "zh-CN"} {
		text, err := os.ReadFile("assets/" + lang + ".json")
		require.NoError(t, err)
		words := map[string]string{}
		require.NoError(t, json.Unmarshal(text, &words))
		texts[lang] = words
	}
	var keys []string
	for _, o := range campaign.Outcomes() {
		keys = append(keys, "outcome_"+string(o))
	}
	for _, s := range lifecycle.States() {
		keys = append(keys, "state_"+string(s))
	}
	for _, s := range store.NoticeStates() {
		keys = append(keys, "notice_"+string(s))
	}
	for _, reason := range []string{
		enforce.ReasonVerified, enforce.ReasonExtended, enforce.ReasonGrace, enforce.ReasonClosed, enforce.ReasonNotCovered,
		enforce.ReasonWithdrawn, enforce.ReasonObserved,
	} {
		keys = append(keys, "lift_"+reason)
	}
	for _, key := range keys {
		require.NotEmpty(t, texts["en"][key], key)
	}
	for key := range texts["en"] {
		require.NotEmpty(t, texts["zh-CN"][key], key)
	}
	require.Len(t, texts["zh-CN"], len(texts["en"]))
}

func TestPackOfEvidence(t *testing.T) {
	t.Parallel()
	r := played(t)
	packed := r.write(campaign.ZIP, "")
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, f := range archive.File {
		from, err := f.Open()
		require.NoError(t, err)
		files[f.Name], err = io.ReadAll(from)
		require.NoError(t, err)
		require.NoError(t, from.Close())
	}
	var m campaign.Manifest
	require.NoError(t, json.Unmarshal(files["manifest.json"], &m))
	require.Len(t, files, len(m.Files)+1, "every file but the manifest is in it")
	for _, f := range m.Files {
		sum := sha256.Sum256(files[f.Name])
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, f.Name)
		require.Equal(t, int64(len(files[f.Name])), f.Bytes)
		if f.Name == "policy.yaml" {
			require.Equal(t, m.Digest, f.SHA256)
		}
	}
	require.Equal(t, string(r.write(campaign.CSV, "")), string(files["rows.csv"]))
	entries, err := csv.NewReader(bytes.NewReader(files["restrictions.csv"])).ReadAll()
	require.NoError(t, err)
	require.Len(t, entries, 1+4+2, "four were restricted, two of them lifted")
	require.Equal(t, 2, strings.Count(string(files["sweeps.ndjson"]), "\n"))
	require.Equal(t, packed, r.write(campaign.ZIP, ""), "the same report is the same pack")
}
