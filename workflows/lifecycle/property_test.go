package lifecycle_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// TestRandomCourses throws commands, news and timers at an account in any order, with details that are current,
// stale, foreign or missing and clocks that run unevenly, and judges the answers by a model that knows nothing of
// the table: it counts revisions and generations by itself.
func TestRandomCourses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		if rapid.Bool().Draw(t, "begin approved") {
			m.approve(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":       m.invariants,
			"events": m.steps,
			"more":   m.steps,
			"time": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Minute, 11 * time.Minute, 6 * time.Hour, 23 * time.Hour, 25 * time.Hour}).Draw(t, "wait"))
			},
		})
		fold, err := lifecycle.New("a1").Fold(m.log...)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(m.v, fold), "the fold of the log is what grew step by step")
	})
}

// known is what the model remembers of an attempt.
type known struct {
	revision, generation int
	started, ends        time.Time
}

type model struct {
	v                    lifecycle.Verification
	log                  []lifecycle.Change
	now                  time.Time
	limits               lifecycle.Limits
	revision, generation int
	attempts             map[string]known
	leases               []string
	ids                  int
}

func newModel(t *rapid.T) *model {
	return &model{
		v: lifecycle.New("a1"), now: time.Date(2020, 11, 20, 1, 0, 0, 0, time.UTC), attempts: map[string]known{},
		limits: lifecycle.Limits{AttemptsPerDay: rapid.SampledFrom([]int{5, 3, 2, 1, 0}).Draw(t, "per day"), Lease: 10 * time.Minute},
	}
}

func (m *model) id(kind string) string {
	m.ids++
	return fmt.Sprintf("%s-%d", kind, m.ids)
}

// approve leads to where the interesting part begins.
func (m *model) approve(t *rapid.T) {
	for _, e := range []lifecycle.Event{lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve} {
		m.take(t, lifecycle.Change{Event: e, ChangeID: m.id("change"), At: m.now, Detail: lifecycle.Detail{Identity: &lifecycle.Identity{Ref: "r"}}})
	}
}

func (m *model) steps(t *rapid.T) {
	for range 3 {
		m.step(t)
		m.invariants(t)
	}
}

// onward are the events of which the interesting courses are made: around the face, and back to it.
func onward(s lifecycle.State) []lifecycle.Event {
	return map[lifecycle.State][]lifecycle.Event{
		"unverified": {"submit"}, "submitted": {"begin_review"}, "under_review": {"approve"}, "rejected": {"submit"},
		"approved":  {"issue_qr", "issue_qr", "pass", "correct", "withdraw_consent"},
		"qr_issued": {"fail", "expire", "scan", "withdraw_consent", "correct", "issue_qr", "pass"}, "scanned": {"fail", "expire", "issue_qr", "pass"},
		"verified": {"revoke"}, "face_failed": {"issue_qr", "issue_qr", "pass", "choose_manual", "correct"},
		"locked": {"unlock", "pass", "choose_manual"}, "manual_review": {"cancel_manual", "pass", "withdraw_consent"},
	}[s]
}

// step draws one event and judges what Decide makes of it.
func (m *model) step(t *rapid.T) {
	events := onward(m.v.State)
	switch rapid.SampledFrom([]string{"onward", "onward", "onward", "allowed", "any"}).Draw(t, "from") {
	case "allowed":
		events = lifecycle.AllowedEvents(m.v.State)
	case "any":
		events = append(lifecycle.Events(), "no such event")
	}
	c := lifecycle.Change{
		Event: rapid.SampledFrom(events).Draw(t, "event"), ChangeID: m.id("change"), Reason: "r",
		At:    m.now.Add(-rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, time.Hour}).Draw(t, "behind")),
		Actor: lifecycle.Actor{Kind: rapid.SampledFrom([]lifecycle.ActorKind{lifecycle.ActorSystem, lifecycle.ActorOperator}).Draw(t, "actor")},
	}
	c.Detail = m.detail(t, c)
	m.take(t, c)
}

func (m *model) take(t *rapid.T, c lifecycle.Change) {
	before := m.v
	log, err := before.Decide(c, m.limits)
	if err != nil {
		m.refused(t, c, log, err)
		return
	}
	m.accepted(t, c, log)
	after, err := before.Fold(log...)
	require.NoError(t, err)
	extended, again, err := before.Extend(log...)
	require.NoError(t, err)
	require.Equal(t, after, extended)
	require.Equal(t, log, again, "what Decide stamps is what the store stamps")
	m.v, m.log = after, append(m.log, log...)
}

func (m *model) refused(t *rapid.T, c lifecycle.Change, log []lifecycle.Change, err error) {
	require.Empty(t, log)
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) {
		require.Contains(t, []lifecycle.Code{"step_not_allowed", "correction_not_allowed", "attempts_exhausted", "consent_required"}, refusal.Code)
		require.Equal(t, m.v.State, refusal.State)
		kind := c.Event.Kind()
		require.True(t, kind == lifecycle.KindCommand || kind == lifecycle.KindSystem, "%s is news and never refused", c.Event)
		return
	}
	require.NotErrorIs(t, err, lifecycle.ErrBrokenLog, "Decide never proposes what cannot be folded")
	require.True(t, strings.HasPrefix(err.Error(), "lifecycle: ") && strings.HasSuffix(err.Error(), " is missing"), err.Error())
}

// accepted checks the changes one by one and counts along.
func (m *model) accepted(t *rapid.T, c lifecycle.Change, log []lifecycle.Change) {
	require.NotEmpty(t, log)
	require.LessOrEqual(t, len(log), 2)
	require.Equal(t, c.Event, log[0].Event)
	state, seq := m.v.State, m.v.Seq
	for i, got := range log {
		seq++
		require.Equal(t, seq, got.Seq)
		require.Equal(t, state, got.From)
		require.Equal(t, c.ChangeID, got.ChangeID)
		require.True(t, got.To.Valid())
		if got.Ignored {
			require.Equal(t, got.From, got.To)
			require.Contains(t, []lifecycle.Kind{lifecycle.KindNews, lifecycle.KindTimer}, got.Event.Kind())
			require.Len(t, log, 1)
		}
		if got.From == lifecycle.Verified && got.To != lifecycle.Verified {
			require.Equal(t, lifecycle.Revoke, got.Event)
		}
		if i > 0 {
			require.Equal(t, lifecycle.Lock, got.Event)
		}
		m.judgePass(t, got)
		m.count(got)
		state = got.To
	}
}

// judgePass: the face verifies exactly if the attempt is of the information and the consent in force.
func (m *model) judgePass(t *rapid.T, c lifecycle.Change) {
	switch {
	case c.Event == lifecycle.Pass:
		a, ok := m.attempts[c.Detail.AttemptID]
		current := ok && a.revision == m.revision && a.generation == m.generation
		remembered := m.v.Attempt(c.Detail.AttemptID) != nil
		waiting := slices.Contains([]lifecycle.State{"qr_issued", "scanned", "approved", "face_failed", "locked", "manual_review"}, c.From)
		require.Equal(t, current && remembered && waiting, c.To == lifecycle.Verified && !c.Ignored)
	case c.To == lifecycle.Verified && c.From != lifecycle.Verified:
		require.Contains(t, []lifecycle.Event{lifecycle.ApproveManual, lifecycle.ImportVerified}, c.Event)
	}
}

func (m *model) count(c lifecycle.Change) {
	if c.Ignored {
		return
	}
	switch c.Event {
	case lifecycle.Submit, lifecycle.Correct:
		m.revision++
	case lifecycle.WithdrawConsent, lifecycle.Revoke:
		m.generation++
	case lifecycle.IssueQR:
		m.leases = append(m.leases, c.Detail.Lease.ID)
		if a := c.Detail.Attempt; a != nil {
			m.attempts[a.ID] = known{m.revision, m.generation, a.StartedAt, a.EndsAt}
		}
	default:
	}
}

// invariants hold between any two events.
func (m *model) invariants(t *rapid.T) {
	v := m.v
	require.True(t, v.State.Valid())
	require.Equal(t, int64(len(m.log)), v.Seq)
	require.Equal(t, m.revision, v.Revision)
	require.Equal(t, m.generation, v.Generation)
	require.Equal(t, v.State == lifecycle.QRIssued || v.State == lifecycle.Scanned, v.Lease != nil)
	require.Equal(t, v.State == lifecycle.Locked, !v.UnlockAt.IsZero())
	require.Equal(t, v.State == lifecycle.Verified, !v.VerifiedAt.IsZero())
	require.Equal(t, v.State == lifecycle.Verified, v.Method != "")
	if v.Consent != nil {
		require.Equal(t, v.Generation, v.Consent.Generation)
	}
	if v.Lease != nil {
		a := v.Attempt(v.Lease.AttemptID)
		require.NotNil(t, a)
		require.True(t, v.Counts(*a), "a QR is only shown for an attempt that counts")
	}
	live := 0
	for _, a := range v.Attempts {
		if v.Counts(a) && a.Result == "" && m.now.Before(a.EndsAt) {
			live++
		}
	}
	require.LessOrEqual(t, live, 1)
	for id, a := range m.attempts {
		if m.now.Before(a.ends) || m.now.Sub(a.started) < 48*time.Hour {
			require.NotNil(t, v.Attempt(id), "forgotten too early")
		}
	}
	require.True(t, slices.IsSorted(v.Steps()))
	require.LessOrEqual(t, len(v.Recent), 16)
}

// detail draws what belongs to an event: mostly right, often stale, foreign or missing.
func (m *model) detail(t *rapid.T, c lifecycle.Change) lifecycle.Detail {
	var d lifecycle.Detail
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	switch c.Event {
	case lifecycle.Submit, lifecycle.Correct:
		d.Correction = pick("right", "policy", "support", "policy", "")
		if pick("identity", "yes", "yes", "yes", "no") == "yes" {
			d.Identity = &lifecycle.Identity{Ref: m.id("vault")}
		}
	case lifecycle.IssueQR:
		return m.order(t, c.At)
	case lifecycle.Scan, lifecycle.Expire:
		d.LeaseID = pick("lease", append([]string{"x", ""}, m.leases...)...)
		if m.v.Lease != nil && pick("which", "current", "any") == "current" {
			d.LeaseID = m.v.Lease.ID
		}
	case lifecycle.Pass, lifecycle.Fail:
		d.AttemptID = pick("attempt", append(slices.Sorted(maps.Keys(m.attempts)), "x", "")...)
		if live := m.v.Live(c.At); live != nil && pick("of", "any", "live") == "live" {
			d.AttemptID = live.ID
		}
	case lifecycle.Lock:
		if pick("until", "yes", "no") == "yes" {
			d.UnlockAt = lifecycle.NextDay(c.At)
		}
	case lifecycle.ImportApproved, lifecycle.ImportVerified:
		if pick("provenance", "yes", "no") == "yes" {
			d.Provenance = &lifecycle.Provenance{Evidence: "old"}
		}
	case lifecycle.Prompt:
		d.Prompt = &lifecycle.PromptNote{Level: "notice"}
	case lifecycle.Remind:
		d.Reminder = &lifecycle.Reminder{Milestone: "P3D"}
	case lifecycle.Restrict, lifecycle.Lift:
		d.Restricted = &lifecycle.Restricted{Rule: "existing-individuals"}
	default:
	}
	return d
}

func (m *model) order(t *rapid.T, at time.Time) lifecycle.Detail {
	var d lifecycle.Detail
	shown := m.v.Live(at)
	if shown == nil || rapid.SampledFrom([]string{"again", "again", "anew"}).Draw(t, "shown") == "anew" {
		shown = &lifecycle.Attempt{
			ID: m.id("attempt"), Revision: m.v.Revision, Generation: m.v.Generation, StartedAt: at, EndsAt: at.Add(23 * time.Hour),
		}
		switch rapid.SampledFrom([]string{"", "", "", "", "", "revision", "generation", "id"}).Draw(t, "fault") {
		case "revision":
			shown.Revision--
		case "generation":
			shown.Generation--
		case "id":
			shown.ID = rapid.SampledFrom(append(slices.Sorted(maps.Keys(m.attempts)), "")).Draw(t, "used id")
		}
		d.Attempt = shown
	}
	if pick := rapid.SampledFrom([]string{"current", "current", "current", "none", "old"}).Draw(t, "consent"); pick != "none" {
		d.Consent = &lifecycle.Consent{ID: m.id("consent"), Generation: m.v.Generation}
		if pick == "old" {
			d.Consent.Generation--
		}
	}
	if pick := rapid.SampledFrom([]string{"right", "right", "right", "right", "foreign", "none"}).Draw(t, "lease"); pick != "none" {
		d.Lease = &lifecycle.Lease{ID: m.id("lease"), AttemptID: shown.ID, IssuedAt: at, ExpiresAt: at.Add(m.limits.Lease)}
		if pick == "foreign" {
			d.Lease.AttemptID = "x"
		}
	}
	return d
}
