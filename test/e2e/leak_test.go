package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

// Every demonstration of this package logs at debug level, and when it has ended its log, database, write-ahead logs and
// engine files are searched for canaries, as are its metrics before that; every answer of the API, every page of the phone
// and every webhook message is searched where it arrives. So each flow of the package, and each fault, looks for leaks.
// The tests here go where no other flow does: information in places where none belongs, the merchants' pages, the admin
// pages, exports and the command line. And they prove that what is searched holds what it should.

// visitor is a browser with cookies that follows no redirect, and searches what it gets.
type visitor struct {
	t    testing.TB
	d    *demo
	http *http.Client
}

func (d *demo) visitor(t testing.TB) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := web(t)
	client.Jar = jar
	return visitor{t, d, client}
}

// visit fetches a page, and searches its header and text unless it shows personal data to whom they belong or who may see
// them: there they have to be found.
func (v visitor) visit(method, address string, form url.Values, shows bool) (status int, header http.Header, text string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	if strings.HasPrefix(address, "/") {
		address = v.d.ready.API + address
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	require.NoError(v.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := v.http.Do(req)
	require.NoError(v.t, err)
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	for _, c := range res.Cookies() {
		if len(c.Value) >= 20 {
			v.d.planted.Store(fmt.Sprintf("cookie %s %d", c.Name, v.d.made.Add(1)), c.Value)
		}
	}
	require.Empty(v.t, leaks(headerText(res.Header), canaries()), "personal data in the header of %s %s", method, req.URL.Path)
	if shows {
		require.NotEmpty(v.t, leaks(all, canaries()), "%s %s shows what it is asked for", method, req.URL.Path)
		require.Contains(v.t, res.Header.Get("Cache-Control"), "no-store")
	} else {
		require.Empty(v.t, leaks(all, canaries()), "personal data on %s %s", method, req.URL.Path)
	}
	return res.StatusCode, res.Header, string(all)
}

func (v visitor) page(path string) string {
	v.t.Helper()
	status, header, text := v.visit(http.MethodGet, path, nil, false)
	require.Equal(v.t, http.StatusOK, status, "%s leads to %s", path, header.Get("Location"))
	return text
}

func (v visitor) send(path, to string, pairs ...string) {
	v.t.Helper()
	status, header, text := v.visit(http.MethodPost, path, fields(pairs...), false)
	require.Equal(v.t, http.StatusSeeOther, status, "%s: %s", path, text)
	require.Equal(v.t, to, header.Get("Location"))
}

func fields(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// hidden reads a hidden field of a page.
func hidden(t testing.TB, text, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(text)
	require.NotNil(t, m, "the page has no field %s", name)
	return m[1]
}

// TestNothingLeaks goes through one demonstration with names, numbers and secrets that are found nowhere else.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	hook := newReceiver(t)
	d.addWebhook(t, hook.server.URL)
	a := d.account(t)
	misplaced(a)
	merchantPages(a)
	approved := d.account(t)
	approved.submit("approved")
	adminPages(t, d, a, approved)
	a.exported()
	eventually(t, patience, "the webhook was told", func() bool { return hook.distinct() > 0 })
	d.stop(t)
	d.requireTraces(t, a.id)
}

// misplaced sends a name and a number wherever a mistaken caller could put them. What is refused is not repeated, in no
// answer and in no log.
func misplaced(a *account) {
	t, p, c := a.t, a.person, a.service
	escaped := url.PathEscape(p.name)
	form := func(name, number string) map[string]any {
		return map[string]any{"name": name, "document": map[string]any{"type": "cn_id", "number": number}, "risk_notice_version": "risk-1"}
	}
	submit := a.path("verification/submit")
	wrong := string([]byte{p.number[17] ^ 1})
	if wrong == "Y" {
		wrong = "0"
	}
	for name, r := range map[string]request{
		"too long a name":        {method: "POST", path: submit, body: form(p.name+strings.Repeat("长", 200), p.number)},
		"a wrong check digit":    {method: "POST", path: submit, body: form(p.name, p.number[:17]+wrong)},
		"a number as the name":   {method: "POST", path: submit, body: form(p.number, p.name)},
		"another kind":           {method: "POST", path: submit, body: map[string]any{"name": p.name, "document": map[string]any{"type": p.name, "number": p.number}}},
		"cut off":                {method: "POST", path: submit, body: `{"name":"` + p.name},
		"a word too many":        {method: "POST", path: submit, body: `{"name":"` + p.name + `"} ` + p.number},
		"a list":                 {method: "POST", path: submit, body: `["` + p.name + `","` + p.number + `"]`},
		"a number without marks": {method: "POST", path: submit, body: `{"name":` + p.number[:17] + `}`},
		"not UTF-8":              {method: "POST", path: submit, body: "{\"name\":\"" + p.name + "\xff\"}"},
		"a member of that name":  {method: "POST", path: submit, body: map[string]any{p.name: p.number}},
		"twice":                  {method: "POST", path: submit, body: `{"name":"` + p.name + `","name":"` + p.name + `"}`},
		"another media type":     {method: "POST", path: submit, body: p.name, header: map[string]string{"Content-Type": "text/" + p.number}},
		"the key of a repeat":    {method: "POST", path: submit, body: form(p.name, "1"), header: map[string]string{"Idempotency-Key": p.name}},
		"a digest of a consent":  {method: "POST", path: a.path("verification/start-face"), body: map[string]any{"consent": map[string]any{"agreed": true, "text_version": p.name, "language": p.name}}},
		"the address":            {method: "GET", path: "/v1/accounts/" + escaped + "/verification"},
		"a number there":         {method: "GET", path: "/v1/accounts/" + p.number + "/verification"},
		"an unknown address":     {method: "GET", path: "/" + escaped + "/" + p.number},
		"a query":                {method: "GET", path: a.path("verification") + "?name=" + escaped + "&" + p.number + "=1"},
		"a filter":               {method: "GET", path: "/v1/verifications?state=" + escaped},
		"a cursor":               {method: "GET", path: "/v1/verifications?cursor=" + p.number},
		"a method":               {method: "PUT", path: submit, body: form(p.name, p.number)},
		"a header":               {method: "GET", path: a.path("verification"), header: map[string]string{"X-Name": p.name, "User-Agent": p.number, "Accept-Language": p.name}},
		"a key":                  {method: "GET", path: a.path("verification"), header: map[string]string{"Authorization": "Bearer " + p.number}},
		"a request id":           {method: "GET", path: a.path("verification"), header: map[string]string{"X-Request-Id": p.number, "Traceparent": "00-" + p.number}},
		"ids of a batch":         {method: "POST", path: "/v1/decisions:batch", body: map[string]any{"action": p.name, "account_ids": []string{p.name, p.number}}},
		"an import":              {method: "POST", path: "/v1/accounts:import", body: `{"account_id":"` + p.name + `","` + p.number + `":1}`, header: map[string]string{"Content-Type": "application/x-ndjson"}},
		"columns of an import":   {method: "POST", path: "/v1/accounts:import", body: "account_id," + p.name + "\nx," + p.number, header: map[string]string{"Content-Type": "text/csv"}},
		"facts":                  {method: "PUT", path: a.path(""), body: map[string]any{"kind": p.name, "region": p.number, "registered_at": p.name}},
		"an action":              {method: "POST", path: a.path("decisions"), body: map[string]any{"action": p.name, p.number: true}},
		"an address to call":     {method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "ftp://" + p.name + "/" + p.number}},
	} {
		got := c.send(r)
		switch name {
		case "a header", "a request id":
			require.Equal(t, http.StatusOK, got.status, name)
		case "an import", "columns of an import": // each line is answered
			require.Less(t, got.status, http.StatusInternalServerError, "%s: %s", name, got.body)
		default:
			require.Contains(t, []int{400, 401, 404, 405, 415, 422}, got.status, "%s: %s", name, got.body)
		}
	}
	require.Equal(t, "unverified", a.status().State)
}

// merchantPages goes by way of the hosted pages to a verified account, with every fault that a person makes on the way.
func merchantPages(a *account) {
	t, d, p := a.t, a.d, a.person
	link := ask[struct {
		ID        string `json:"link_id"`
		URL       string `json:"url"`
		ExpiresAt string `json:"expires_at"`
	}](a.service, http.StatusCreated, keyed(a.path("links"), "link", map[string]string{"purpose": "verify", "return_url": d.ready.Portal + "/dashboard"}))
	path := strings.TrimPrefix(link.URL, d.ready.API)
	d.planted.Store("link", path[strings.LastIndexByte(path, '/')+1:])
	v := d.visitor(t)
	require.Equal(t, http.StatusNotFound, first(v.visit(http.MethodGet, path[:len(path)-2]+"AA", nil, false)), "a guess")
	v.page(path)
	v.send(path, "/m/")
	status, _, _ := d.visitor(t).visit(http.MethodPost, path, url.Values{}, false)
	require.NotEqual(t, http.StatusSeeOther, status, "a link is good for one browser")
	v.send("/m/update", "/m/form", "version", hidden(t, v.page("/m/update"), "version"))
	once := v.page("/m/form")
	values := func(name, number string) url.Values {
		return fields("name", name, "number", number, "agreed", "yes", "version", hidden(t, once, "version"), "shown", "zh-CN", "once", hidden(t, once, "once"))
	}
	for _, wrong := range []url.Values{values(p.name+strings.Repeat("长", 200), p.number), values(p.name, p.number[:17]+"*"), values(p.name, "")} {
		status, _, text := v.visit(http.MethodPost, "/m/form", wrong, true)
		require.Equal(t, http.StatusUnprocessableEntity, status, "%s", text)
	}
	status, header, text := v.visit(http.MethodPost, "/m/form", values(p.name, p.number), false)
	require.Equal(t, http.StatusSeeOther, status, "%s", text)
	v.visit(http.MethodGet, header.Get("Location"), nil, false)
	a.await("approved")
	v.page("/m/")
	once = v.page("/m/terms")
	v.send("/m/terms", "/m/qr", "agreed", "yes", "version", hidden(t, once, "version"), "provided", "yes",
		"provide_version", hidden(t, once, "provide_version"), "shown", "zh-CN", "once", hidden(t, once, "once"))
	v.page("/m/qr")
	qr := *a.status().QR
	d.planted.Store("scan link", qr.URL[strings.LastIndexByte(qr.URL, '/')+1:])
	d.phone(t).finish(qr, "pass")
	a.await("verified")
	v.page("/m/")
	for _, path := range []string{"/m/state", "/m/success", "/m/nowhere-" + url.PathEscape(p.name)} {
		v.visit(http.MethodGet, path, nil, false)
	}
}

func first[A, B, C any](a A, _ B, _ C) A { return a }

// crawled is how many admin pages are looked at: enough for every kind of page, with some of each.
const crawled = 150

// adminPages looks at every page that an administrator gets to from the first one.
func adminPages(t *testing.T, d *demo, accounts ...*account) {
	t.Helper()
	v := d.visitor(t)
	p := accounts[0].person
	status, _, _ := v.visit(http.MethodPost, "/admin/sign-in", fields("username", p.name, "password", p.number), true) // the name as typed
	require.Equal(t, http.StatusUnprocessableEntity, status)
	status, _, _ = v.visit(http.MethodPost, "/admin/sign-in", fields("username", "admin", "password", d.ready.AdminPassword), false)
	require.Equal(t, http.StatusSeeOther, status)
	queue := []string{"/admin/"}
	for _, a := range accounts {
		queue = append(queue, "/admin/accounts/"+a.id, "/admin/accounts/"+a.id+"/log.ndjson", "/admin/accounts/"+a.id+"/export",
			"/admin/accounts/"+a.id+"/export?format=html")
	}
	queue = append(queue, "/admin/accounts?q="+url.QueryEscape(p.number), "/admin/accounts.csv", "/admin/accounts.ndjson", "/admin/audit/export")
	links := regexp.MustCompile(`href="(/admin/[^"#]*)`)
	seen := map[string]bool{}
	for len(queue) > 0 && len(seen) < crawled {
		path := strings.ReplaceAll(queue[0], "&amp;", "&")
		queue = queue[1:]
		if seen[path] || strings.Contains(path, "/assets/") || strings.Contains(path, "personal=true") {
			continue
		}
		seen[path] = true
		status, _, text := v.visit(http.MethodGet, path, nil, false)
		require.Less(t, status, http.StatusInternalServerError, path)
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			queue = append(queue, m[1])
		}
	}
	require.Greater(t, len(seen), 30, "the pages lead to others")
	// The copy for the person concerned has everything, and the audit log says who took it.
	for _, format := range []string{"json", "html"} {
		status, _, _ = v.visit(http.MethodGet, "/admin/accounts/"+accounts[0].id+"/export?personal=true&format="+format, nil, true)
		require.Equal(t, http.StatusOK, status)
	}
}

// exported runs the command line.
func (a *account) exported() {
	a.t.Helper()
	d := a.d
	for _, args := range [][]string{
		{"export", "account", a.id, "--url", d.ready.API, "--key", d.ready.OperatorKey},
		{"export", "account", a.id, "--format", "html", "--url", d.ready.API, "--key", d.ready.OperatorKey},
	} {
		text := d.verigate(a.t, args...)
		require.Contains(a.t, string(text), a.id)
		require.Empty(a.t, leaks(text, canaries()), "personal data in what verigate %s printed", strings.Join(args[:3], " "))
	}
}

// requireTraces proves that the search of what a demonstration leaves looks where things are kept: the account's id is no
// secret, and stands in the database, in the engine's files and in the log; what servers keep is searched after all tests.
func (d *demo) requireTraces(t *testing.T, id string) {
	t.Helper()
	where := map[string]bool{}
	require.NoError(t, filepath.WalkDir(d.home, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := readWhole(path)
		if err == nil && strings.Contains(string(data), id) {
			name, _ := filepath.Rel(d.home, path)
			where[strings.SplitN(strings.TrimPrefix(filepath.ToSlash(name), "data/"), "/", 2)[0]] = true
		}
		return err
	}))
	sinks := []string{"verigate.db", "engine", "verigate.log"}
	if clustertest.On() {
		sinks = []string{"verigate.log"}
		require.True(t, stands(t, pgtest.Files(t), id), "the databases hold no trace of the account")
	}
	for _, sink := range sinks {
		require.True(t, where[sink], "%s holds no trace of the account: %v", sink, where)
	}
	text, err := readWhole(d.path("data/verigate.log"))
	require.NoError(t, err)
	require.Contains(t, string(text), "DEBUG", "the log is not written at debug level")
}
