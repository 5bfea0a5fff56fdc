package alipay_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/activities/face/alipay"
	"github.com/verigate/verigate/activities/face/alipay/alipaysim"
	"github.com/verigate/verigate/activities/face/facetest"
	"github.com/verigate/verigate/internal/fixturetest"
)

const testAppID = "2021000000000001"

// testKeys are made once: RSA keys are slow to make and no test changes them.
var testKeys = sync.OnceValues(alipaysim.GenerateKeys)

func keysOf(t testing.TB) (keys alipaysim.Keys, appPrivate, gatewayPublic string) {
	t.Helper()
	keys, err := testKeys()
	require.NoError(t, err)
	appPrivate, err = alipaysim.EncodePrivateKey(keys.App)
	require.NoError(t, err)
	gatewayPublic, err = alipaysim.EncodePublicKey(&keys.Gateway.PublicKey)
	require.NoError(t, err)
	return keys, appPrivate, gatewayPublic
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "alipay", name))
	require.NoError(t, err)
	return string(raw)
}

// rig is an adapter that talks to a simulator over real HTTP.
type rig struct {
	provider *alipay.Provider
	sim      *alipaysim.Simulator
	url      string
	clock    *fixturetest.Clock
	logs     *fixturetest.Buffer
	requests *atomic.Int64
}

type rigOption func(*alipay.Config, *alipaysim.Config)

func newRig(t testing.TB, options ...rigOption) *rig {
	t.Helper()
	keys, appPrivate, gatewayPublic := keysOf(t)
	r := &rig{
		clock: fixturetest.NewClock(time.Date(2020, 12, 3, 16, 0, 0, 0, time.UTC)),
		logs:  &fixturetest.Buffer{}, requests: &atomic.Int64{},
	}
	logger := slog.New(slog.NewJSONHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := alipay.DefaultConfig()
	cfg.AllowHTTP, cfg.AppID = true, testAppID
	cfg.AppPrivateKeyPEM, cfg.AlipayPublicKeyPEM = alipay.Secret(appPrivate), gatewayPublic
	cfg.RatePerSecond, cfg.Burst = 0, 0 // the clock stands still
	simCfg := alipaysim.Config{
		AppID: testAppID, AppPublicKey: &keys.App.PublicKey, GatewayKey: keys.Gateway,
		Now: r.clock.Now, TimestampTolerance: time.Minute, RequireCharsetInURL: true, Logger: logger,
	}
	for _, o := range options {
		o(&cfg, &simCfg)
	}
	sim, err := alipaysim.New(simCfg)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		sim.ServeHTTP(w, req)
	}))
	if cfg.Gateway == alipay.ProductionGateway {
		cfg.Gateway = server.URL + "/gateway.do"
	}
	provider, err := alipay.New(cfg, alipay.Deps{Now: r.clock.Now, Logger: logger})
	require.NoError(t, err)
	t.Cleanup(func() { provider.Close(); sim.Close(); server.Close() })
	r.provider, r.sim, r.url = provider, sim, server.URL
	return r
}

func shortTimeout(cfg *alipay.Config, _ *alipaysim.Config) { cfg.Timeout = 300 * time.Millisecond }

func bodyLayout(cfg *alipay.Config, _ *alipaysim.Config) { cfg.Layout = alipay.LayoutBody }

// certMode runs both sides with certificates. The gateway's key must be the
// leaf's, so the leaf is made here.
func certMode(t testing.TB) rigOption {
	t.Helper()
	keys, _, _ := keysOf(t)
	appCert, appSN := selfSigned(t, keys.App, 11)
	gatewayCert, gatewaySN := selfSigned(t, keys.Gateway, 12)
	rootSN, err := alipay.RootCertSN(fixture(t, "root_bundle.pem"))
	require.NoError(t, err)
	return func(cfg *alipay.Config, sim *alipaysim.Config) {
		cfg.AlipayPublicKeyPEM = ""
		cfg.AppCertPEM, cfg.AlipayCertPEM, cfg.AlipayRootCertPEM = appCert, gatewayCert, fixture(t, "root_bundle.pem")
		sim.CertSN, sim.AppCertSN, sim.RootCertSN = gatewaySN, appSN, rootSN
	}
}

func (r *rig) arm(t testing.TB, kind, op string) {
	t.Helper()
	require.NoError(t, r.sim.Arm(alipaysim.Fault{Kind: kind, Op: op}))
}

func (r *rig) control() facetest.Control {
	ops := map[facetest.Op]string{facetest.Start: alipaysim.OpInitialize, facetest.Query: alipaysim.OpQuery}
	kinds := map[facetest.Fault]string{
		facetest.Unavailable: alipaysim.FaultBusy20000, facetest.Limited: alipaysim.FaultLimited40005,
		facetest.Misconfigured: alipaysim.FaultForbidden, facetest.Unheard: alipaysim.FaultNewSubCode,
		facetest.SubjectRefused: alipaysim.FaultFormatError, facetest.Forged: alipaysim.FaultWrongSign,
		facetest.AnswerLost: alipaysim.FaultDidItButCut,
	}
	return facetest.Control{
		Pass:    func(t testing.TB, ref face.Ref) { require.NoError(t, r.sim.Decide(ref.ProviderRef, "pass")) },
		Fail:    func(t testing.TB, ref face.Ref) { require.NoError(t, r.sim.Decide(ref.ProviderRef, "fail")) },
		Advance: r.clock.Advance,
		Orders:  r.sim.Orders,
		Break: func(t testing.TB, op facetest.Op, f facetest.Fault) bool {
			r.arm(t, kinds[f], ops[op])
			return true
		},
		Logs: r.logs.String,
	}
}
