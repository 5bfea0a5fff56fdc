package portal

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/fixturetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is one request that the service got.
type asked struct {
	method, uri, path, key, auth string
	body                         map[string]string
}

// service plays Verigate: it answers from a table by method and path.
type service struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string]reply
	drops   int // requests that get no answer
	asked   []asked
}

type reply struct {
	status int
	body   string
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{answers: map[string]reply{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	in := asked{method: r.Method, uri: r.RequestURI, path: r.URL.Path, key: r.Header.Get("Idempotency-Key"), auth: r.Header.Get("Authorization")}
	_ = json.Unmarshal(text, &in.body)
	s.mu.Lock()
	s.asked = append(s.asked, in)
	drop := s.drops > 0
	if drop {
		s.drops--
	}
	at := ""
	if in.body["at"] != "" {
		at = " at"
	}
	answer, ok := s.answers[r.Method+" "+r.URL.Path+at]
	s.mu.Unlock()
	if drop {
		panic(http.ErrAbortHandler)
	}
	if !ok {
		answer = reply{http.StatusNotFound, `{"status":404,"code":"account_not_found"}`}
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func (s *service) answer(request string, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[request] = reply{status, body}
}

func (s *service) drop(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops = n
}

func (s *service) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.asked...)
}

const (
	blockedLabel = `{"action":"create_label","effect":"block","reason":"enforced","at":"2020-12-05T00:00:00+08:00",` +
		`"required_step":"submit","receipt":"rcp-1","message":{"en":"It is blocked.","zh-CN":"已被限制。"}}`
	allowedLabel = `{"action":"create_label","effect":"allow","reason":"verified","at":"2020-12-05T00:00:00+08:00",` +
		`"required_step":null,"receipt":"rcp-2","message":{"en":"Go on.","zh-CN":"可以。"}}`
	quietLogin  = `{"decision":{"action":"login","effect":"allow","at":"2020-12-01T12:00:00+08:00"},"prompt":{"show":false,"level":null,"message":null}}`
	promptLogin = `{"decision":{"action":"login","effect":"prompt","at":"2020-12-01T12:00:00+08:00"},` +
		`"prompt":{"show":true,"number":3,"level":"warning","deadline":"2020-12-04T00:00:00+08:00","days_left":3,` +
		`"message":{"en":"Please <b>verify</b>.","zh-CN":"请认证。"},"link":null,"later":"kept"}}`
)

// shop is an account "shop" that has nothing to be prompted for.
func (s *service) shop() {
	s.answer("POST /v1/accounts/shop/logins", 200, quietLogin)
	s.answer("GET /v1/accounts/shop", 200, `{"account_id":"shop","verification":{"state":"approved","turn":"merchant"}}`)
}

// rig is the portal with a service behind it and a browser before it.
type rig struct {
	t       *testing.T
	service *service
	portal  *httptest.Server
	browser *http.Client
	now     *fixturetest.Clock
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, service: newService(t), now: fixturetest.NewClock(time.Date(2020, 12, 1, 4, 0, 0, 0, time.UTC))}
	r.service.shop()
	toService := &http.Transport{}
	r.portal = httptest.NewUnstartedServer(nil)
	p, err := New(Config{
		Client: &Client{BaseURL: r.service.URL, Key: "key", HTTP: &http.Client{Transport: toService}},
		URL:    "http://" + r.portal.Listener.Addr().String(), Now: r.now.Now, Logger: slog.New(slog.DiscardHandler),
		Accounts: []Sample{{ID: "shop", Show: Message{En: "a shop", ZhCN: "一家店铺"}}},
	})
	require.NoError(t, err)
	r.portal.Config.Handler = p
	r.portal.Start()
	r.browser = r.newBrowser()
	t.Cleanup(func() {
		r.portal.Close()
		toService.CloseIdleConnections()
	})
	return r
}

// newBrowser keeps cookies and follows no redirect by itself.
func (r *rig) newBrowser() *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(r.t, err)
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

type page struct {
	*http.Response
	text string
}

func (r *rig) do(req *http.Request) page {
	r.t.Helper()
	resp, err := r.browser.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return page{resp, string(text)}
}

func (r *rig) request(method, path string, form url.Values, header ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.portal.URL+path, strings.NewReader(form.Encode()))
	require.NoError(r.t, err)
	req.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (r *rig) get(path string, header ...string) page {
	r.t.Helper()
	return r.do(r.request(http.MethodGet, path, nil, header...))
}

func (r *rig) post(path string, form url.Values, header ...string) page {
	r.t.Helper()
	return r.do(r.request(http.MethodPost, path, form, header...))
}

// press posts, and opens what the answer leads to.
func (r *rig) press(path string, form url.Values) page {
	r.t.Helper()
	p := r.post(path, form)
	require.Equal(r.t, http.StatusSeeOther, p.StatusCode, p.text)
	return r.get(p.Header.Get("Location"))
}

func (r *rig) signIn(account string) page {
	r.t.Helper()
	return r.press("/login", url.Values{"account": {account}})
}
