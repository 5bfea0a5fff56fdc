package alipaysim

import (
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *bench) pagePath(t testing.TB, id, returnURL string) string {
	t.Helper()
	form := b.params(t, methodCertify, `{"certify_id":"`+id+`"}`)
	if returnURL != "" {
		form.Set("return_url", returnURL)
		b.sign(t, form)
	}
	return "/gateway.do?" + form.Encode()
}

func (b *bench) get(t testing.TB, path string) (int, http.Header, string) {
	t.Helper()
	return b.do(t, http.MethodGet, path, "", "")
}

func (b *bench) press(t testing.TB, id, action, result string) (int, string) {
	t.Helper()
	status, header, _ := b.do(t, http.MethodPost, "/phone/"+id+"/"+action, "application/x-www-form-urlencoded", url.Values{"result": {result}}.Encode())
	return status, header.Get("Location")
}

func (b *bench) stateOf(t testing.TB, id string) string {
	t.Helper()
	a, ok := b.sim.find(id)
	require.True(t, ok)
	return a.stateAt(b.now())
}

const back = "https://idv.example.com/r/9f1c2d3e"

func TestPhoneFlow(t *testing.T) {
	t.Parallel()
	for result, c := range map[string]struct{ location, state, passed string }{
		"pass":   {back, statePassed, "T"},
		"fail":   {back, stateFailed, "F"},
		"cancel": {back, stateCancelled, "F"},
		"close":  {"own page", stateClosed, "F"},
	} {
		t.Run(result, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			id := b.start(t, "A1", back)
			require.Equal(t, stateWaiting, b.stateOf(t, id))
			status, _, page := b.get(t, b.pagePath(t, id, ""))
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, page, "同意并认证")
			require.Contains(t, page, "取消")
			require.Contains(t, page, "关闭")
			require.Equal(t, stateOpened, b.stateOf(t, id))

			status, location := b.press(t, id, "agree", "")
			require.Equal(t, http.StatusSeeOther, status)
			require.Equal(t, "/phone/"+id, location)
			_, _, page = b.get(t, location)
			for _, button := range []string{`value="pass"`, `value="fail"`, `value="cancel"`, `value="close"`} {
				require.Contains(t, page, button)
			}

			want := c.location
			if want == "own page" {
				want = "/phone/" + id
			}
			status, location = b.press(t, id, "result", result)
			require.Equal(t, http.StatusSeeOther, status)
			require.Equal(t, want, location)
			require.Equal(t, c.state, b.stateOf(t, id))
			require.Equal(t, c.passed, b.ask(t, id)["passed"])
			status, _, page = b.get(t, "/phone/"+id)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, result != "pass", strings.Contains(page, "再试一次"))
		})
	}
}

func TestPhoneTooLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", back)
	path := b.pagePath(t, id, "")
	b.advance(23 * time.Hour)
	_, _, page := b.get(t, path)
	require.Contains(t, page, "二维码已失效")
	for _, press := range [][2]string{{"agree", ""}, {"result", "pass"}} {
		status, location := b.press(t, id, press[0], press[1])
		require.Equal(t, http.StatusSeeOther, status)
		require.Equal(t, "/phone/"+id, location, "not sent back as if something had happened")
	}
	require.Equal(t, stateExpired, b.stateOf(t, id))
}

func TestPhoneRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", "")
	good := b.pagePath(t, id, "")
	for name, c := range map[string]struct {
		path   string
		status int
	}{
		"tampered":         {strings.Replace(good, id, strings.Repeat("0", 32), 1), http.StatusBadRequest},
		"unsigned":         {"/gateway.do?method=" + methodCertify, http.StatusBadRequest},
		"API by GET":       {"/gateway.do?" + b.params(t, methodQuery, `{"certify_id":"`+id+`"}`).Encode(), http.StatusBadRequest},
		"unknown":          {b.pagePath(t, strings.Repeat("0", 32), ""), http.StatusNotFound},
		"unknown phone":    {"/phone/nobody", http.StatusNotFound},
		"hostile return":   {b.pagePath(t, id, "javascript:alert(1)"), http.StatusBadRequest},
		"repeated in form": {good + "&version=1.0", http.StatusBadRequest},
	} {
		status, _, page := b.get(t, c.path)
		require.Equal(t, c.status, status, name)
		require.Contains(t, page, "无法打开", name)
	}
	require.Equal(t, stateWaiting, b.stateOf(t, id))
	status, _ := b.press(t, id, "result", "perhaps")
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = b.press(t, "nobody", "agree", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestPreviewOpensNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", "")
	status, _, _ := b.do(t, http.MethodHead, b.pagePath(t, id, ""), "", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, stateWaiting, b.stateOf(t, id))
}

func TestReturnAddressOfThePageIsTheFallback(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	none, own := b.start(t, "A1", ""), b.start(t, "A2", back)
	for id, want := range map[string]string{none: "https://other.example.com/x", own: back} {
		b.get(t, b.pagePath(t, id, "https://other.example.com/x"))
		_, location := b.press(t, id, "result", "pass")
		require.Equal(t, want, location)
	}
}

func TestPagePolicyIsStrict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", back)
	_, header, page := b.get(t, b.pagePath(t, id, ""))
	require.Equal(t, "default-src 'none'; style-src 'self'; form-action 'self' https://idv.example.com; base-uri 'none'; frame-ancestors 'none'",
		header.Get("Content-Security-Policy"))
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	require.NotContains(t, page, canaryName)

	status, header, css := b.get(t, "/assets/phone.css")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, header.Get("Content-Type"), "text/css")
	require.Contains(t, css, ".phone")

	// Nothing inline in any template, of which the policy would block all.
	names, err := fs.Glob(assets, "assets/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		raw, err := fs.ReadFile(assets, name)
		require.NoError(t, err)
		for _, inline := range []string{"<script", "<style", "style=", "onclick", "javascript:"} {
			require.NotContains(t, string(raw), inline, name)
		}
		require.Contains(t, string(raw), `name="viewport"`, name)
		require.Contains(t, string(raw), `lang="zh-CN"`, name)
	}
}

func TestAnotherSiteCannotPress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", "")
	for _, path := range []string{"/phone/" + id + "/result", "/control/attempts/" + id} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, strings.NewReader("result=pass"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://evil.example.com")
		resp, err := b.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	}
	require.Equal(t, stateWaiting, b.stateOf(t, id))
}

func TestIndexListsNewestFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, page := b.get(t, "/")
	require.Contains(t, page, "还没有认证")
	b.start(t, "FIRST", "")
	b.start(t, "SECOND", "")
	_, _, page = b.get(t, "/")
	require.Less(t, strings.Index(page, "SECOND"), strings.Index(page, "FIRST"))
	status, _, _ := b.get(t, "/elsewhere")
	require.Equal(t, http.StatusNotFound, status)
}
