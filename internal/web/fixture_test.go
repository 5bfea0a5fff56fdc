package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/internal/web"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The canaries: what no log and no page may hold once it is saved.
const (
	canaryName   = "欧阳娜娜"
	canaryNumber = "110101199003074514"
)

// faultyStore is the real store with a switch.
type faultyStore struct {
	*sqlstore.Store
	mu   sync.Mutex
	down bool
}

func (f *faultyStore) set(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *faultyStore) Head(ctx context.Context, id string) (lifecycle.Verification, error) {
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down {
		return lifecycle.Verification{}, store.ErrUnavailable
	}
	return f.Store.Head(ctx, id)
}

// countingVault knows what lies in the vault.
type countingVault struct {
	vault.Vault
	mu   sync.Mutex
	refs map[string]bool
}

func (v *countingVault) PutSubject(ctx context.Context, id string, s realname.Subject) (lifecycle.Identity, error) {
	identity, err := v.Vault.PutSubject(ctx, id, s)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs[identity.Ref] = true
	return identity, err
}

func (v *countingVault) PutText(ctx context.Context, id string, kind vault.Kind, text string) (string, error) {
	ref, err := v.Vault.PutText(ctx, id, kind, text)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs[ref] = true
	return ref, err
}

func (v *countingVault) Delete(ctx context.Context, id, ref string) error {
	v.mu.Lock()
	delete(v.refs, ref)
	v.mu.Unlock()
	return v.Vault.Delete(ctx, id, ref)
}

func (v *countingVault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.refs)
}

type launcher struct{ err error }

func (l *launcher) Open(_ context.Context, _ string, a lifecycle.Attempt) (web.Launch, error) {
	page := "https://provider.example/certify?id=" + a.ProviderRef
	return web.Launch{QR: page, App: "alipays://platformapi/startapp?appId=20000067&url=" + url.QueryEscape(page)}, l.err
}

type rules struct{ right policy.Correction }

func (r *rules) Correction(context.Context, string, time.Time) (policy.Correction, error) {
	return r.right, nil
}

type fixture struct {
	t        testing.TB
	clock    *fixturetest.Clock
	store    *faultyStore
	vault    *countingVault
	engine   *engine
	launcher *launcher
	rules    *rules
	tokens   *api.Tokens
	pages    *web.Server
	server   *httptest.Server
	logs     *fixturetest.Buffer
}

func newFixture(t testing.TB, change ...func(*web.Config)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, clock: fixturetest.NewClock(time.Date(2020, 12, 5, 10, 0, 0, 0, lifecycle.Beijing())), launcher: &launcher{}, rules: &rules{}, logs: &fixturetest.Buffer{},
	}
	db := sqlstoretest.Open(t, sqlstoretest.WithNow(f.clock.Now))
	f.store = &faultyStore{Store: db}
	f.vault = &countingVault{Vault: vaulttest.Over(t, db.VaultRecords()), refs: map[string]bool{}}
	f.engine = &engine{store: db, now: f.clock.Now, limits: lifecycle.DefaultLimits()}
	f.server = httptest.NewUnstartedServer(nil)
	var err error
	f.tokens, err = api.NewTokens("http://"+f.server.Listener.Addr().String(), make([]byte, 32))
	require.NoError(t, err)
	cfg := web.Config{
		Store: f.store, Vault: f.vault, Engine: f.engine, Links: f.tokens, Launcher: f.launcher, Rules: f.rules, Now: f.clock.Now,
		Logger:   slog.New(slog.NewJSONHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Operator: web.Operator{NameZh: "示例平台", NameEn: "Example Platform", Contact: "privacy@platform.example"},
	}
	for _, c := range change {
		c(&cfg)
	}
	f.pages, err = web.New(cfg)
	require.NoError(t, err)
	f.server.Config.Handler = f.pages
	f.server.Start()
	t.Cleanup(func() {
		require.NoError(t, f.pages.Close(context.WithoutCancel(t.Context())))
		f.server.Close()
		f.server.Client().CloseIdleConnections()
		if t.Failed() {
			t.Log(f.logs.String())
		}
		require.NotContains(t, f.logs.String(), canaryName)
		require.NotContains(t, f.logs.String(), canaryNumber)
	})
	return f
}

func (f *fixture) register(id string) {
	f.t.Helper()
	_, _, err := f.store.PutAccount(f.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: f.clock.Now().AddDate(-1, 0, 0)},
		Actor:   lifecycle.Actor{Kind: lifecycle.ActorOperator},
	}, false)
	require.NoError(f.t, err)
}

// link returns the path of a new one-time link.
func (f *fixture) link(account string) string {
	f.t.Helper()
	l, err := f.store.PutLink(f.t.Context(), store.Link{
		ID: uuid.NewString(), AccountID: account, Purpose: "verify", ReturnURL: "https://shop.example/back", CreatedBy: "key-1",
		CreatedAt: f.clock.Now(), ExpiresAt: f.clock.Now().Add(10 * time.Minute),
	})
	require.NoError(f.t, err)
	return strings.TrimPrefix(f.tokens.LinkURL(l.ID), f.server.URL)
}

// browser is a client with cookies that follows no redirect by itself.
type browser struct {
	*fixture
	cookies map[string]*http.Cookie
	header  http.Header
}

func (f *fixture) browser() *browser {
	return &browser{f, map[string]*http.Cookie{}, http.Header{}}
}

// enter registers an account, if need be, and opens a link to it.
func (f *fixture) enter(account string) *browser {
	f.t.Helper()
	f.register(account)
	b := f.browser()
	b.post(f.link(account), nil).leads("/m/")
	return b
}

type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, path string, form url.Values, change ...func(*http.Request)) answer {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, body)
	require.NoError(b.t, err)
	for k, v := range b.header {
		r.Header[k] = v
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	for _, c := range change {
		c(r)
	}
	client := *b.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	for _, c := range response.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return answer{b.t, response.StatusCode, response.Header, string(text)}
}

func (b *browser) get(path string, change ...func(*http.Request)) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, change...)
}

func (b *browser) post(path string, form url.Values, change ...func(*http.Request)) answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, form, change...)
}

// is checks status and the headers that every page has, and returns the body.
func (a answer) is(status int) string {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a.body
}

func (a answer) leads(to string) {
	a.t.Helper()
	require.Equal(a.t, http.StatusSeeOther, a.status, "%s", a.body)
	require.Equal(a.t, to, a.header.Get("Location"))
}

var oncePattern = regexp.MustCompile(`name="once" value="([^"]+)"`)

// once is the number of the command on a page.
func once(t testing.TB, page string) string {
	t.Helper()
	m := oncePattern.FindStringSubmatch(page)
	require.NotNil(t, m, "%s", page)
	return m[1]
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// ticked is the form of the terms with both ticks.
func ticked(pairs ...string) url.Values {
	return form(append(pairs, "agreed", "yes", "version", consent.Current(lifecycle.ConsentFace), "shown", "zh-CN",
		"provided", "yes", "provide_version", consent.Current(lifecycle.ConsentProvide))...)
}

// given is the form of real-name information with its tick.
func given(pairs ...string) url.Values {
	return form(append(pairs, "agreed", "yes", "version", consent.Current(lifecycle.ConsentIdentity), "shown", "zh-CN")...)
}

// submit gives real-name information by way of the pages.
func (b *browser) submit() {
	b.t.Helper()
	b.post("/m/update", form("version", web.NoticeVersion)).leads("/m/form")
	number := once(b.t, b.get("/m/form").is(http.StatusOK))
	b.post("/m/form", given("name", canaryName, "number", canaryNumber, "once", number)).leads("/m/review")
}

func (b *browser) agree() {
	b.t.Helper()
	number := once(b.t, b.get("/m/terms").is(http.StatusOK))
	b.post("/m/terms", ticked("once", number)).leads("/m/qr")
}

// happens is something that others do.
func (f *fixture) happens(account string, event lifecycle.Event, change ...func(*lifecycle.Change)) {
	f.t.Helper()
	c := lifecycle.Change{Event: event, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}
	v, err := f.store.Head(f.t.Context(), account)
	require.NoError(f.t, err)
	if n := len(v.Attempts); n > 0 {
		c.Detail.AttemptID = v.Attempts[n-1].ID
		c.Detail.Evidence = &lifecycle.Evidence{Provider: "test", At: f.clock.Now()}
	}
	if v.Lease != nil {
		c.Detail.LeaseID = v.Lease.ID
	}
	for _, set := range change {
		set(&c)
	}
	_, err = f.engine.event(f.t.Context(), account, uuid.NewString(), c)
	require.NoError(f.t, err)
}

func because(reason string) func(*lifecycle.Change) {
	return func(c *lifecycle.Change) { c.Reason = reason }
}

var errOther = errors.New("something else")

// reach brings an account into a state, by the pages where the merchant acts.
func (f *fixture) reach(account string, state lifecycle.State) *browser {
	f.t.Helper()
	b := f.enter(account)
	path := map[lifecycle.State][]func(){}
	submit := func() { b.submit() }
	begin := func() { f.happens(account, lifecycle.BeginReview) }
	approve := func() { f.happens(account, lifecycle.Approve) }
	start := func() { b.agree() }
	fail := func() { f.happens(account, lifecycle.Fail, because("face_not_passed")) }
	path[lifecycle.Unverified] = nil
	path[lifecycle.Submitted] = []func(){submit}
	path[lifecycle.UnderReview] = []func(){submit, begin}
	path[lifecycle.Rejected] = []func(){submit, begin, func() { f.happens(account, lifecycle.Reject, because("name_unusual")) }}
	path[lifecycle.Approved] = []func(){submit, begin, approve}
	path[lifecycle.QRIssued] = slices.Concat(path[lifecycle.Approved], []func(){start})
	path[lifecycle.Scanned] = slices.Concat(path[lifecycle.QRIssued], []func(){func() { f.happens(account, lifecycle.Scan) }})
	path[lifecycle.Verified] = slices.Concat(path[lifecycle.QRIssued], []func(){func() { f.happens(account, lifecycle.Pass) }})
	path[lifecycle.FaceFailed] = slices.Concat(path[lifecycle.QRIssued], []func(){fail})
	path[lifecycle.Locked] = slices.Concat(path[lifecycle.FaceFailed], []func(){start, fail, start, fail, start, fail, start, fail})
	path[lifecycle.ManualReview] = slices.Concat(path[lifecycle.Approved], []func(){func() {
		number := once(f.t, b.get("/m/alternative").is(http.StatusOK))
		b.post("/m/alternative", form("once", number)).leads("/m/manual")
		b.post("/m/pictures", form("agreed", "yes", "version", consent.Current(lifecycle.ConsentPictures))).leads("/m/evidence")
	}})
	for _, step := range path[state] {
		step()
	}
	v, err := f.store.Head(f.t.Context(), account)
	require.NoError(f.t, err)
	require.Equal(f.t, state, v.State)
	return b
}
