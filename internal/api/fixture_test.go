package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/guard"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy/policyfile"
	"github.com/verigate/verigate/workflows/realname"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The canaries: what no log, problem or answer may ever hold.
const (
	canaryName   = "欧阳娜娜"
	canaryNumber = "110101199003074514"
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

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

func (c *clock) advance(d time.Duration) { c.set(c.now().Add(d)) }

// faultyStore is the real store with a switch.
type faultyStore struct {
	*sqlstore.Store
	mu   sync.Mutex
	down map[string]bool // by method
}

func (f *faultyStore) broken(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down[method] || f.down["*"] {
		return store.ErrUnavailable
	}
	return nil
}

func (f *faultyStore) set(method string, down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down[method] = down
}

func (f *faultyStore) Facts(ctx context.Context, id string) (store.Facts, error) {
	if err := f.broken("Facts"); err != nil {
		return store.Facts{}, err
	}
	return f.Store.Facts(ctx, id)
}

func (f *faultyStore) Ping(ctx context.Context) error {
	if err := f.broken("Ping"); err != nil {
		return err
	}
	return f.Store.Ping(ctx)
}

func (f *faultyStore) Key(ctx context.Context, id string) (store.Key, error) {
	if err := f.broken("Key"); err != nil {
		return store.Key{}, err
	}
	return f.Store.Key(ctx, id)
}

func (f *faultyStore) FinishRequest(ctx context.Context, key string, r store.SavedResponse) error {
	if err := f.broken("FinishRequest"); err != nil {
		return err
	}
	return f.Store.FinishRequest(ctx, key, r)
}

func (f *faultyStore) PutAccounts(ctx context.Context, puts []store.PutAccount, allowChange bool) ([]store.PutOutcome, error) {
	if err := f.broken("PutAccounts"); err != nil {
		return nil, err
	}
	return f.Store.PutAccounts(ctx, puts, allowChange)
}

// countingVault counts what lies in the vault.
type countingVault struct {
	vault.Vault
	mu   sync.Mutex
	refs map[string]string // by reference: the account
}

func (v *countingVault) Delete(ctx context.Context, accountID, ref string) error {
	v.mu.Lock()
	delete(v.refs, ref)
	v.mu.Unlock()
	return v.Vault.Delete(ctx, accountID, ref)
}

func (v *countingVault) PutText(ctx context.Context, accountID string, kind vault.Kind, text string) (string, error) {
	ref, err := v.Vault.PutText(ctx, accountID, kind, text)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs[ref] = accountID
	return ref, err
}

func (v *countingVault) PutSubject(ctx context.Context, accountID string, s realname.Subject) (lifecycle.Identity, error) {
	identity, err := v.Vault.PutSubject(ctx, accountID, s)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs[identity.Ref] = accountID
	return identity, err
}

func (v *countingVault) kept() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var refs []string
	for ref := range v.refs {
		refs = append(refs, ref)
	}
	return refs
}

type launcher struct {
	mu  sync.Mutex
	url string
	err error
}

func (l *launcher) Launch(_ context.Context, _ string, a lifecycle.Attempt) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.url + "?certify_id=" + a.ProviderRef, l.err
}

// logs collects what was logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fixture struct {
	t        testing.TB
	clock    *clock
	store    *faultyStore
	vault    *countingVault
	engine   *apitest.Engine
	sweeps   *apitest.Sweeps
	launcher *launcher
	runs     *apitest.Runs
	gate     *gate.Gate
	tokens   *api.Tokens
	webhooks *notify.Webhooks
	api      *api.Server
	server   *httptest.Server
	logs     *logs
	key      string // with every scope but admin
}

func beijing(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone(t))
	require.NoError(t, err)
	return at
}

func zone(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return z
}

// newFixture starts the API over the real store and vault, with the founding policy, at an instant in Beijing.
func newFixture(t testing.TB, now string, change ...func(*api.Config)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, clock: &clock{at: beijing(t, now)}, launcher: &launcher{url: "https://provider.example/certify"}, logs: &logs{}, runs: apitest.NewRuns(),
	}
	logger := slog.New(slog.NewJSONHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db := sqlstoretest.Open(t, sqlstoretest.WithNow(f.clock.now))
	f.store = &faultyStore{Store: db, down: map[string]bool{}}
	f.vault = &countingVault{Vault: vaulttest.Over(t, db.VaultRecords()), refs: map[string]string{}}
	f.engine = &apitest.Engine{Store: db, Now: f.clock.now, Limits: lifecycle.DefaultLimits()}
	f.sweeps = apitest.NewSweeps(db, f.clock.now)
	var err error
	f.gate, err = gate.New(gate.Config{
		Store: f.store, Now: f.clock.now, Logger: logger, ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}},
	})
	require.NoError(t, err)
	f.server = httptest.NewUnstartedServer(nil)
	base := "http://" + f.server.Listener.Addr().String()
	f.tokens, err = api.NewTokens(base, make([]byte, 32))
	require.NoError(t, err)
	f.webhooks = notify.NewWebhooks(db, vaulttest.Over(t, db.VaultRecords()), guard.New(guard.Config{}).Check)
	cfg := api.Config{
		Store: f.store, Vault: f.vault, Gate: f.gate, Engine: f.engine, Sweeps: f.sweeps, Launcher: f.launcher, Tokens: f.tokens, Webhooks: f.webhooks, Now: f.clock.now,
		Reminders: f.runs, Payloads: opener{}, Logger: logger, PromptLink: func(id string) string { return "https://portal.example/" + id },
	}
	for _, set := range change {
		set(&cfg)
	}
	f.api, err = api.New(cfg)
	require.NoError(t, err)
	f.server.Config.Handler = f.api
	f.server.Start()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, f.api.Close(ctx))
		f.server.Close()
		f.server.Client().CloseIdleConnections()
		require.NoError(t, f.gate.Close(ctx))
	})
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	require.NoError(t, f.store.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: text, EffectiveFrom: beijing(t, "2020-10-01 00:00:00"), Author: "test",
	}))
	rule, err := policyfile.Parse(text)
	require.NoError(t, err)
	f.engine.Correction = rule.Correction
	var scopes []api.Scope
	for _, s := range api.Scopes() {
		if s != api.Admin {
			scopes = append(scopes, s)
		}
	}
	f.key = f.newKey(scopes...)
	return f
}

func (f *fixture) newKey(scopes ...api.Scope) string {
	f.t.Helper()
	secret, key, err := api.NewKey("test", scopes)
	require.NoError(f.t, err)
	key.CreatedAt = f.clock.now()
	require.NoError(f.t, f.store.PutKey(f.t.Context(), key))
	return secret
}

// answer is one HTTP answer.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// json returns the body as an object.
func (a answer) json() map[string]any {
	a.t.Helper()
	var v map[string]any
	require.NoError(a.t, json.Unmarshal(a.body, &v), "%s", a.body)
	return v
}

// is checks the status and returns the body.
func (a answer) is(status int) map[string]any {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a.json()
}

// problem checks status and code.
func (a answer) problem(status int, code api.Code) map[string]any {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"))
	p := a.json()
	require.Equal(a.t, string(code), p["code"])
	require.InEpsilon(a.t, float64(status), p["status"], 0.001)
	require.NotEmpty(a.t, p["title"])
	require.NotEmpty(a.t, p["detail"])
	return p
}

// field returns the fault of a field.
func field(t testing.TB, problem map[string]any, name string) map[string]any {
	t.Helper()
	list, ok := problem["errors"].([]any)
	require.True(t, ok, "%v", problem)
	for _, e := range list {
		if fault, ok := e.(map[string]any); ok && fault["field"] == name {
			require.NotEmpty(t, fault["message"])
			return fault
		}
	}
	require.Fail(t, "no fault of the field", "%s in %v", name, problem)
	return nil
}

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }

func as(key string) option { return header("Authorization", "Bearer "+key) }

func idempotent(key string) option { return header("Idempotency-Key", key) }

func (f *fixture) do(method, path string, body any, options ...option) answer {
	f.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case io.Reader:
		reader = b
	default:
		text, err := json.Marshal(b)
		require.NoError(f.t, err)
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+path, reader)
	require.NoError(f.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+f.key)
	for _, o := range options {
		o(r)
	}
	client := *f.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	require.NoError(f.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return answer{f.t, response.StatusCode, response.Header, content}
}

func (f *fixture) get(path string, options ...option) answer {
	f.t.Helper()
	return f.do(http.MethodGet, path, nil, options...)
}

func (f *fixture) post(path string, body any, options ...option) answer {
	f.t.Helper()
	return f.do(http.MethodPost, path, body, options...)
}

type object = map[string]any

func (f *fixture) account(id string) {
	f.t.Helper()
	f.do(http.MethodPut, "/v1/accounts/"+id, object{
		"kind": "individual", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00",
	}).is(http.StatusCreated)
}

func realName() object {
	return object{
		"name": canaryName, "document": object{"type": "cn_id", "number": canaryNumber}, "risk_notice_version": "2020-11",
	}
}

func consent() object {
	return object{"consent": object{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true}, "provide": object{"text_version": "provide-2026-12", "agreed": true}}
}

// approved brings an account to where face verification can start.
func (f *fixture) approved(id string) {
	f.t.Helper()
	f.account(id)
	f.post("/v1/accounts/"+id+"/verification/submit", realName()).is(http.StatusOK)
	f.post("/v1/reviews/"+id, object{"decision": "approve"}).is(http.StatusOK)
}

// qr starts face verification and returns the status.
func (f *fixture) qr(id string) object {
	f.t.Helper()
	status := f.post("/v1/accounts/"+id+"/verification/start-face", consent()).is(http.StatusOK)
	require.Equal(f.t, "qr_issued", status["state"])
	return status
}

// clear forgets what was kept so far.
func (v *countingVault) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs = map[string]string{}
}

// keeper remembers the answers that were saved.
type keeper struct {
	api.Store
	mu    sync.Mutex
	saved []store.SavedResponse
}

func (k *keeper) FinishRequest(ctx context.Context, key string, r store.SavedResponse) error {
	k.mu.Lock()
	k.saved = append(k.saved, r)
	k.mu.Unlock()
	return k.Store.FinishRequest(ctx, key, r)
}

// over is the same world with another server over another view of the store.
func (f *fixture) over(s api.Store) *fixture {
	f.t.Helper()
	next := *f
	var err error
	next.api, err = api.New(api.Config{
		Store: s, Vault: f.vault, Gate: f.gate, Engine: f.engine, Sweeps: f.sweeps, Launcher: f.launcher, Tokens: f.tokens, Webhooks: f.webhooks, Now: f.clock.now,
		Reminders: f.runs, Payloads: opener{}, Logger: slog.New(slog.NewJSONHandler(f.logs, nil)),
	})
	require.NoError(f.t, err)
	next.server = httptest.NewServer(next.api)
	f.t.Cleanup(func() {
		require.NoError(f.t, next.api.Close(context.WithoutCancel(f.t.Context())))
		next.server.Close()
		next.server.Client().CloseIdleConnections()
	})
	return &next
}
