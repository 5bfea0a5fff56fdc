package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/freeport"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

const patience = time.Minute

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func demoOptions(t *testing.T, d DemoDir, offset time.Duration) Options {
	t.Helper()
	c, err := d.Config("127.0.0.1:0")
	require.NoError(t, err)
	clock, err := d.Clock(func() time.Duration { return offset })
	require.NoError(t, err)
	keys, err := d.SimulatorKeys()
	require.NoError(t, err)
	return Options{Config: c, Clock: clock, API: true, Logger: quiet(), EngineLogger: quiet(), Version: "test", SimulatorKeys: keys}
}

func newDemoDir(t *testing.T) DemoDir {
	t.Helper()
	d, release, err := CreateDemoDir(t.TempDir(), false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, release()) })
	return d
}

// withoutEngine starts every part but engine and worker.
func withoutEngine(t *testing.T) *App {
	t.Helper()
	o := demoOptions(t, newDemoDir(t), 0)
	a := &App{config: o.Config, clock: o.Clock, log: o.Logger, simulator: o.SimulatorKeys, failed: make(chan error, 4)}
	a.engine = temporal.NewEngine(nil, nil, temporal.Waits{})
	require.NoError(t, a.listen())
	links, err := a.prepareLinks(true)
	require.NoError(t, err)
	require.NoError(t, a.startWatching(t.Context()))
	require.NoError(t, a.startStore(t.Context()))
	require.NoError(t, a.startProvider(t.Context()))
	require.NoError(t, a.startGate())
	require.NoError(t, a.startWebhooks(true))
	require.NoError(t, a.startWatch(false))
	require.NoError(t, a.startAPI(links))
	return a
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}).Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

// TestStopLeavesNothingRunning is not parallel: it counts goroutines.
func TestStopLeavesNothingRunning(t *testing.T) { //nolint:paralleltest // counts goroutines
	before := goleak.IgnoreCurrent()
	a := withoutEngine(t)
	status, _ := fetch(t, a.API+"/healthz")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, a.seed(t.Context()))
	require.NoError(t, a.seed(t.Context()), "a restart finds everything in place")
	lines, err := a.Describe(t.Context())
	require.NoError(t, err)
	require.Len(t, lines, len(Samples()))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, a.Stop(ctx))
	goleak.VerifyNone(t, before)
	_, err = net.Dial("tcp", strings.TrimPrefix(a.API, "http://"))
	require.Error(t, err, "the port is free again")
}

// TestLoggedRoutesAreTheServedOnes: the log says which route was asked, and no id.
func TestLoggedRoutesAreTheServedOnes(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.Background())) }()
	status, body := fetch(t, a.API+"/openapi.json")
	require.Equal(t, http.StatusOK, status)
	var spec struct{ Paths map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &spec))
	require.NotEmpty(t, spec.Paths)
	known := a.watch.routes
	braces := regexp.MustCompile(`\{[a-z_]+\}`)
	for path := range spec.Paths {
		require.Equal(t, braces.ReplaceAllString(path, "{}"), known.Of(braces.ReplaceAllString(path, "x!")), path)
	}
	for _, path := range []string{"/m/terms", "/admin/accounts", "/metrics"} {
		require.Equal(t, path, known.Of(path))
	}
}

// TestDemonstration starts everything, with the engine, twice on the same data.
func TestDemonstration(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	d := newDemoDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var first DemoKeys
	for range 2 {
		o := demoOptions(t, d, TimelineOffset())
		a, keys, err := StartDemo(ctx, d, o)
		require.NoError(t, err)
		status, body := fetch(t, a.API+"/readyz")
		require.Equal(t, http.StatusOK, status, body)
		lines, err := a.Describe(ctx)
		require.NoError(t, err)
		require.Contains(t, strings.Join(lines, "\n"), "sample-old")
		if first == (DemoKeys{}) {
			first = keys
			require.NotContains(t, []string{keys.API, keys.Reviewer}, keys.Operator, "two persons publish")
			require.True(t, a.Now().Before(EnforcedFrom()), "the timeline begins before the date")
			answer, err := a.Decide(ctx, "sample-old", "create_label")
			require.NoError(t, err)
			require.Equal(t, policy.Allow, answer.Effect)
		}
		require.Equal(t, first, keys, "a restart keeps the keys")
		require.NoError(t, a.Stop(ctx))
	}
}

func TestATakenPortStopsTheStart(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.Background())) }()
	o := demoOptions(t, newDemoDir(t), 0)
	o.Config.HTTP.Listen = strings.TrimPrefix(a.API, "http://")
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, "http.listen")
}

func TestMissingSecretsStopTheStart(t *testing.T) {
	t.Parallel()
	o := demoOptions(t, newDemoDir(t), 0)
	o.Config.Secrets.LinkKeys = o.Config.Provider.Alipay.PublicKey
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, "secrets.link_keys")
}

func TestTheRulesAreThoseOfTheTests(t *testing.T) {
	t.Parallel()
	for name, text := range map[string][]byte{"wishpost-2020.yaml": foundingRule, "registration-2020.yaml": registrationRule} {
		want, err := os.ReadFile("../../testdata/policies/" + name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(text))
		_, err = policyfile.Parse(text)
		require.NoError(t, err)
	}
	for i, p := range sampleAccounts() {
		require.Equal(t, Samples()[i].ID, p.Account.ID)
	}
}

func TestStackStopsEverythingInReverse(t *testing.T) {
	t.Parallel()
	var s stack
	var order []string
	broken := errors.New("broken")
	for _, name := range []string{"a", "b", "c"} {
		s.push(name, func(context.Context) error {
			order = append(order, name)
			if name == "b" {
				return broken
			}
			return nil
		})
	}
	err := s.stop(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "stop b")
	require.Equal(t, []string{"c", "b", "a"}, order)
	require.NoError(t, s.stop(t.Context()), "twice stops nothing twice")
	require.Len(t, order, 3)
}

func TestWithinGivesUpWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	hang := make(chan struct{})
	defer close(hang)
	require.ErrorIs(t, within(ctx, func() { <-hang }), context.Canceled)
	require.NoError(t, within(t.Context(), func() {}))
}

func TestReadyFileIsPrivateAndWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready.json")
	require.NoError(t, WriteReady(path, map[string]string{"api": "x"}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half-written is left beside it")
	require.Error(t, WriteReady(filepath.Join(path, "no", "such"), 1))
}

// TestDecisionsStartWithoutEngine: an API process that starts while Temporal and the key service are away decides, and says
// what it lacks.
func TestDecisionsStartWithoutEngine(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	var temporal, keys int
	release, err := freeport.Hold(&temporal, &keys) // nobody answers there
	require.NoError(t, err)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o := demoOptions(t, newDemoDir(t), 0)
	o.Config.Worker.InProcess = false
	o.Config.Temporal.Mode, o.Config.Temporal.Address = config.Remote, fmt.Sprint("127.0.0.1:", temporal)
	o.Config.Vault.KEK = config.KEKTransit
	o.Config.Vault.Transit = config.Transit{
		Address: fmt.Sprint("http://127.0.0.1:", keys), Mount: "transit", Key: "k", Token: o.Config.Secrets.VaultKeyset, Timeout: 100 * time.Millisecond,
	}
	release() // what listens and does not accept would be waited for
	a, err := Start(ctx, o)
	require.NoError(t, err)
	status, body := fetch(t, a.API+"/readyz")
	require.Equal(t, http.StatusOK, status, body)
	require.JSONEq(t, `{"status":"degraded","parts":["engine","vault"]}`, body)
	require.NoError(t, a.seed(ctx))
	answer, err := a.Decide(ctx, "sample-old", "create_label")
	require.NoError(t, err)
	require.Equal(t, policy.Block, answer.Effect)
	require.NoError(t, a.Stop(ctx))

	o.Config.Worker.InProcess = true
	_, err = Start(ctx, o)
	require.ErrorContains(t, err, "start engine", "a worker has nothing to do without")
}
