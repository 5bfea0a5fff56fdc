package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// addresses are all pages of a session.
func addresses() []string {
	return []string{
		"/m/", "/m/update", "/m/form", "/m/review", "/m/rejected", "/m/terms", "/m/qr", "/m/done", "/m/failed", "/m/locked",
		"/m/manual", "/m/evidence", "/m/alternative", "/m/withdraw",
	}
}

// fitting is, written by hand, which pages a state has besides /m/, its own page first. Rights to correct are not granted.
func fitting() map[lifecycle.State][]string {
	return map[lifecycle.State][]string{
		lifecycle.Unverified:   {"/m/", "/m/update"},
		lifecycle.Submitted:    {"/m/review"},
		lifecycle.UnderReview:  {"/m/review"},
		lifecycle.Rejected:     {"/m/rejected", "/m/update"},
		lifecycle.Approved:     {"/m/terms", "/m/update", "/m/alternative"},
		lifecycle.QRIssued:     {"/m/qr", "/m/alternative", "/m/withdraw"},
		lifecycle.Scanned:      {"/m/qr", "/m/alternative", "/m/withdraw"},
		lifecycle.Verified:     {"/m/done", "/m/withdraw"},
		lifecycle.FaceFailed:   {"/m/failed", "/m/terms", "/m/alternative", "/m/withdraw"},
		lifecycle.Locked:       {"/m/locked", "/m/alternative", "/m/withdraw"},
		lifecycle.ManualReview: {"/m/manual", "/m/evidence"},
	}
}

// TestEveryPageInEveryStateInBothLanguages: each address shows what is true or leads to the page that does.
func TestEveryPageInEveryStateInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, state := range lifecycle.States() {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			b := f.reach("a1", state)
			fits := append([]string{"/m/"}, fitting()[state]...)
			for _, language := range []string{"zh-CN", "en"} {
				b.post("/m/lang", form("lang", language, "back", "/m/")).leads("/m/")
				for _, path := range addresses() {
					got := b.get(path)
					if slices.Contains(fits, path) {
						isPage(t, got, language)
						continue
					}
					want := fitting()[state][0]
					if path == "/m/form" && slices.Contains(fits, "/m/update") {
						want = "/m/update"
					}
					got.leads(want)
				}
			}
		})
	}
}

var (
	headings = regexp.MustCompile(`<h([1-6])[ >]`)
	tags     = regexp.MustCompile(`<(script|style|svg|img|link|input|button|a|form)\b[^>]*>`)
)

// isPage checks what holds for every page.
func isPage(t *testing.T, a answer, language string) {
	t.Helper()
	body := a.is(http.StatusOK)
	require.Contains(t, body, `<html lang="`+language+`">`)
	require.Equal(t, language, a.header.Get("Content-Language"))
	require.NotRegexp(t, `\{[a-z]+\}`, regexp.MustCompile(`data-(text|soon)="[^"]*"`).ReplaceAllString(body, ""), "a placeholder without its value")
	for _, s := range []string{canaryName, canaryNumber, "ZgotmplZ", "%!", "style=", "onclick", "javascript:"} {
		require.NotContains(t, body, s)
	}
	require.Len(t, regexp.MustCompile(`<h1[ >]`).FindAllString(body, -1), 1)
	require.Len(t, regexp.MustCompile(`<main[ >]`).FindAllString(body, -1), 1)
	require.Equal(t, 1, strings.Count(body, `name="lang"`), "one switch of the language")
	level := 0
	for _, h := range headings.FindAllStringSubmatch(body, -1) {
		next := int(h[1][0] - '0')
		require.LessOrEqual(t, next, level+1, "a heading skips a level")
		level = next
	}
	for _, tag := range tags.FindAllString(body, -1) {
		require.NotRegexp(t, `(src|href)="https?://(?:[^"]*)"`, strings.ReplaceAll(tag, `href="https://shop.example/back"`, ""), "another host")
	}
	if language == "en" {
		rest := strings.NewReplacer("简体中文", "", "欧**娜", "").Replace(body)
		require.NotRegexp(t, `\p{Han}`, rest, "Chinese on an English page")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	for _, path := range []string{"/m/", f.link("a1"), "/m/nowhere", "/m/bye", "/m/state?page=status"} {
		h := b.get(path).header
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			require.Contains(t, csp, part, path)
		}
		require.NotContains(t, csp, "unsafe")
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "DENY", h.Get("X-Frame-Options"))
		require.Contains(t, h.Get("Cache-Control"), "no-", path)
	}
}

func TestAssetsAreNamedByContent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	body := b.get("/m/").is(http.StatusOK)
	found := regexp.MustCompile(`"(/m/assets/[^"]+)"`).FindAllStringSubmatch(body, -1)
	require.GreaterOrEqual(t, len(found), 3)
	for _, m := range found {
		a := b.get(m[1])
		a.is(http.StatusOK)
		require.Contains(t, a.header.Get("Cache-Control"), "immutable")
		old := b.get(strings.Split(m[1], "?")[0] + "?v=old")
		require.NotContains(t, old.header.Get("Cache-Control"), "immutable")
	}
	b.get("/m/assets/nothing.js").is(http.StatusNotFound)
	require.Equal(t, "cross-origin", b.get("/embed/prompt.js").header.Get("Cross-Origin-Resource-Policy"))
	b.get("/embed/nothing.js").is(http.StatusNotFound)
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	speaks := func(accept, want string) {
		t.Helper()
		require.Contains(t, b.get("/m/", func(r *http.Request) { r.Header.Set("Accept-Language", accept) }).is(http.StatusOK), `<html lang="`+want+`">`, accept)
	}
	speaks("", "zh-CN")
	speaks("en-GB,en;q=0.8", "en")
	speaks("fr", "zh-CN")
	speaks("zh-TW,en;q=0.1", "zh-CN")
	speaks(strings.Repeat("x", 300), "zh-CN")
	b.post("/m/lang", form("lang", "en", "back", "/m/update")).leads("/m/update")
	speaks("zh-CN", "en")
	b.post("/m/lang", form("lang", "xx", "back", "/m/")).leads("/m/")
	speaks("zh-CN", "en")
	for _, bad := range []string{"//evil.example/", "https://evil.example/", "/v1/accounts", `/m/\evil.example`, "/m/../v1", "/m//evil", "", "/m/%0d%0ax"} {
		b.post("/m/lang", form("lang", "en", "back", bad)).leads("/m/")
	}
}

func TestFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.get("/m/form").leads("/m/update")
	b.post("/m/form", form("name", canaryName, "number", canaryNumber)).leads("/m/")
	require.Empty(t, f.engine.seen(), "nothing is sent before the notice is confirmed")
	b.post("/m/update", form("version", "another")).leads("/m/")
	b.get("/m/form").leads("/m/update")
	b.post("/m/update", form("version", "2026-11")).leads("/m/form")

	typed := `·"><script>alert(1)</script>`
	body := b.post("/m/form", given("name", typed, "number", "11010119900307451X")).is(http.StatusUnprocessableEntity)
	require.NotContains(t, body, "<script>alert")
	require.Contains(t, body, `&lt;script&gt;alert(1)&lt;/script&gt;`)
	require.Contains(t, body, `value="11010119900307451X"`)
	require.Contains(t, body, `aria-describedby="number-hint number-fault"`)
	require.Contains(t, body, "证件号码最后一位校验码与前 17 位不符")
	require.Contains(t, body, "<title>填写有误：")
	require.Zero(t, f.vault.count())

	body = b.post("/m/form", form("name", typed, "number", "x", "lang", "en")).is(http.StatusOK)
	require.Contains(t, body, `<html lang="en">`)
	require.Contains(t, body, "&lt;script&gt;", "the switch loses nothing")
	body = b.post("/m/form", given("name", "", "number", "")).is(http.StatusUnprocessableEntity)
	require.Contains(t, body, "Enter the name as it stands on the document.")
	require.Contains(t, body, `href="#number"`)
	require.Empty(t, f.engine.seen())
}

func TestDoubleClickIsOneCommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.post("/m/update", form("version", "2026-11")).leads("/m/form")
	number := once(t, b.get("/m/form").is(http.StatusOK))
	sent := given("name", canaryName, "number", canaryNumber, "once", number)
	b.post("/m/form", sent).leads("/m/review")
	b.post("/m/form", sent).leads("/m/review")
	v, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 1, v.Revision)
	require.Equal(t, 2, f.vault.count(), "the information and where the consent came from: no orphan stays in the vault")
	require.Contains(t, b.get("/m/review").is(http.StatusOK), "110***********4514")
}

func TestFormOutlivesAnEngineThatIsAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.post("/m/update", form("version", "2026-11")).leads("/m/form")
	f.engine.fail(apiDown())
	body := b.post("/m/form", given("name", canaryName, "number", canaryNumber)).is(http.StatusServiceUnavailable)
	require.Contains(t, body, canaryName)
	require.Contains(t, body, canaryNumber)
	require.Contains(t, body, "操作未执行")
	require.Zero(t, f.vault.count())
	f.engine.fail(nil)
	b.post("/m/form", given("name", canaryName, "number", canaryNumber, "once", once(t, body))).leads("/m/review")
}

func TestTermsNeedTheTick(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Approved)
	body := b.get("/m/terms").is(http.StatusOK)
	require.NotRegexp(t, `<input[^>]*name="agreed"[^>]*checked`, body)
	for _, words := range []string{"版本 face-2026-12", "版本 provide-2026-12", "支付宝", "示例平台", "privacy@platform.example", "保存期限", "/m/alternative"} {
		require.Contains(t, body, words)
	}
	without := func(field, value string) url.Values {
		sent := ticked()
		sent.Set(field, value)
		return sent
	}
	for name, sent := range map[string]answer{
		"no tick":          b.post("/m/terms", without("agreed", "")),
		"one of two ticks": b.post("/m/terms", without("provided", "")),
		"other version":    b.post("/m/terms", without("version", "2019-01")),
		"older version":    b.post("/m/terms", without("version", "2026-11")),
		"other provide":    b.post("/m/terms", without("provide_version", "")),
		"other value":      b.post("/m/terms", without("agreed", "on")),
	} {
		require.Contains(t, sent.is(http.StatusUnprocessableEntity), "请先勾选同意", name)
	}
	require.NotContains(t, f.engine.seen(), "start_face")
	b.agree()
	require.Len(t, f.engine.consents, 1)
	require.Equal(t, "face-2026-12", f.engine.consents[0].TextVersion)
	require.Equal(t, "zh-CN", f.engine.consents[0].Language)
	evidence, err := f.vault.Text(t.Context(), "a1", f.engine.consents[0].EvidenceRef)
	require.NoError(t, err)
	require.Contains(t, evidence, `"address":"127.0.0.1"`)
}

func TestQRPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.QRIssued)
	body := b.get("/m/qr").is(http.StatusOK)
	require.Contains(t, body, "有效时间还剩 10 分 00 秒")
	require.Contains(t, body, `data-left="600000"`)
	require.Contains(t, body, `role="status"`)
	require.Contains(t, body, `content="15; url=/m/qr?auto=1"`)
	require.NotContains(t, body, "alipays:")

	f.clock.Advance(61 * time.Second)
	require.Contains(t, b.get("/m/qr").is(http.StatusOK), "有效时间还剩 8 分 59 秒")
	f.happens("a1", lifecycle.Scan)
	body = b.get("/m/qr").is(http.StatusOK)
	require.Contains(t, body, "已扫码，请在手机上继续")
	require.NotContains(t, body, "<svg id=\"qr\"")

	f.clock.Advance(9 * time.Minute)
	body = b.get("/m/qr").is(http.StatusOK)
	require.Contains(t, body, "二维码已失效", "time alone ends it")
	f.happens("a1", lifecycle.Expire)
	body = b.get("/m/qr").is(http.StatusOK)
	b.get("/m/done").leads("/m/qr")
	b.post("/m/qr", form("once", once(t, body))).leads("/m/qr")
	body = b.get("/m/qr").is(http.StatusOK)
	require.Contains(t, body, "已生成新的二维码")
	require.Contains(t, body, "<svg id=\"qr\"")
	require.Len(t, f.engine.consents, 1, "another code needs no new consent")
	require.NotContains(t, b.get("/m/qr").body, "已生成新的二维码", "it is said once")
}

// TestScriptsRenewal: the script may ask for another code without a person, where the engine can give one and none is
// shown. It is no act of the person, and what came of it is told to nobody.
func TestScriptsRenewal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.QRIssued)
	script := func(r *http.Request) { r.Header.Set("X-Verigate-Auto", "1") }
	f.clock.Advance(10 * time.Minute)
	body := b.get("/m/qr", script).is(http.StatusOK)
	require.Contains(t, body, `id="renew"`)
	require.NotContains(t, body, "data-renew", "the engine does not know yet that the code has ended")
	f.happens("a1", lifecycle.Expire)
	body = b.get("/m/qr", script).is(http.StatusOK)
	require.Contains(t, body, "data-renew")

	b.post("/m/qr", form("once", once(t, body)), script).leads("/m/qr")
	body = b.get("/m/qr", script).is(http.StatusOK)
	require.Contains(t, body, `<svg id="qr"`)
	before := len(f.engine.seen())
	b.post("/m/qr", form("once", once(t, body)), script).leads("/m/qr")
	require.Len(t, f.engine.seen(), before, "a second tab shows the code of the first")

	f.clock.Advance(4 * time.Minute)
	body = b.get("/m/qr", script).is(http.StatusOK)
	f.clock.Advance(2 * time.Minute)
	b.post("/m/qr", form("once", once(t, body)), script).is(http.StatusUnauthorized)
}

func TestOnAPhoneTheAppOpens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.QRIssued)
	phone := func(r *http.Request) { r.Header.Set("Sec-CH-UA-Mobile", "?1") }
	body := b.get("/m/qr", phone).is(http.StatusOK)
	require.Contains(t, body, `href="alipays://platformapi/startapp?appId=20000067&amp;url=https%3A%2F%2Fprovider.example`)
	require.NotContains(t, body, "<svg id=\"qr\"")
	require.Contains(t, body, "/s/", "a phone without the app has another way")
	body = b.get("/m/qr?view=qr", phone).is(http.StatusOK)
	require.Contains(t, body, "<svg id=\"qr\"")
	iphone := func(r *http.Request) {
		r.Header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)")
	}
	require.Contains(t, b.get("/m/qr", iphone).body, "alipays:")
	f.launcher.err = errOther
	body = b.get("/m/qr", phone).is(http.StatusOK)
	require.Contains(t, body, "<svg id=\"qr\"", "our own code leads to the same place")
}

func TestRefreshAlwaysAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.QRIssued)
	ask := func() { b.post("/m/refresh", form("once", "1")).leads("/m/qr") }
	ask()
	require.Contains(t, b.get("/m/qr").body, "已于 10:00:00 向支付宝查询：暂无结果。")
	f.engine.fail(providerDown())
	ask()
	require.Contains(t, b.get("/m/qr").body, "支付宝暂时没有响应")
	f.engine.fail(nil)
	ask()
	before := len(f.engine.seen())
	ask()
	require.Len(t, f.engine.seen(), before, "the provider is not asked that often")
	require.Contains(t, b.get("/m/qr").body, "操作过于频繁")
	f.clock.Advance(10 * time.Second)
	f.happens("a1", lifecycle.Pass)
	b.post("/m/refresh", form("once", "2")).leads("/m/done")
	require.Contains(t, b.get("/m/done").is(http.StatusOK), "https://shop.example/back")
	b.get("/m/qr").leads("/m/done")
}

func TestFailureSaysWhyAndWhatNext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.FaceFailed)
	body := b.get("/m/failed").is(http.StatusOK)
	require.Contains(t, body, "支付宝未能确认是本人操作")
	require.Contains(t, body, "今天还可以再试 4 次")
	require.NotContains(t, body, "/m/update")
	f.rules.right = policy.Correction{Mode: policy.CorrectionOnce}
	require.Contains(t, b.get("/m/failed").body, "/m/update")
	b.post("/m/failed", form("once", once(t, body))).leads("/m/qr")
	require.Len(t, f.engine.consents, 1, "the consent in force is one to these terms")

	f.happens("a1", lifecycle.Fail, because(`<b onmouseover=alert(1)>`))
	body = b.get("/m/failed").is(http.StatusOK)
	require.NotContains(t, body, "onmouseover", "a code that we have no words for is not shown")
	require.Contains(t, body, "未满足审核要求")
	page := b.get("/m/withdraw").is(http.StatusOK)
	b.post("/m/withdraw", form("once", once(t, page))).leads("/m/alternative")
	require.Contains(t, b.get("/m/alternative").is(http.StatusOK), "授权已撤回", "the other way is there in the same answer")
	b.post("/m/failed", form("once", "again")).leads("/m/terms")
}

func TestCorrectionByRight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.rules.right = policy.Correction{Mode: policy.CorrectionOnce}
	b := f.reach("a1", lifecycle.FaceFailed)
	require.Contains(t, b.get("/m/update").is(http.StatusOK), "只能自行更正一次")
	b.submit()
	require.Contains(t, f.engine.seen(), "correct")
	f.happens("a1", lifecycle.BeginReview)
	f.happens("a1", lifecycle.Approve)
	b.agree()
	b.get("/m/update").leads("/m/qr")
}

func TestLockedSaysUntilWhen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Locked)
	require.Contains(t, b.get("/m/locked").is(http.StatusOK), "2020年12月6日 00:00（北京时间）")
	before := b.get("/m/state?page=locked").is(http.StatusOK)
	for range 85 { // fourteen hours, with an act now and then
		f.clock.Advance(10 * time.Minute)
		b = f.again(b)
	}
	require.Contains(t, b.get("/m/locked").is(http.StatusOK), "现在可以再次验证了")
	require.NotEqual(t, before, b.get("/m/state?page=locked").is(http.StatusOK))
}

// again opens another link to the account, as who comes back later.
func (f *fixture) again(*browser) *browser {
	f.t.Helper()
	b := f.browser()
	b.post(f.link("a1"), nil).leads("/m/")
	return b
}

func TestManualRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.ManualReview)
	page := b.get("/m/manual").is(http.StatusOK)
	require.Contains(t, page, "privacy@platform.example")
	b.post("/m/manual", form("once", once(t, page))).leads("/m/terms")
	require.Contains(t, b.get("/m/terms").body, "已取消人工审核")
}

func TestCommandsThatDoNotFitChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Verified)
	before := len(f.engine.seen())
	for _, path := range []string{"/m/form", "/m/terms", "/m/qr", "/m/failed", "/m/alternative", "/m/manual"} {
		b.post(path, ticked("name", canaryName, "number", canaryNumber)).leads("/m/done")
	}
	require.Len(t, f.engine.seen(), before)
}

func TestErrorsOfTheEngineAreSaid(t *testing.T) {
	t.Parallel()
	for name, c := range engineErrors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			b := f.reach("a1", lifecycle.Approved)
			f.engine.fail(c.err)
			b.post("/m/terms", ticked()).leads("/m/terms")
			require.Contains(t, b.get("/m/terms").is(http.StatusOK), c.words)
			require.Equal(t, c.kept, f.vault.count()-2, "the evidence of the consent stays only if it may have been recorded")
		})
	}
	f := newFixture(t)
	b := f.reach("a1", lifecycle.Approved)
	f.engine.fail(errOther)
	require.NotContains(t, b.post("/m/terms", ticked()).is(http.StatusInternalServerError), "something else")
}

func TestStoreIsAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	f.store.set(true)
	a := b.get("/m/")
	require.Contains(t, a.is(http.StatusServiceUnavailable), "您的进度已保存")
	require.Equal(t, "2", a.header.Get("Retry-After"))
	f.store.set(false)
	b.get("/m/").is(http.StatusOK)
}
