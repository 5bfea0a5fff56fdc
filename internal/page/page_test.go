package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/page"
)

func catalogues(t *testing.T, files fstest.MapFS) *page.Catalogues {
	t.Helper()
	c, err := page.NewCatalogues(files, "m", "/x/", true)
	require.NoError(t, err)
	return c
}

func sample() fstest.MapFS {
	return fstest.MapFS{
		"m/zh-CN.json":   {Data: []byte(`{"hello":"{name}你好"}`)},
		"m/en/a.json":    {Data: []byte(`{"hello":"hello {name}"}`)},
		"m/en/b.json":    {Data: []byte(`{"day.one":"{n} day","day.other":"{n} days"}`)},
		"m/other/c.json": {Data: []byte(`{"hello":"another"}`)},
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	c := catalogues(t, sample())
	en := c.Named(page.English)
	text, err := en.Text("hello", "name", "Ada")
	require.NoError(t, err)
	require.Equal(t, "hello Ada", text)
	one, err := en.Count("day", 1)
	require.NoError(t, err)
	two, err := en.Count("day", 2)
	require.NoError(t, err)
	require.Equal(t, "1 day 2 days", one+" "+two)
	_, err = en.Text("no.such")
	require.Error(t, err)
	require.Nil(t, c.Named("fr"))
}

func TestOneKeyInTwoFiles(t *testing.T) {
	t.Parallel()
	files := sample()
	files["m/en/c.json"] = &fstest.MapFile{Data: []byte(`{"hello":"again"}`)}
	_, err := page.NewCatalogues(files, "m", "/x/", true)
	require.ErrorContains(t, err, `"hello"`)
}

func TestChoiceOfLanguage(t *testing.T) {
	t.Parallel()
	c := catalogues(t, sample())
	for accept, want := range map[string]string{
		"": "zh-CN", "en-GB,en;q=0.8": "en", "zh-TW": "zh-CN", "fr": "zh-CN", strings.Repeat("e", 300): "zh-CN",
	} {
		r := httptest.NewRequest(http.MethodGet, "/x/", nil)
		r.Header.Set("Accept-Language", accept)
		require.Equal(t, want, c.Of(r).Tag(), accept)
	}
	w := httptest.NewRecorder()
	form := url.Values{"lang": {"en"}, "back": {"/x/list?state=verified"}}
	r := httptest.NewRequest(http.MethodPost, "/x/lang", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.Switch(w, r, "/x/")
	require.Equal(t, "/x/list?state=verified", w.Header().Get("Location"))
	cookie := w.Result().Cookies()[0]
	require.True(t, cookie.Secure && cookie.HttpOnly && cookie.Path == "/x/")
	again := httptest.NewRequest(http.MethodGet, "/x/", nil)
	again.AddCookie(cookie)
	require.Equal(t, "en", c.Of(again).Tag())
}

func TestOwnPathLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"/x/", "/x", "/x/a/b", "/x/a?next=%2F%2Fevil.example&state=b"} {
		require.Equal(t, good, page.OwnPath(good, "/x/", "/x/home"))
	}
	for _, bad := range []string{
		"", "//evil.example", "https://evil.example/x/", "/y", "/xy", "/x/../y", "/x//evil", `/x/\evil`, "/x/a\nb", "/x/" + strings.Repeat("a", 1100),
	} {
		require.Equal(t, "/x/home", page.OwnPath(bad, "/x/", "/x/home"), bad)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	files, err := page.NewFiles(fstest.MapFS{"f/a.css": {Data: []byte("p{}")}}, "f", "/x/files/")
	require.NoError(t, err)
	address, err := files.Address("a.css")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /x/files/{file}", files.Serve)
	for where, kept := range map[string]bool{address: true, "/x/files/a.css": false, "/x/files/a.css?v=old": false} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, where, nil))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, kept, strings.Contains(w.Header().Get("Cache-Control"), "immutable"), where)
		require.Equal(t, "text/css; charset=utf-8", w.Header().Get("Content-Type"))
	}
	_, err = files.Address("b.css")
	require.Error(t, err)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	templates, err := page.NewTemplates(fstest.MapFS{
		"p/layout.html":    {Data: []byte(`{{define "layout"}}<p>{{block "content" .}}{{end}}</p>{{end}}`)},
		"p/box.part.html":  {Data: []byte(`{{define "box"}}[{{.}}]{{end}}`)},
		"p/first.html":     {Data: []byte(`{{define "content"}}{{template "box" .}}{{end}}`)},
		"p/second.html":    {Data: []byte(`{{define "content"}}{{.NoSuchField}}{{end}}`)},
		"p/elsewhere.text": {Data: []byte(`{{`)},
	}, "p", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"first", "second"}, templates.Names())
	content, err := templates.Draw("first", "<b>")
	require.NoError(t, err)
	require.Equal(t, "<p>[&lt;b&gt;]</p>", string(content))
	_, err = templates.Draw("second", "x")
	require.Error(t, err)
	_, err = templates.Draw("third", nil)
	require.Error(t, err)
}
