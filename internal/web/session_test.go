package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/web"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func apiDown() error      { return api.ErrEngineUnavailable }
func providerDown() error { return api.ErrProviderUnavailable }

type engineError struct {
	err   error
	words string
	kept  int
}

func engineErrors() map[string]engineError {
	return map[string]engineError{
		"engine away":      {api.ErrEngineUnavailable, "系统暂时繁忙", 0},
		"outcome unknown":  {api.ErrOutcomeUnknown, "操作可能已经执行", 1},
		"provider away":    {api.ErrProviderUnavailable, "支付宝暂时没有响应", 0},
		"provider refuses": {api.ErrProviderRefused, "支付宝不接受当前的实名认证信息", 0},
		"step refused":     {&lifecycle.Refusal{Code: lifecycle.CodeStepNotAllowed}, "状态已发生变化", 0},
		"exhausted":        {&lifecycle.Refusal{Code: lifecycle.CodeAttemptsExhausted}, "今天的验证次数已用完", 0},
	}
}

const cookieName = "verigate_session"

func TestLinkOpensOnceByAPress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register("account-one")
	path := f.link("account-one")
	scanner, first, second := f.browser(), f.browser(), f.browser()
	for range 3 {
		body := scanner.get(path).is(http.StatusOK)
		require.Contains(t, body, "acc•••one")
		require.NotContains(t, body, "account-one")
	}
	scanner.do(http.MethodHead, path, nil).is(http.StatusOK)
	require.Empty(t, scanner.cookies, "looking opens nothing")
	first.get("/m/").is(http.StatusUnauthorized)

	first.post(path, nil).leads("/m/")
	c := first.cookies[cookieName]
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	require.False(t, c.Secure)
	require.Equal(t, 1800, c.MaxAge)
	first.get("/m/").is(http.StatusOK)
	first.get(path).leads("/m/")
	first.post(path, nil).leads("/m/")

	require.Contains(t, second.get(path).is(http.StatusGone), "此链接已被使用")
	require.Contains(t, second.post(path, nil).is(http.StatusGone), "此链接已被使用")
	require.Empty(t, second.cookies)
}

func TestLinkExpiresAndOthersAreUnknown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register("a1")
	path := f.link("a1")
	b := f.browser()
	f.clock.Advance(10 * time.Minute)
	require.Contains(t, b.get(path).is(http.StatusGone), "此链接已过期")
	b.post(path, nil).is(http.StatusGone)
	for _, token := range []string{
		"x", strings.Repeat("A", 43), strings.TrimPrefix(f.tokens.ScanURL(uuid.NewString()), f.server.URL+"/s/"),
		strings.TrimPrefix(f.tokens.LinkURL(uuid.NewString()), f.server.URL+"/m/l/"),
	} {
		b.get("/m/l/" + token).is(http.StatusNotFound)
		b.post("/m/l/"+token, nil).is(http.StatusNotFound)
	}
	require.Empty(t, b.cookies)
}

func TestHTTPSCookieIsBoundToTheHost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *web.Config) { c.HTTPS = true })
	b := f.enter("a1")
	c := b.cookies["__Host-verigate"]
	require.NotNil(t, c)
	require.True(t, c.Secure)
	require.True(t, c.HttpOnly)
	require.Equal(t, "/", c.Path)
	require.Empty(t, c.Domain)
	b.get("/m/").is(http.StatusOK)
}

// TestFixation: whatever cookie a browser brings, opening a link gives it another, and ends the one before.
func TestFixation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.register("a1")
	f.register("a2")
	b := f.browser()
	planted := strings.Repeat("p", 43)
	b.cookies[cookieName] = &http.Cookie{Name: cookieName, Value: planted}
	b.post(f.link("a1"), nil).leads("/m/")
	one := b.cookies[cookieName]
	require.NotEqual(t, planted, one.Value)

	b.post(f.link("a2"), nil).leads("/m/")
	require.NotEqual(t, one.Value, b.cookies[cookieName].Value)
	require.Contains(t, b.get("/m/").is(http.StatusOK), "a2")
	old := f.browser()
	old.cookies[cookieName] = one
	old.get("/m/").is(http.StatusUnauthorized)
}

// TestOneAccountPerSession: nothing in a request names another account.
func TestOneAccountPerSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine, yours := f.enter("a1"), f.enter("a2")
	body := mine.get("/m/?account=a2&account_id=a2", func(r *http.Request) { r.Header.Set("X-Account-Id", "a2") }).is(http.StatusOK)
	require.NotContains(t, body, "a2")
	mine.post("/m/update", form("version", "2026-11")).leads("/m/form")
	mine.post("/m/form", given("name", canaryName, "number", canaryNumber, "account", "a2", "account_id", "a2")).leads("/m/review")
	other, err := f.store.Head(t.Context(), "a2")
	require.NoError(t, err)
	require.Zero(t, other.Seq)
	yours.get("/m/review").leads("/m/")
	v, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	entries, err := f.store.Events(t.Context(), "a1", 0, 10)
	require.NoError(t, err)
	require.Len(t, entries, int(v.Seq))
	require.Regexp(t, `^link:[0-9a-f-]{36}$`, entries[0].Actor.ID)
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		b := f.enter("a1")
		f.clock.Advance(14 * time.Minute)
		b.get("/m/").is(http.StatusOK)
		f.clock.Advance(14 * time.Minute)
		b.get("/m/?auto=1").is(http.StatusOK)
		b.get("/m/state?page=status").is(http.StatusOK)
		b.get("/m/", func(r *http.Request) { r.Header.Set("X-Verigate-Auto", "1") }).is(http.StatusOK)
		f.clock.Advance(time.Minute)
		require.Contains(t, b.get("/m/").is(http.StatusUnauthorized), "https://shop.example/back", "a page that asks by itself is no act of the person")
		b.get("/m/state?page=status").is(http.StatusUnauthorized)
	})
	t.Run("absolute", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		b := f.enter("a1")
		for range 3 {
			f.clock.Advance(9 * time.Minute)
			b.get("/m/").is(http.StatusOK)
		}
		f.clock.Advance(3 * time.Minute)
		b.get("/m/").is(http.StatusUnauthorized)
	})
	t.Run("left", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		b := f.enter("a1")
		old := *b.cookies[cookieName]
		b.post("/m/leave", nil).leads("/m/bye")
		require.NotContains(t, b.cookies, cookieName)
		b.cookies[cookieName] = &old
		b.get("/m/").is(http.StatusUnauthorized)
	})
}

// TestRevokedSessionsAreOver: whoever sits in front of a page is out with the next press, and can begin anew with another
// link only.
func TestRevokedSessionsAreOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.get("/m/").is(http.StatusOK)
	other := f.enter("a2")
	links, sessions, err := f.store.RevokeLinks(t.Context(), "a1", f.clock.Now())
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, []int{links, sessions})
	require.NotEqual(t, http.StatusOK, b.get("/m/").status)
	require.NotEqual(t, http.StatusOK, b.get("/m/state").status)
	other.get("/m/").is(http.StatusOK)
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.reach("a1", lifecycle.QRIssued)
	before := len(f.engine.seen())
	for name, foreign := range map[string]func(*http.Request){
		"cross-site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"another origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
	} {
		for _, path := range []string{"/m/withdraw", "/m/alternative", "/m/refresh", "/m/leave", "/m/lang", f.link("a1")} {
			b.post(path, form("once", "1"), foreign).is(http.StatusForbidden)
		}
		require.Len(t, f.engine.seen(), before, name)
	}
	b.get("/m/qr").is(http.StatusOK)
}

func TestOversizedForm(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.enter("a1")
	b.post("/m/update", form("version", "2026-11")).leads("/m/form")
	b.post("/m/form", given("name", strings.Repeat("a", 100_000), "number", canaryNumber)).is(http.StatusUnprocessableEntity)
	require.Empty(t, f.engine.seen())
}

func TestStateIsPolled(t *testing.T) {
	t.Parallel()
	var heard []string
	f := newFixture(t, func(c *web.Config) {
		c.Told = func(verdict lifecycle.State, took time.Duration) {
			heard = append(heard, string(verdict)+" "+took.String())
		}
	})
	b := f.reach("a1", lifecycle.QRIssued)
	a := b.get("/m/state?page=qr")
	var n struct {
		Seq     int64
		Version string
		Go      string
	}
	require.NoError(t, json.Unmarshal([]byte(a.is(http.StatusOK)), &n))
	require.Equal(t, int64(4), n.Seq)
	require.Empty(t, n.Go)
	known := func(r *http.Request) { r.Header.Set("If-None-Match", a.header.Get("ETag")) }
	require.Empty(t, b.get("/m/state?page=qr", known).is(http.StatusNotModified))
	f.clock.Advance(10 * time.Minute)
	b.get("/m/state?page=qr", known).is(http.StatusOK)
	f.happens("a1", lifecycle.Pass)
	require.Empty(t, heard)
	f.clock.Advance(700 * time.Millisecond)
	require.NoError(t, json.Unmarshal([]byte(b.get("/m/state?page=qr", known).is(http.StatusOK)), &n))
	require.Equal(t, "/m/done", n.Go)
	require.Equal(t, []string{"verified 700ms"}, heard)
	b.get("/m/state?page=done").is(http.StatusOK)
	require.Len(t, heard, 1, "a page that fits has nothing to hear")
	for _, unknown := range []string{"", "?page=nothing", "?page=%3Cscript%3E"} {
		require.NoError(t, json.Unmarshal([]byte(b.get("/m/state"+unknown).is(http.StatusOK)), &n))
		require.Equal(t, "/m/done", n.Go)
	}
}

// TestEventsFollowThePhone: scanned and passed arrive by push, and the stream ends with the session.
func TestEventsFollowThePhone(t *testing.T) {
	t.Parallel()
	heard := make(chan lifecycle.State, 8)
	f := newFixture(t, func(c *web.Config) {
		c.PingEvery, c.Told = 20*time.Millisecond, func(verdict lifecycle.State, _ time.Duration) { heard <- verdict }
	})
	b := f.reach("a1", lifecycle.QRIssued)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL+"/m/events?page=qr", nil)
	require.NoError(t, err)
	r.AddCookie(b.cookies[cookieName])
	response, err := f.server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	lines := bufio.NewScanner(response.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: {"); ok {
				require.JSONEq(t, want, "{"+text)
				return
			}
		}
		require.Fail(t, "the stream ended")
	}
	next(`{"seq":4,"version":"4","go":""}`)
	f.happens("a1", lifecycle.Scan)
	next(`{"seq":5,"version":"5","go":""}`)
	f.happens("a1", lifecycle.Pass)
	next(`{"seq":6,"version":"6","go":"/m/done"}`)
	require.Equal(t, lifecycle.Verified, <-heard)
	b.post("/m/leave", nil).leads("/m/bye")
	for lines.Scan() {
		require.NotContains(t, lines.Text(), "data: {")
	}
	require.NoError(t, lines.Err(), "the server ends the stream")
	require.Empty(t, heard, "one verdict is told once")
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *web.Config) { c.MaxStreams = 1 })
	b := f.enter("a1")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL+"/m/events?page=status", nil)
	require.NoError(t, err)
	r.AddCookie(b.cookies[cookieName])
	response, err := f.server.Client().Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	b.get("/m/events?page=status").is(http.StatusServiceUnavailable)
	cancel()
	_ = response.Body.Close()
	require.NoError(t, f.pages.Close(t.Context()))
	b.get("/m/events?page=status").is(http.StatusServiceUnavailable)
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Config{})
	require.ErrorContains(t, err, "is required")
}
