package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face/alipay/alipaysim"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/temporal/cluster"
	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

// fleet is what a platform runs: two API processes behind a balancer and two workers, on a PostgreSQL server and a Temporal
// cluster that wants certificates and whose history service has two processes. Alipay is a simulator that speaks TLS, in the process of the test.
type fleet struct {
	*demo    // no process, but what accounts and keys belong to
	balancer *balancer
	postgres *pgserver.Server
	temporal *clustertest.Cluster
	config   string
	nodes    map[string]*demo // API and worker processes by name
	alipay   *httptest.Server
}

// Nodes of a fleet.
const (
	apiNode    = "api"
	workerNode = "worker"
)

func nodeNames() []string { return []string{"api-0", "api-1", "worker-0", "worker-1"} }

// startFleet starts everything, with the founding rule published.
func startFleet(t *testing.T) *fleet {
	t.Helper()
	bin := binary(t, binEnv)
	f := &fleet{
		demo: &demo{bin: bin, home: t.TempDir()}, balancer: newBalancer(t), nodes: map[string]*demo{},
	}
	var err error
	f.postgres, err = pgserver.Start(t.Context(), pgserver.Careful())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.postgres.Stop()) })
	f.temporal, err = clustertest.Start(t, cluster.Config{
		Postgres: f.postgres, MutualTLS: new(time.Now()),
		Processes: []string{cluster.Frontend, cluster.History, cluster.History, cluster.Matching, cluster.Worker},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.temporal.Close()) })
	f.configure(t)
	f.verigate(t, "migrate", "--config", f.config)
	f.ready.API = f.balancer.URL
	f.ready.APIKey = f.newKey(t, f.config, "accounts:write,decisions:read,verifications:read,verifications:write,policies:write,audit:read")
	f.ready.ReviewerKey = f.newKey(t, f.config, "reviews:write,verifications:read,policies:approve,sweeps:write,audit:read")
	for _, name := range nodeNames() {
		f.nodes[name] = &demo{bin: bin, home: f.path(name), env: []string{
			"VERIGATE_LOG_LEVEL=debug", "SSL_CERT_FILE=" + f.path("alipay.pem"),
		}}
		require.NoError(t, os.Mkdir(f.path(name), 0o700))
		t.Cleanup(func() { f.nodes[name].leave(t) })
	}
	for _, name := range nodeNames() {
		f.start(t, name)
	}
	f.balancer.before(t, f.nodes["api-0"].ready.API, f.nodes["api-1"].ready.API)
	first := f.account(t)
	f.publish(t, first, "../../testdata/policies/wishpost-2020.yaml")
	watchSweep(f.reviewer(t), first.id, math.MaxInt, func(found int) bool { return found > 0 }) // what is in force at once is announced
	return f
}

// configure writes the configuration that all processes share.
func (f *fleet) configure(t *testing.T) {
	t.Helper()
	for _, name := range []string{"verigate", "verigate_keys"} {
		require.NoError(t, f.postgres.Exec(t.Context(), "postgres", "CREATE DATABASE "+name))
	}
	f.config = f.settings(t, "fleet", f.postgres.URL("verigate"), f.postgres.URL("verigate_keys"))
	text, err := os.ReadFile(f.config)
	require.NoError(t, err)
	c := map[string]map[string]any{}
	require.NoError(t, json.Unmarshal(text, &c))
	shown := f.temporal.Certificates()
	c["temporal"] = map[string]any{
		"mode": "remote", "address": f.temporal.Address(), "namespace": "verigate",
		"tls": true, "tls_ca_file": shown.CA, "tls_cert_file": shown.Cert, "tls_key_file": shown.Key,
	}
	c["worker"] = map[string]any{"in_process": false}
	c["http"] = map[string]any{"public_url": f.balancer.URL, "trusted_proxies": []string{"127.0.0.0/8"}, "drain": "2s"}
	c["rates"] = map[string]any{"per_account": 100, "per_account_burst": 1000, "per_address": 1000, "per_address_burst": 10000}
	c["provider"] = map[string]any{"kind": "alipay", "alipay": f.startAlipay(t)}
	text, err = json.Marshal(c)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.config, text, 0o600))
}

// startAlipay starts the simulator and returns the contract with it.
func (f *fleet) startAlipay(t *testing.T) map[string]any {
	t.Helper()
	keys, err := alipaysim.GenerateKeys()
	require.NoError(t, err)
	sim, err := alipaysim.New(alipaysim.Config{
		AppID: "2021000000000001", AppPublicKey: &keys.App.PublicKey, GatewayKey: keys.Gateway, Now: time.Now,
	})
	require.NoError(t, err)
	f.alipay = httptest.NewTLSServer(sim)
	t.Cleanup(func() { f.alipay.Close(); sim.Close() })
	f.ready.Alipay = f.alipay.URL
	f.roots = x509.NewCertPool()
	f.roots.AddCert(f.alipay.Certificate())
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.alipay.Certificate().Raw})
	require.NoError(t, os.WriteFile(f.path("alipay.pem"), authority, 0o600))
	private, err := alipaysim.EncodePrivateKey(keys.App)
	require.NoError(t, err)
	public, err := alipaysim.EncodePublicKey(&keys.Gateway.PublicKey)
	require.NoError(t, err)
	secrets := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "app"), []byte(private), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "gateway"), []byte(public), 0o600))
	return map[string]any{
		"gateway": f.alipay.URL + "/gateway.do", "app_id": "2021000000000001", "rate_per_second": 1000, "burst": 1000,
		"private_key": "file:" + filepath.Join(secrets, "app"), "public_key": "file:" + filepath.Join(secrets, "gateway"),
	}
}

// start starts a node, on the address that it had.
func (f *fleet) start(t *testing.T, name string) {
	t.Helper()
	if strings.HasPrefix(name, apiNode) {
		f.nodes[name].serve(t, f.config)
		return
	}
	f.nodes[name].runUntilReady(t, workerNode, "--config", f.config)
}

// casualty is something of a fleet that dies, and how it comes back.
type casualty struct {
	name          string
	kill, restart func(t *testing.T)
	alone         bool // nobody does its work in the meantime
}

func (f *fleet) casualties() (all []casualty) {
	for _, name := range nodeNames() {
		all = append(all, casualty{
			name:    name,
			kill:    func(t *testing.T) { f.nodes[name].kill(t) },
			restart: func(t *testing.T) { f.start(t, name) },
		})
	}
	for _, name := range f.temporal.Names() {
		all = append(all, casualty{
			name:    "temporal " + name,
			kill:    func(t *testing.T) { require.NoError(t, f.temporal.Kill(name)) },
			restart: func(t *testing.T) { require.NoError(t, f.temporal.Restart(name)) },
			alone:   !strings.HasPrefix(name, cluster.History),
		})
	}
	return append(all, casualty{
		name:    "postgres",
		kill:    func(t *testing.T) { require.NoError(t, f.postgres.Kill()) },
		restart: func(t *testing.T) { require.NoError(t, f.postgres.Restart(t.Context())) },
		alone:   true,
	})
}

// course takes an account from its first login to success, as often told to come again as it may be.
func (a *account) course() {
	a.t.Helper()
	require.Equal(a.t, 1, *a.login("first").Prompt.Number)
	a.requireGate("block", "enforced")
	a.command("submit", a.person.form())
	a.reach("approved")
	require.Equal(a.t, 2, *a.login("second").Prompt.Number)
	qr := a.qr(a.command("start-face", consent()))
	a.d.phone(a.t).finish(qr, "pass")
	eventually(a.t, patience, "verified", func() bool {
		// The merchant presses the button: left alone, a page whose worker died stands still for the heartbeat timeout.
		return a.command("refresh", map[string]any{}).State == "verified"
	})
	a.requireGate("allow", "verified")
}

// reach looks until the account is in a state.
func (a *account) reach(state string) {
	a.t.Helper()
	eventually(a.t, patience, state, func() bool { return a.status().State == state })
}

// TestFleetLosesNothing kills everything that a fleet consists of, one after the other, while merchants verify and a sweep
// runs.
func TestFleetLosesNothing(t *testing.T) {
	t.Parallel()
	moment := newMoments(t)
	f := startFleet(t)
	covered := coveredLines("swept-", swept)
	f.service(t).importLines(t, covered...)
	startSweep(f.reviewer(t))
	f.patient = true
	var everybody []*account
	for _, c := range f.casualties() {
		accounts := []*account{f.account(t), f.account(t), f.account(t)}
		everybody = append(everybody, accounts...)
		given := f.balancer.answers.Load()
		var courses sync.WaitGroup
		for _, a := range accounts {
			courses.Go(func() { a.course() })
		}
		after := int64(moment.upTo(25))
		eventually(t, patience, "traffic", func() bool { return f.balancer.answers.Load() >= given+after })
		c.kill(t)
		t.Logf("%s killed after %d answers", c.name, after)
		if c.alone {
			c.restart(t)
			courses.Wait()
		} else {
			courses.Wait()
			c.restart(t)
		}
	}
	f.requireWhole(t, everybody)
	requireRestricted(t, f.demo, idsOf(covered), awaitSweeps(t, f.reviewer(t)))
}

// TestFleetRestartsUnnoticed restarts every process of ours in good order while merchants verify: nobody is even told to
// come again.
func TestFleetRestartsUnnoticed(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	var everybody []*account
	for _, name := range nodeNames() {
		accounts := []*account{f.account(t), f.account(t)}
		everybody = append(everybody, accounts...)
		given := f.balancer.answers.Load()
		var courses sync.WaitGroup
		for _, a := range accounts {
			courses.Go(func() { a.course() })
		}
		eventually(t, patience, "traffic", func() bool { return f.balancer.answers.Load() >= given+5 })
		f.nodes[name].stop(t)
		f.start(t, name)
		courses.Wait()
	}
	require.Zero(t, f.balancer.refused.Load(), "requests that nobody answered; the last because of: %v", f.balancer.fault.Load())
	f.requireWhole(t, everybody)
}

// requireWhole: every command was done once, every log is the fold that stores and workflows tell, and reconcile finds
// nothing to do.
func (f *fleet) requireWhole(t *testing.T, accounts []*account) {
	t.Helper()
	for _, a := range accounts {
		log := a.settled()
		for _, once := range []string{"submit", "approve", "pass"} {
			require.Equal(t, 1, count(log, once), "%s: %s", a.id, once)
		}
		require.Equal(t, 2, count(log, "prompt"), a.id)
	}
	require.Regexp(t, `^[0-9]+ agreed, 0 begun again, 0 ended, 0 failed\n$`, string(f.verigate(t, "reconcile", "--config", f.config)))
}

// trusting is web with certificates of a test.
func trusting(t testing.TB, roots *x509.CertPool) *http.Client {
	t.Helper()
	c := web(t)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return c
}
