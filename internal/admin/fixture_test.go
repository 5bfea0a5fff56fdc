package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/admin"
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
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// asHeader names the role of a test's request: the sessions of tests believe it.
const asHeader = "X-Test-Role"

type sessions struct{ everybody api.Role }

func (s sessions) Person(_ context.Context, r *http.Request, _ bool) (admin.Person, error) {
	role := api.Role(r.Header.Get(asHeader))
	if role == "" {
		role = s.everybody
	}
	if role == "" {
		return admin.Person{}, admin.ErrSignedOut
	}
	id, _, _ := strings.Cut(string(role), "/") // "reviewer/2" is another reviewer
	return admin.Person{ID: "test-" + strings.ReplaceAll(string(role), "/", "-"), Name: "Anna " + id, Role: api.Role(id)}, nil
}

// world is the admin pages over the real API, store and vault, with the founding rule.
type world struct {
	t      testing.TB
	clock  *clock
	store  *sqlstore.Store
	vault  vault.Vault
	gate   *gate.Gate
	engine *apitest.Engine
	sweeps *apitest.Sweeps
	runs   *apitest.Runs
	api    *api.Server
	config api.Config // of api
	admin  *admin.Server
	rule   *policy.Policy
}

// mirror opens payloads by doing nothing.
type mirror struct{}

func (mirror) Open(text []byte) ([]byte, error) { return text, nil }

type nowhere struct{}

func (nowhere) Launch(context.Context, string, lifecycle.Attempt) (string, error) {
	return "https://provider.example/certify", nil
}

func newWorld(t testing.TB, now string, change ...func(*admin.Config)) *world {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", now, lifecycle.Beijing())
	require.NoError(t, err)
	w := &world{t: t, clock: &clock{at: at}, runs: apitest.NewRuns()}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.store = sqlstoretest.Open(t, sqlstoretest.WithNow(w.clock.now))
	w.vault = vaulttest.Over(t, w.store.VaultRecords())
	w.engine = &apitest.Engine{Store: w.store, Now: w.clock.now, Limits: lifecycle.DefaultLimits()}
	w.sweeps = apitest.NewSweeps(w.store, w.clock.now)
	w.gate, err = gate.New(gate.Config{Store: w.store, Now: w.clock.now, Logger: log, ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}}})
	require.NoError(t, err)
	tokens, err := api.NewTokens("https://verigate.example", make([]byte, 32))
	require.NoError(t, err)
	w.config = api.Config{
		Store: w.store, Vault: w.vault, Gate: w.gate, Engine: w.engine, Sweeps: w.sweeps, Reminders: w.runs, Launcher: nowhere{}, Tokens: tokens, Payloads: mirror{},
		Webhooks: notify.NewWebhooks(w.store, vaulttest.Over(t, w.store.VaultRecords()), guard.New(guard.Config{}).Check), Now: w.clock.now, Logger: log,
	}
	w.api, err = api.New(w.config)
	require.NoError(t, err)
	cfg := admin.Config{API: w.api, Sessions: &sessions{}, Now: w.clock.now, Logger: log}
	for _, set := range change {
		set(&cfg)
	}
	w.admin, err = admin.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, w.api.Close(ctx))
		require.NoError(t, w.gate.Close(ctx))
	})
	w.publish("../../testdata/policies/wishpost-2020.yaml")
	return w
}

func (w *world) publish(path string) {
	w.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(w.t, err)
	w.rule, err = policyfile.Parse(text)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.PublishPolicy(w.t.Context(), store.PublishedPolicy{
		Name: w.rule.Name, Version: w.rule.Version, Text: text, EffectiveFrom: w.clock.now().AddDate(-10, 0, 0), Author: "test", Note: "founding rule",
	}))
}

// account registers a covered account.
func (w *world) account(id string) {
	w.t.Helper()
	_, _, err := w.store.PutAccount(w.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: time.Date(2020, 11, 1, 9, 0, 0, 0, lifecycle.Beijing())},
		Actor:   lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "test"},
	}, false)
	require.NoError(w.t, err)
}

// answer is what a request got.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// is expects a status and returns the body.
func (a answer) is(status int) string {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a.body
}

// leads expects a redirect.
func (a answer) leads(to string) {
	a.t.Helper()
	require.Equal(a.t, http.StatusSeeOther, a.status, "%s", a.body)
	require.Equal(a.t, to, a.header.Get("Location"))
}

func (w *world) send(r *http.Request) answer {
	w.t.Helper()
	recorded := httptest.NewRecorder()
	w.admin.ServeHTTP(recorded, r)
	body, err := io.ReadAll(recorded.Result().Body)
	require.NoError(w.t, err)
	return answer{w.t, recorded.Code, recorded.Header(), string(body)}
}

// get asks for a page as somebody of a role, in English.
func (w *world) get(role api.Role, path string) answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set(asHeader, string(role))
	r.Header.Set("Accept-Language", "en")
	return w.send(r)
}

// post sends a form; pairs are names and values.
func (w *world) post(role api.Role, path string, pairs ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set(asHeader, string(role))
	r.Header.Set("Accept-Language", "en")
	return w.send(r)
}

var oncePattern = regexp.MustCompile(`name="once" value="([^"]+)"`)

// once is the number of the command in a page's first form.
func once(t testing.TB, body string) string {
	t.Helper()
	m := oncePattern.FindStringSubmatch(body)
	require.NotNil(t, m, "%s", body)
	return m[1]
}
