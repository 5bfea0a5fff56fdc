package api_test

import (
	"bytes"
	"errors"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// path returns the path of an address of the server.
func (f *fixture) path(address any) string {
	f.t.Helper()
	path, ok := strings.CutPrefix(address.(string), f.server.URL)
	require.True(f.t, ok, "%v", address)
	return path
}

func (f *fixture) state(id string) any {
	f.t.Helper()
	return f.get("/v1/accounts/" + id + "/verification").is(http.StatusOK)["state"]
}

// isPage checks that a page is one, in both languages, and may run and load nothing.
func (a answer) isPage(status int, words string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	require.Equal(a.t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(a.t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(a.t, "no-referrer", a.header.Get("Referrer-Policy"))
	policy := a.header.Get("Content-Security-Policy")
	require.Contains(a.t, policy, "default-src 'none'")
	require.Contains(a.t, policy, "frame-ancestors 'none'")
	require.NotContains(a.t, policy, "unsafe")
	if len(a.body) > 0 {
		require.Contains(a.t, string(a.body), words)
		require.NotContains(a.t, string(a.body), "<script")
		require.NotContains(a.t, string(a.body), "http://")
	}
}

func TestScanLink(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	link := f.path(f.qr("a1")["qr"].(object)["url"])

	for range 3 { // it may be opened again
		got := f.get(link, as(""))
		require.Equal(t, http.StatusFound, got.status)
		require.True(t, strings.HasPrefix(got.header.Get("Location"), "https://provider.example/certify?certify_id=p-"))
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))
		require.Equal(t, "scanned", f.state("a1"))
	}
	scans := 0
	for _, c := range f.engine.Seen() {
		if c == "scan" {
			scans++
		}
	}
	require.Equal(t, 1, scans, "marked once")

	f.clock.advance(10 * time.Minute)
	f.get(link, as("")).isPage(http.StatusGone, "二维码已失效")
}

func TestLookingAheadMarksNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	link := f.path(f.qr("a1")["qr"].(object)["url"])
	f.do(http.MethodHead, link, nil).isPage(http.StatusOK, "")
	for name, value := range map[string]string{"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch", "X-Purpose": "preview"} {
		got := f.get(link, header(name, value))
		got.isPage(http.StatusServiceUnavailable, "手机")
		require.Empty(t, got.header.Get("Location"))
	}
	require.Equal(t, "qr_issued", f.state("a1"))
	require.Equal(t, http.StatusFound, f.get(link).status)
}

func TestScanGoesOnWithoutTheEngine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	link := f.path(f.qr("a1")["qr"].(object)["url"])
	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrEngineUnavailable })
	require.Equal(t, http.StatusFound, f.get(link).status)
	f.engine.Set(func(e *apitest.Engine) { e.Failing = nil })
	f.launcher.err = api.ErrProviderUnavailable
	f.get(link).problem(http.StatusServiceUnavailable, api.CodeProviderUnavailable)
	f.launcher.err, f.launcher.url = nil, "javascript:alert(1)//"
	f.get(link).problem(http.StatusInternalServerError, api.CodeInternal)
}

func TestALeaseThatIsNoLongerShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	old := f.path(f.qr("a1")["qr"].(object)["url"])
	f.clock.advance(time.Minute)
	renewed := f.path(f.qr("a1")["qr"].(object)["url"])
	f.get(old).isPage(http.StatusGone, "二维码已失效")
	require.Equal(t, http.StatusFound, f.get(renewed).status)
	require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Pass))
	f.get(renewed).isPage(http.StatusGone, "二维码已失效")
}

// TestTokensCannotBeMade: guesses, changed bits, tokens of another purpose, keys of another server.
func TestTokensCannotBeMade(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.FailureRate = api.Rate{PerSecond: 1e6, Burst: 1e6}; c.LinkRate = c.FailureRate })
	f.approved("a1")
	qr := f.qr("a1")["qr"].(object)
	scan, picture := f.path(qr["url"]), f.path(qr["png"])
	token := strings.TrimPrefix(scan, "/s/")
	require.Len(t, token, 43)
	for i := range token {
		replacement := "A"
		if token[i] == 'A' {
			replacement = "B"
		}
		f.get("/s/"+token[:i]+replacement+token[i+1:]).isPage(http.StatusNotFound, "链接无效")
	}
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	impostor, err := api.NewTokens(f.server.URL, bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	stranger := f.tokens.ScanURL(uuid.NewString())
	for name, path := range map[string]string{
		"of the picture":     "/s/" + strings.TrimSuffix(strings.TrimPrefix(picture, "/qr/"), ".png"),
		"of the return":      "/s/" + strings.TrimPrefix(f.path(f.tokens.ReturnURL(head.Lease.AttemptID)), "/r/"),
		"of another key":     f.path(impostor.ScanURL(head.Lease.ID)),
		"of no lease":        f.path(stranger),
		"short":              "/s/AAAA",
		"padded":             scan + "=",
		"scan as a return":   "/r/" + token,
		"an attempt unknown": f.path(f.tokens.ReturnURL(uuid.NewString())),
		"scan as a picture":  "/qr/" + token + ".png",
	} {
		got := f.get(path)
		require.Equal(t, http.StatusNotFound, got.status, name)
	}
	require.Equal(t, "qr_issued", f.state("a1"))
	require.Empty(t, f.tokens.ScanURL("no uuid"))
}

func TestTokenKeysRotate(t *testing.T) {
	t.Parallel()
	first, second := make([]byte, 32), bytes.Repeat([]byte{2}, 32)
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	link := f.path(f.qr("a1")["qr"].(object)["url"])
	rotated, err := api.NewTokens(f.server.URL, second, first)
	require.NoError(t, err)
	f.tokens = rotated
	g := f.over(f.store)
	require.Equal(t, http.StatusFound, g.get(link).status, "an older key still opens")
	only, err := api.NewTokens(f.server.URL, second)
	require.NoError(t, err)
	f.tokens = only
	require.Equal(t, http.StatusNotFound, f.over(f.store).get(link).status)
}

func TestBadLinksAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.FailureRate = api.Rate{PerSecond: 1, Burst: 3}
		c.LinkRate = api.Rate{PerSecond: 1, Burst: 6}
	})
	f.approved("a1")
	link := f.path(f.qr("a1")["qr"].(object)["url"])
	for range 3 {
		require.Equal(t, http.StatusNotFound, f.get("/s/guess").status)
	}
	f.get("/s/guess", header("X-Forwarded-For", "192.0.2.1")).problem(http.StatusTooManyRequests, api.CodeRateLimited)
	require.Equal(t, http.StatusFound, f.get(link).status, "a good link goes on")
	require.Equal(t, http.StatusFound, f.get(link).status)
	f.get(link).problem(http.StatusTooManyRequests, api.CodeRateLimited)
}

func TestPicture(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		content api.QRContent
		want    func(object) string
	}{
		{api.QRScanLink, func(qr object) string { return qr["url"].(string) }},
		{api.QRProviderURL, func(object) string { return "https://provider.example/certify?certify_id=p-" }},
	} {
		t.Run(string(c.content), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, "2020-12-05 10:00:00", func(cfg *api.Config) { cfg.QRContent = c.content })
			f.approved("a1")
			qr := f.qr("a1")["qr"].(object)
			got := f.get(f.path(qr["png"]), as(""))
			require.Equal(t, http.StatusOK, got.status)
			require.Equal(t, "image/png", got.header.Get("Content-Type"))
			picture, err := png.Decode(bytes.NewReader(got.body))
			require.NoError(t, err)
			require.GreaterOrEqual(t, picture.Bounds().Dx(), 220)
			for i := range 4 * 8 { // the quiet zone: four modules of eight pixels
				for j := range picture.Bounds().Dx() {
					r, _, _, _ := picture.At(j, i).RGBA()
					require.Equal(t, uint32(0xffff), r)
				}
			}
			bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
			require.NoError(t, err)
			read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(read.GetText(), c.want(qr)), read.GetText())
			require.Equal(t, "M", read.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL])
			require.Equal(t, "qr_issued", f.state("a1"), "looking at the picture is no scan")

			f.get(strings.TrimSuffix(f.path(qr["png"]), ".png")).problem(http.StatusNotFound, api.CodeNotFound)
			f.clock.advance(10 * time.Minute)
			require.Equal(t, http.StatusGone, f.get(f.path(qr["png"])).status)
		})
	}
}

func TestReturnPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.qr("a1")
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	attempt := head.Attempts[0].ID
	link := f.path(f.tokens.ReturnURL(attempt))

	f.do(http.MethodHead, link, nil).isPage(http.StatusOK, "")
	f.get(link, header("Sec-Purpose", "prefetch")).isPage(http.StatusOK, "手机")
	at, err := f.store.Returned(t.Context(), attempt)
	require.NoError(t, err)
	require.True(t, at.IsZero(), "looking ahead is no return")

	f.get(link, as("")).isPage(http.StatusOK, "请返回认证页面")
	at, err = f.store.Returned(t.Context(), attempt)
	require.NoError(t, err)
	require.True(t, f.clock.now().Equal(at))
	require.Equal(t, "qr_issued", f.state("a1"), "a return is no result")
	require.NotContains(t, f.engine.Seen(), "refresh", "whoever waits for the result has seen the hint")
}

// TestReturnAsksTheProvider: the lease has ended and nobody waits for the result any more.
func TestReturnAsksTheProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.qr("a1")
	require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Fail))
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	link := f.path(f.tokens.ReturnURL(head.Attempts[0].ID))
	page := f.get(link)
	page.isPage(http.StatusOK, "请返回认证页面")
	require.NoError(t, f.api.Close(t.Context())) // waits for what goes on in the background
	require.Contains(t, f.engine.Seen(), "refresh")

	f.engine.Set(func(e *apitest.Engine) { e.Failing = errors.New("down") })
	require.Equal(t, string(page.body), string(f.get(link).body), "always the same page")
}
