package rehearsal_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/rehearsal"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const policyName = "wishpost-face-verification"

var update = flag.Bool("update", false, "write golden files")

func day(month time.Month, d int) time.Time {
	return time.Date(2020, month, d, 0, 0, 0, 0, lifecycle.Beijing())
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// opened is a store on the clock with the founding rule.
func opened(t testing.TB, now func() time.Time) *sqlstore.Store { // volatile: as the copy is
	t.Helper()
	s := sqlstoretest.Open(t, sqlstoretest.WithNow(now), sqlstoretest.WithVolatile())
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	require.NoError(t, s.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: policyName, Version: 1, Text: text, EffectiveFrom: day(10, 1), Author: "test",
	}))
	return s
}

// populate registers accounts of every sort.
func populate(t testing.TB, s *sqlstore.Store, n int) {
	t.Helper()
	for i := range n {
		a := policy.Account{ID: fmt.Sprintf("shop-%02d", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: day(10, 1).AddDate(0, 0, i)}
		put := store.PutAccount{Account: a, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}}
		switch i % 10 {
		case 1:
			put.Account.Kind = policy.KindEnterprise
		case 2:
			put.Import = carried(lifecycle.ImportVerified)
		case 3, 4:
			put.Import = carried(lifecycle.ImportApproved)
		case 5:
			put.Account.ClosedAt = day(12, 6).Add(time.Hour)
		}
		outcomes, err := s.PutAccounts(t.Context(), []store.PutAccount{put}, false)
		require.NoError(t, err)
		require.NoError(t, outcomes[0].Err)
		if i%10 == 6 {
			require.NoError(t, s.PutExtension(t.Context(), policy.Extension{
				ID: a.ID, AccountID: a.ID, GrantedAt: day(11, 1), Until: day(12, 7).Add(time.Duration(i) * time.Hour),
			}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "holiday"))
		}
		if i%3 == 0 {
			_, err := s.PutContact(t.Context(), a.ID, "ref-"+a.ID)
			require.NoError(t, err)
		}
	}
}

func carried(event lifecycle.Event) *lifecycle.Change {
	at := day(10, 20)
	return &lifecycle.Change{
		Event: event, ChangeID: "import", At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
		Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Evidence: "e"}},
	}
}

func reported(t require.TestingT, s *sqlstore.Store, at time.Time) string {
	published, err := s.Policies(context.Background())
	require.NoError(t, err)
	v, err := campaign.Find(published, policyName, 1)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, campaign.Report{Source: s, Sweeps: s, Version: v, At: at}.Write(context.Background(), campaign.JSON, &b))
	return b.String()
}

func rehearsed(t require.TestingT, s *sqlstore.Store, clock *rehearsal.Clock, scenario string) rehearsal.Result {
	read, err := rehearsal.ReadScenario(strings.NewReader(scenario))
	require.NoError(t, err)
	result, err := rehearsal.Run(context.Background(), rehearsal.Config{
		Store: s, Clock: clock, From: day(11, 10), To: day(12, 10), Scenario: read, Schedule: rehearsal.DefaultSchedule(), Logger: discard(),
	})
	require.NoError(t, err)
	return result
}

// foundingScenario is who logs in and who verifies in the golden rehearsal.
func foundingScenario(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/campaign/scenario.ndjson")
	require.NoError(t, err)
	return string(text)
}

// TestFoundingCalendar rehearses the founding rule from the announcement to a week after the date.
func TestFoundingCalendar(t *testing.T) {
	t.Parallel()
	clock := rehearsal.NewClock(day(11, 9))
	s := opened(t, clock.Now)
	populate(t, s, 30)
	result := rehearsed(t, s, clock, foundingScenario(t))
	require.Positive(t, result.Prompts)
	require.Positive(t, result.Reminders)
	require.Less(t, result.Sweeps, 12, "days on which nothing can change are left out")
	require.Less(t, result.ReminderRuns, 120)
	got := reported(t, s, clock.Now())
	golden := filepath.Join("../../testdata/campaign", "rehearsal.golden.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.NoError(t, verified(s))
}

// verified checks the copy as the program would check its own database.
func verified(s *sqlstore.Store) error {
	for i := range 30 {
		if err := s.VerifyProjection(context.Background(), fmt.Sprintf("shop-%02d", i)); err != nil {
			return err
		}
	}
	return nil
}

// realDay plays the calendar without the rehearsal: every sweep of every day, reminders every quarter of an hour, and
// what merchants do in between, at the very instants of the schedule and of the scenario.
type realDay struct {
	t         require.TestingT
	store     *sqlstore.Store
	at        time.Time
	gate      *gate.Gate
	sweeper   *enforce.Sweeper
	reminders *reminders.Runner
}

func (r *realDay) now() time.Time { return r.at }

type vault struct{}

func (vault) Text(context.Context, string, string) (string, error) { return "+8613800000000", nil }

type notifier struct{}

func (notifier) Send(_ context.Context, n notify.Notice) (notify.Receipt, error) {
	return notify.Receipt{ProviderID: n.ID}, nil
}

func (notifier) Find(context.Context, notify.Notice, time.Time) (notify.Receipt, bool, error) {
	return notify.Receipt{}, false, nil
}

func newRealDay(t testing.TB) *realDay {
	t.Helper()
	r := &realDay{t: t, at: day(11, 9)}
	r.store = opened(t, r.now)
	book := rulebook.New(r.store)
	r.sweeper = enforce.New(r.store, book, r.now)
	r.reminders = reminders.New(reminders.Config{
		Store: r.store, Vault: vault{}, Notifier: notifier{}, Now: r.now, Logger: discard(),
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	var err error
	r.gate, err = gate.New(gate.Config{Store: r.store, Now: r.now, Logger: discard(), ReceiptKeys: []gate.Key{{ID: "k", Secret: make([]byte, 32)}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.gate.Close(context.WithoutCancel(t.Context()))) })
	return r
}

func (r *realDay) play(events []happening) {
	ctx := context.Background()
	for at := day(11, 10); !at.After(day(12, 10)); at = at.Add(5 * time.Minute) {
		r.at = at
		h, m, _ := at.Clock()
		phase := at.Equal(day(11, 17)) || at.Equal(day(12, 4)) || at.Equal(day(11, 10))
		if phase || h == 0 && m == 10 {
			for after, more := "", true; more; {
				page, err := r.sweeper.Page(ctx, enforce.Page{Policy: policyName, After: after, Limit: 7, Sweep: "sweep/" + at.Format(time.RFC3339)})
				require.NoError(r.t, err)
				after, more = page.Last, page.Accounts == 7
			}
		}
		if m%15 == 0 {
			page, err := r.reminders.Page(ctx, contract.ReminderPage{Policy: policyName, Rate: 1e9})
			require.NoError(r.t, err)
			require.True(r.t, page.Done)
		}
		for len(events) > 0 && events[0].at.Before(at.Add(5*time.Minute)) {
			r.at = events[0].at
			r.happen(events[0])
			events = events[1:]
		}
	}
	r.at = day(12, 10)
}

// happening is one line of a scenario, and when it is.
type happening struct {
	at      time.Time
	account string
	do      string
	until   time.Time
}

func (h happening) line() string {
	until := ""
	if !h.until.IsZero() {
		until = fmt.Sprintf(`,"until":%q`, h.until.Format(time.RFC3339))
	}
	return fmt.Sprintf(`{"at":%q,"account_id":%q,"do":%q%s}`, h.at.Format(time.RFC3339), h.account, h.do, until)
}

func (r *realDay) happen(h happening) {
	ctx := context.Background()
	head, err := r.store.Head(ctx, h.account)
	require.NoError(r.t, err)
	var changes []lifecycle.Change
	switch h.do {
	case "login":
		answer, err := r.gate.Decide(ctx, h.account, "login")
		require.NoError(r.t, err)
		if answer.Effect != policy.Allow {
			changes = []lifecycle.Change{{Event: lifecycle.Prompt, At: r.at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}, Detail: lifecycle.Detail{
				Prompt: &lifecycle.PromptNote{Policy: answer.PolicyName, PolicyVersion: answer.PolicyVersion, Rule: answer.RuleID},
			}}}
		}
	case "verify":
		changes, err = rehearsal.WayToVerified(head, r.at)
		require.NoError(r.t, err)
	case "revoke":
		if head.State != lifecycle.Unverified {
			changes = []lifecycle.Change{{Event: lifecycle.Revoke, At: r.at, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator}}}
		}
	case "extend":
		require.NoError(r.t, r.store.PutExtension(ctx, policy.Extension{
			ID: fmt.Sprint(h.account, h.at.UnixNano()), AccountID: h.account, GrantedAt: r.at, Until: h.until,
		}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "late"))
	}
	if len(changes) > 0 {
		_, err = r.store.Append(ctx, lifecycle.Append{AccountID: h.account, ChangeID: fmt.Sprint(h.at.UnixNano(), h.do), Head: head.Seq, Known: head.Seq, Changes: changes})
		require.NoError(r.t, err)
	}
	if h.do != "login" {
		_, err = r.sweeper.Settle(ctx, h.account)
		require.NoError(r.t, err)
	}
}

// happenings draws what merchants do in the month.
func happenings(t *rapid.T) []happening {
	// Verified by an import: the revocation opens the milestone that is reached already.
	events := []happening{{at: day(11, 22).Add(10*time.Hour + 5*time.Minute), account: "shop-02", do: "revoke"}}
	for range rapid.IntRange(5, 60).Draw(t, "events") {
		h := happening{
			at:      day(11, 10).Add(time.Duration(rapid.IntRange(1, 30*24*60-1).Draw(t, "minute")) * time.Minute),
			account: fmt.Sprintf("shop-%02d", rapid.IntRange(0, 11).Draw(t, "account")),
			do:      rapid.SampledFrom([]string{"login", "login", "verify", "revoke", "extend"}).Draw(t, "do"),
		}
		if h.do == "extend" {
			h.until = h.at.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "hours")) * time.Hour)
		}
		events = append(events, h)
	}
	slices.SortStableFunc(events, func(a, b happening) int { return a.at.Compare(b.at) })
	return slices.CompactFunc(events, func(a, b happening) bool { return a.at.Equal(b.at) })
}

// TestRehearsalIsTheRealDay: the same calendar, with nothing left out and without the rehearsal's own code, comes to the
// same report, whatever happens in it.
func TestRehearsalIsTheRealDay(t *testing.T) {
	t.Parallel()
	for seed := range 2 { // a real month has 2,880 runs of the reminders
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			events := rapid.Custom(happenings).Example(seed)
			var scenario strings.Builder
			for _, h := range events {
				scenario.WriteString(h.line() + "\n")
			}
			clock := rehearsal.NewClock(day(11, 9))
			s := opened(t, clock.Now)
			populate(t, s, 12)
			rehearsed(t, s, clock, scenario.String())
			r := newRealDay(t)
			populate(t, r.store, 12)
			r.play(events)
			require.Equal(t, reported(t, r.store, r.at), reported(t, s, clock.Now()))
		})
	}
}

// TestChanceIsTheSameAgain: rates with a seed are repeatable, and another seed is another day.
func TestChanceIsTheSameAgain(t *testing.T) {
	t.Parallel()
	play := func(seed int) (string, rehearsal.Result) {
		clock := rehearsal.NewClock(day(11, 9))
		s := opened(t, clock.Now)
		populate(t, s, 20)
		result := rehearsed(t, s, clock, fmt.Sprintf(`{"rates":{"logins_per_day":1.5,"verify_rate_per_prompt":0.1,"seed":%d}}`, seed))
		return reported(t, s, clock.Now()), result
	}
	first, result := play(1)
	require.InDelta(t, 20*30*1.5, result.Logins, 60)
	require.Positive(t, result.Verified)
	again, _ := play(1)
	require.Equal(t, first, again)
	other, _ := play(2)
	require.NotEqual(t, first, other)
}

func TestScenariosThatCannotBeRead(t *testing.T) {
	t.Parallel()
	good := `{"at":"2020-11-18T10:00:00+08:00","account_id":"a","do":"login"}` + "\n"
	for name, text := range map[string]string{
		"line 2: must be one":    good + "hello",
		"line 1: must be one":    `{"at":"2020-11-18T10:00:00+08:00","account_id":"a","do":"login","why":1}`,
		"at and account_id":      `{"account_id":"a","do":"login"}`,
		"do must be":             `{"at":"2020-11-18T10:00:00+08:00","account_id":"a","do":"dance"}`,
		"until is required":      `{"at":"2020-11-18T10:00:00+08:00","account_id":"a","do":"extend"}`,
		"line 2: at must not":    good + `{"at":"2020-11-17T10:00:00+08:00","account_id":"a","do":"login"}`,
		"rates may come once":    good + `{"rates":{"logins_per_day":1}}`,
		"logins_per_day must":    `{"rates":{"logins_per_day":25}}`,
		"verify_rate_per_prompt": `{"rates":{"verify_rate_per_prompt":1.5}}`,
	} {
		_, err := rehearsal.ReadScenario(strings.NewReader(text))
		require.ErrorIs(t, err, rehearsal.ErrScenario)
		require.ErrorContains(t, err, name)
	}
	_, err := rehearsal.ReadScenario(io.LimitReader(endless{}, 1<<20))
	require.ErrorIs(t, err, rehearsal.ErrScenario, "a line that does not end")
	_, err = rehearsal.Run(t.Context(), rehearsal.Config{From: day(11, 10), To: day(11, 10)})
	require.ErrorIs(t, err, rehearsal.ErrPeriod)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestUnknownAccountsEndTheRehearsal(t *testing.T) {
	t.Parallel()
	clock := rehearsal.NewClock(day(11, 9))
	s := opened(t, clock.Now)
	scenario, err := rehearsal.ReadScenario(strings.NewReader(`{"at":"2020-11-18T10:00:00+08:00","account_id":"nobody","do":"verify"}`))
	require.NoError(t, err)
	_, err = rehearsal.Run(t.Context(), rehearsal.Config{
		Store: s, Clock: clock, From: day(11, 10), To: day(12, 10), Scenario: scenario, Schedule: rehearsal.DefaultSchedule(), Logger: discard(),
	})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "2020-11-18T10:00:00+08:00")
}
