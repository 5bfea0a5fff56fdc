package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// hidden is the value of a field that a form brings along.
func hidden(t testing.TB, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, m, name)
	return m[1]
}

func (f *fixture) consents(account string) map[lifecycle.ConsentKind]store.ConsentRecord {
	f.t.Helper()
	all, err := f.store.ConsentsOf(f.t.Context(), account)
	require.NoError(f.t, err)
	kinds := map[lifecycle.ConsentKind]store.ConsentRecord{}
	for _, c := range all {
		kinds[c.Of()] = c
	}
	return kinds
}

func (f *fixture) answers(account string, answer store.Answer) []store.ConsentNote {
	f.t.Helper()
	all, err := f.store.ConsentNotes(f.t.Context(), account)
	require.NoError(f.t, err)
	var some []store.ConsentNote
	for _, n := range all {
		if n.Answer == answer {
			some = append(some, n)
		}
	}
	return some
}

// TestConsentsHoldWhatWasShown: each tick is a record of its own that names the very text.
func TestConsentsHoldWhatWasShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Approved)
	page := b.get("/m/terms").is(http.StatusOK)
	shown := f.clock.Now()
	f.clock.Advance(40 * time.Second)
	sent := ticked("once", once(t, page), "shown_at", hidden(t, page, "shown_at"))
	b.post("/m/terms", sent).leads("/m/qr")

	texts, err := consent.Load()
	require.NoError(t, err)
	got := f.consents("a1")
	require.Len(t, got, 3)
	for kind, channel := range map[lifecycle.ConsentKind]string{
		lifecycle.ConsentIdentity: "page:/m/form", lifecycle.ConsentFace: "page:/m/terms", lifecycle.ConsentProvide: "page:/m/terms",
	} {
		c := got[kind]
		text, known := texts.Text(c.TextVersion, c.Language)
		require.True(t, known, kind)
		require.Equal(t, text.SHA256, c.TextSHA256, kind)
		require.Equal(t, "ticked", c.Action)
		require.Equal(t, channel, c.Channel)
		require.True(t, strings.HasPrefix(c.By, "link:"), c.By)
		require.Equal(t, &lifecycle.Processor{Name: "示例平台", Contact: "privacy@platform.example"}, c.Processor)
		require.NotEmpty(t, c.Subject)
		evidence, err := f.vault.Text(t.Context(), "a1", c.EvidenceRef)
		require.NoError(t, err)
		require.Contains(t, evidence, `"address":"127.0.0.1"`)
	}
	require.Equal(t, shown.Unix(), got[lifecycle.ConsentFace].ShownAt.Unix())
	require.Equal(t, f.clock.Now().Unix(), got[lifecycle.ConsentFace].AgreedAt.Unix())
}

// TestShownBeforeItCouldBe: an instant that the form cannot have been drawn at is not kept.
func TestShownBeforeItCouldBe(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"later": "4102444800", "before the session": "1", "no number": "x", "none": ""} {
		f := newFixture(t)
		b := f.reach("a1", lifecycle.Approved)
		b.post("/m/terms", ticked("shown_at", at)).leads("/m/qr")
		require.True(t, f.consents("a1")[lifecycle.ConsentFace].ShownAt.IsZero(), name)
	}
}

func TestRealNameNeedsTheTick(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.post("/m/update", form("version", "2026-11")).leads("/m/form")
	page := b.get("/m/form").is(http.StatusOK)
	require.NotRegexp(t, `<input[^>]*name="agreed"[^>]*checked`, page)
	for name, change := range map[string][2]string{"no tick": {"agreed", ""}, "other text": {"version", "face-2026-12"}} {
		sent := given("name", canaryName, "number", canaryNumber)
		sent.Set(change[0], change[1])
		page = b.post("/m/form", sent).is(http.StatusUnprocessableEntity)
		require.Contains(t, page, "请先勾选同意", name)
		require.Contains(t, page, canaryName, "nothing typed is lost")
	}
	require.Zero(t, f.vault.count())
	page = b.post("/m/form", given("name", "", "number", canaryNumber)).is(http.StatusUnprocessableEntity)
	require.Regexp(t, `<input[^>]*name="agreed"[^>]*checked`, page, "what was ticked stays ticked when something else is wrong")
}

// TestRefusalIsKeptOnceADay: to say no is recorded, and so is saying it again on another day.
func TestRefusalIsKeptOnceADay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Approved)
	b.get("/m/alternative")
	require.Empty(t, f.answers("a1", store.AnswerRefused), "to look at the other way is no refusal")
	b.post("/m/decline", form("once", "1")).leads("/m/alternative")
	require.Contains(t, b.get("/m/alternative").is(http.StatusOK), "您没有同意")
	b.post("/m/decline", form("once", "2")).leads("/m/alternative")
	got := f.answers("a1", store.AnswerRefused)
	require.Len(t, got, 1)
	require.Equal(t, consent.Current(lifecycle.ConsentFace), got[0].Consent.TextVersion)
	require.NotContains(t, f.engine.seen(), "start_face")

	f.clock.Advance(24 * time.Hour)
	b = f.again(b)
	b.post("/m/alternative", form("once", "3")).leads("/m/manual")
	require.Len(t, f.answers("a1", store.AnswerRefused), 2, "to go the other way without having agreed is one")
	b.post("/m/decline", form("once", "4")).leads("/m/manual")
	require.Len(t, f.answers("a1", store.AnswerRefused), 2)
}

func TestWhoAgreedDoesNotRefuseByGoingTheOtherWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.FaceFailed)
	b.post("/m/alternative", form("once", "1")).leads("/m/manual")
	require.Empty(t, f.answers("a1", store.AnswerRefused))
}

func TestPicturesNeedTheTick(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Approved)
	b.post("/m/alternative", form("once", "1")).leads("/m/manual")
	page := b.get("/m/evidence")
	isPage(t, page, "zh-CN")
	require.NotContains(t, page.body, `type="file"`)
	b.give(words("holding", "x")).leads("/m/manual")
	require.Empty(t, f.given("a1"), "nothing is taken before")
	require.Contains(t, b.post("/m/pictures", form("version", consent.Current(lifecycle.ConsentPictures))).is(http.StatusUnprocessableEntity), "请先勾选同意")
	b.post("/m/pictures", form("version", consent.Current(lifecycle.ConsentPictures), "agreed", "yes")).leads("/m/evidence")
	require.Contains(t, b.get("/m/evidence").is(http.StatusOK), `type="file"`)
	kept := f.vault.count()
	b.post("/m/pictures", form("version", consent.Current(lifecycle.ConsentPictures), "agreed", "yes")).leads("/m/evidence")
	require.Len(t, f.answers("a1", store.AnswerAgreed), 1)
	require.Equal(t, kept, f.vault.count(), "a double click leaves nothing more in the vault")
	b.give(words("holding", "x")).leads("/m/manual")
	require.Equal(t, []string{"holding"}, f.given("a1"))
}

// TestWithdrawingFromEveryState: as easy as agreeing, from wherever a consent is in force, and nothing more is asked of
// the provider. A verification that is complete stays one.
func TestWithdrawingFromEveryState(t *testing.T) {
	t.Parallel()
	pages := map[lifecycle.State]string{
		lifecycle.QRIssued: "/m/qr", lifecycle.Scanned: "/m/qr", lifecycle.FaceFailed: "/m/failed", lifecycle.Locked: "/m/locked",
		lifecycle.ManualReview: "/m/manual", lifecycle.Verified: "/m/done",
	}
	for state := range pages {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			from := state
			if state == lifecycle.ManualReview {
				from = lifecycle.FaceFailed // after having agreed
			}
			b := f.reach("a1", from)
			if from != state {
				b.post("/m/alternative", form("once", "1")).leads("/m/manual")
			}
			require.Contains(t, b.get(pages[state]).is(http.StatusOK), `href="/m/withdraw"`, "reachable from where the merchant is")
			number := once(t, b.get("/m/withdraw").is(http.StatusOK))
			to := map[lifecycle.State]string{lifecycle.Verified: "/m/done", lifecycle.ManualReview: "/m/manual"}[state]
			if to == "" {
				to = "/m/alternative"
			}
			b.post("/m/withdraw", form("once", number)).leads(to)
			require.Contains(t, b.get(to).is(http.StatusOK), "授权已撤回")

			v, err := f.store.Head(t.Context(), "a1")
			require.NoError(t, err)
			require.Nil(t, v.Consent)
			require.Empty(t, v.Watched(f.clock.Now()), "the provider is not asked about any attempt")
			require.Nil(t, v.Lease)
			require.Equal(t, state == lifecycle.Verified, v.State == lifecycle.Verified)
			got := f.consents("a1")
			for _, kind := range []lifecycle.ConsentKind{lifecycle.ConsentFace, lifecycle.ConsentProvide} {
				require.Equal(t, store.EndedOnPage, got[kind].EndedVia, kind)
			}
			require.True(t, got[lifecycle.ConsentIdentity].EndedAt.IsZero())
			require.NotContains(t, b.get("/m/").body, `href="/m/withdraw"`, "there is nothing left to withdraw")
		})
	}
}
