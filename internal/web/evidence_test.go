package web_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// part is a field of a form with pictures.
type part struct {
	name string
	file bool
	text string
}

func picture(kind string, content []byte) part { return part{kind, true, string(content)} }

func words(name, text string) part { return part{name, false, text} }

// give sends the form as a browser does: fields without a file come empty.
func (b *browser) give(parts ...part) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		var to io.Writer
		var err error
		if p.file {
			to, err = w.CreateFormFile(p.name, canaryName+".jpg") // names of files are somebody's, too
		} else {
			to, err = w.CreateFormField(p.name)
		}
		require.NoError(b.t, err)
		_, err = to.Write([]byte(p.text))
		require.NoError(b.t, err)
	}
	require.NoError(b.t, w.Close())
	return b.post("/m/evidence", nil, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", w.FormDataContentType())
	})
}

func (f *fixture) given(account string) []string {
	f.t.Helper()
	all, err := f.store.EvidenceOf(f.t.Context(), account)
	require.NoError(f.t, err)
	kinds := []string{}
	for _, e := range evidence.Current(all) {
		kinds = append(kinds, e.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func TestGivingEvidence(t *testing.T) {
	t.Parallel()
	for language, say := range map[string]struct{ title, needs, complete, kept, remove string }{
		"zh-CN": {"提交材料", "审核还需要以下材料", "材料已齐全", "材料已保存", "移除：身份证国徽面"},
		"en":    {"Give your evidence", "A reviewer still needs", "All evidence is here", "Your evidence is kept", "Remove: Identity card, side with the emblem"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			b := f.reach("a1", lifecycle.ManualReview)
			b.post("/m/lang", form("lang", language, "back", "/m/manual"))
			require.Contains(t, b.get("/m/manual").is(http.StatusOK), say.needs)
			page := b.get("/m/evidence")
			isPage(t, page, language)
			require.Contains(t, page.body, say.title)
			require.Contains(t, page.body, `accept="image/jpeg,image/png,image/webp"`)
			require.NotContains(t, page.body, `http-equiv="refresh"`, "a page on which files are chosen is not drawn again by itself")

			b.give(picture("id_front", evidencetest.JPEG(t, 480, 300)), picture("id_back", nil), words("holding", " "+canaryName+" 本人保管 ")).leads("/m/manual")
			require.Equal(t, []string{"holding", "id_front"}, f.given("a1"))
			manual := b.get("/m/manual").is(http.StatusOK)
			require.Contains(t, manual, say.kept)
			require.Contains(t, manual, say.needs)
			require.NotContains(t, manual, canaryName, "what was given is not shown again")
			b.give(picture("id_back", evidencetest.WebP(t)), picture("other", evidencetest.PNG(t, evidencetest.Card(300, 300)))).leads("/m/manual")
			for range 2 { // also after a reload
				manual = b.get("/m/manual").is(http.StatusOK)
				require.Contains(t, manual, say.complete)
				require.NotContains(t, manual, say.needs)
			}
			require.Contains(t, manual, `aria-label="`+say.remove+`"`)
			require.Contains(t, b.get("/m/evidence").body, `id="id_front-have"`)

			b.give(picture("id_front", evidencetest.JPEG(t, 500, 300))).leads("/m/manual")
			require.Len(t, f.given("a1"), 4, "the new one took its place")
			b.post("/m/evidence/remove", form("id", remove(t, manual, "id_back"))).leads("/m/manual")
			require.Equal(t, []string{"holding", "id_front", "other"}, f.given("a1"))
			require.Contains(t, b.get("/m/manual").body, say.needs)
		})
	}
}

var removePattern = regexp.MustCompile(`name="id" value="([a-z0-9]+)"`)

// remove is the id in the form that removes a piece: they stand in the order of the kinds.
func remove(t *testing.T, page, kind string) string {
	t.Helper()
	all := removePattern.FindAllStringSubmatch(page, -1)
	i := evidence.Place(kind)
	require.Greater(t, len(all), i)
	return all[i][1]
}

// TestFaultsOfEvidence: each file has its own fault, and what is good is kept nevertheless.
func TestFaultsOfEvidence(t *testing.T) {
	t.Parallel()
	for language, say := range map[string]map[string]string{
		"zh-CN": {"bomb": "百万像素", "svg": "不是 JPEG", "long": "最多 500 个字", "large": "文件超过 10 MB", "half": "已损坏", "nothing": "请至少选择", "title": "填写有误"},
		"en": {"bomb": "million pixels", "svg": "not a JPEG, PNG or WebP", "long": "At most 500 characters", "large": "more than 10 MB", "half": "damaged",
			"nothing": "Choose at least one", "title": "Error: "},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			b := f.reach("a1", lifecycle.ManualReview)
			b.post("/m/lang", form("lang", language, "back", "/m/manual"))
			typed := strings.Repeat("长", 501) + "<b>"
			got := b.give(
				picture("id_front", evidencetest.Bomb(60_000, 60_000, 8)), picture("id_back", evidencetest.JPEG(t, 480, 300)),
				picture("other", []byte(`<svg onload="x">`)), words("holding", typed)).is(http.StatusUnprocessableEntity)
			for _, fault := range []string{"bomb", "svg", "long", "title"} {
				require.Contains(t, got, say[fault])
			}
			for _, kind := range []string{"id_front", "other", "holding"} {
				require.Contains(t, got, `id="`+kind+`-fault"`)
				require.Contains(t, got, `href="#`+kind+`"`)
			}
			require.NotContains(t, got, `id="id_back-fault"`)
			require.Contains(t, got, `id="id_back-have"`)
			require.Contains(t, got, strings.Repeat("长", 501)+"&lt;b&gt;", "nothing typed is lost")
			require.Equal(t, []string{"id_back"}, f.given("a1"))

			got = b.give(picture("id_front", make([]byte, evidence.MaxBytes+1)), picture("id_back", evidencetest.JPEG(t, 480, 300)[:400])).is(http.StatusUnprocessableEntity)
			require.Contains(t, got, say["large"])
			require.Contains(t, got, say["half"])
			require.Contains(t, b.give(picture("id_front", nil), words("holding", "")).is(http.StatusUnprocessableEntity), say["nothing"])
			require.Equal(t, []string{"id_back"}, f.given("a1"))
		})
	}
}

// TestSwitchingTheLanguageKeepsWhatIsThere: the button is part of the form.
func TestSwitchingTheLanguageKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.ManualReview)
	require.Contains(t, b.get("/m/evidence").body, "提交材料")
	got := b.give(picture("id_front", evidencetest.JPEG(t, 480, 300)), words("holding", "half a sen"), words("lang", "en")).is(http.StatusOK)
	require.Contains(t, got, "Give your evidence")
	require.Contains(t, got, ">half a sen</textarea>")
	require.Equal(t, []string{"id_front"}, f.given("a1"), "the picture need not be chosen again")
}

// TestEvidenceHasItsTimeAndPlace: outside the manual review, for another account, from another site nothing is taken.
func TestEvidenceHasItsTimeAndPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	card := evidencetest.JPEG(t, 480, 300)
	b := f.reach("a1", lifecycle.ManualReview)
	b.give(picture("id_front", card)).leads("/m/manual")
	all, err := f.store.EvidenceOf(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, "link:", all[0].UploadedBy[:5])

	other := f.reach("a2", lifecycle.ManualReview)
	other.post("/m/evidence/remove", form("id", all[0].ID)).leads("/m/manual")
	require.Equal(t, []string{"id_front"}, f.given("a1"))
	cross := b.post("/m/evidence", nil, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	require.Equal(t, http.StatusForbidden, cross.status)
	nobody := f.browser()
	require.Equal(t, http.StatusUnauthorized, nobody.give(picture("id_front", card)).status)
	b.post("/m/evidence", form("holding", "not the right kind of form")).leads("/m/manual")
	require.Equal(t, []string{"id_front"}, f.given("a1"))

	f.happens("a1", lifecycle.RejectManual, because("evidence_unreadable"))
	got := b.give(picture("id_back", card))
	require.Equal(t, http.StatusSeeOther, got.status)
	b.post("/m/evidence/remove", form("id", all[0].ID))
	all, err = f.store.EvidenceOf(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.False(t, all[0].DecidedAt.IsZero(), "the decision ended it")

	closing := f.reach("a3", lifecycle.ManualReview)
	account, err := f.store.Account(t.Context(), "a3")
	require.NoError(t, err)
	account.ClosedAt = f.clock.Now()
	_, _, err = f.store.PutAccount(t.Context(), store.PutAccount{Account: account.Account, Reason: "left"}, false)
	require.NoError(t, err)
	closing.give(picture("id_front", card)).leads("/m/manual")
	require.Contains(t, closing.get("/m/manual").body, "账号已关闭")
	require.Empty(t, f.given("a3"))
	f.clock.Advance(time.Minute)
}
