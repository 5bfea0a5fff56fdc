package access_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/access"
	"github.com/verigate/verigate/internal/access/oidctest"
	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	idle  = 30 * time.Minute
	life  = 12 * time.Hour
	right = "correct horse battery staple"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// log keeps audit entries.
type log struct {
	mu  sync.Mutex
	all []store.AuditEntry
}

func (l *log) AppendAudit(_ context.Context, e store.AuditEntry) (store.AuditEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
	return e, nil
}

// said are the entries as text: action, outcome, actor, subject.
func (l *log) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, e := range l.all {
		all = append(all, strings.Join([]string{e.Action, e.Outcome, e.Actor, e.Subject}, " "))
	}
	return all
}

// world is the sign-in over a real store, with the admin pages around it and nothing behind them.
type world struct {
	t        *testing.T
	clock    *clock
	store    *sqlstore.Store
	hasher   *password.Hasher
	audit    *log
	provider *oidctest.Provider
	service  *access.Service
	pages    *admin.Server
}

// cheap are parameters for tests that do not speak of the cost.
func cheap() password.Parameters { return password.Parameters{Memory: 64, Passes: 1, Threads: 1} }

func newWorld(t *testing.T, change ...func(*access.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}, audit: &log{}, hasher: password.NewHasher(cheap())}
	w.store = sqlstoretest.Open(t, sqlstoretest.WithNow(w.clock.now))
	w.serve(change...)
	return w
}

// serve begins anew on the same store.
func (w *world) serve(change ...func(*access.Config)) {
	w.t.Helper()
	cfg := access.Config{
		Store: w.store, Hasher: w.hasher, Now: w.clock.now, Logger: slog.New(slog.DiscardHandler), Idle: idle, Life: life, HTTPS: true,
		Passwords: true, Audit: w.audit,
	}
	for _, set := range change {
		set(&cfg)
	}
	var err error
	w.service, err = access.New(cfg)
	require.NoError(w.t, err)
	w.pages, err = admin.New(admin.Config{
		API: http.NotFoundHandler(), Sessions: w.service, Entrance: w.service, Now: w.clock.now, Logger: cfg.Logger, HTTPS: true,
	})
	require.NoError(w.t, err)
}

// add lets somebody sign in with the right password.
func (w *world) add(login string, role api.Role) store.Operator {
	w.t.Helper()
	hash, err := w.hasher.Hash(w.t.Context(), right)
	require.NoError(w.t, err)
	o := people.New(login, "Name of "+login, string(role), hash, "test", w.clock.now())
	require.NoError(w.t, w.store.AddOperator(w.t.Context(), o))
	return o
}

func (w *world) change(o store.Operator, c store.OperatorChange) {
	w.t.Helper()
	c.At = w.clock.now()
	_, _, err := w.store.ChangeOperator(w.t.Context(), o.ID, c)
	require.NoError(w.t, err)
}

// browser keeps cookies, as one browser does.
type browser struct {
	*world
	address string
	cookies map[string]string
}

func (w *world) browser(address string) *browser {
	return &browser{w, address + ":40000", map[string]string{}}
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, "https://verigate.example"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.address
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // what a browser sends has a name and a value alone
	}
	return r
}

// do sends a request and takes the cookies of the answer.
func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		require.True(b.t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode && c.Path == "/" && c.Domain == "", "%v", c)
		require.True(b.t, strings.HasPrefix(c.Name, "__Host-"), c.Name)
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *browser) post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(b.request(http.MethodPost, path, form))
}

func (b *browser) signIn(login, given string) *httptest.ResponseRecorder {
	return b.post("/admin/sign-in", "username", login, "password", given)
}

const cookieName = "__Host-verigate_admin"

// person is who is signed in, by an act of theirs.
func (b *browser) person() (admin.Person, error) {
	return b.service.Person(b.t.Context(), b.request(http.MethodGet, "/admin/", nil), false)
}

func (b *browser) in(role api.Role) {
	b.t.Helper()
	p, err := b.person()
	require.NoError(b.t, err)
	require.Equal(b.t, role, p.Role)
}

func (b *browser) out() {
	b.t.Helper()
	_, err := b.person()
	require.ErrorIs(b.t, err, admin.ErrSignedOut)
}
