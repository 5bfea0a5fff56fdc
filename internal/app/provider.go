package app

import (
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/activities/face/alipay"
	"github.com/verigate/verigate/activities/face/alipay/alipaysim"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/internal/web"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// simulatedAppID is the one application that the simulated provider knows.
const simulatedAppID = "2021000000000000"

func (a *App) startProvider(context.Context) error {
	settings := alipayConfig(a.config.Provider.Alipay)
	if a.config.Provider.Kind == config.ProviderSimulated {
		simulated, err := a.startSimulator()
		if err != nil {
			return err
		}
		settings = simulated
	}
	provider, err := alipay.New(settings, alipay.Deps{Now: a.clock.Now, Logger: a.log})
	if err != nil {
		return err
	}
	a.stack.push("provider", func(context.Context) error { provider.Close(); return nil })
	a.provider = telemetry.NewProvider(provider, a.clock.Now, a.watch.traces.Tracer())
	a.face = a.provider
	return nil
}

func alipayConfig(c config.Alipay) alipay.Config {
	out := alipay.DefaultConfig()
	out.Gateway, out.PageGateway, out.AppID, out.BizCode = c.Gateway, c.PageGateway, c.AppID, c.BizCode
	out.AppPrivateKeyPEM = alipay.Secret(c.PrivateKey.Reveal())
	out.AlipayPublicKeyPEM = c.PublicKey.Reveal()
	out.AppCertPEM, out.AlipayCertPEM, out.AlipayRootCertPEM = c.AppCert.Reveal(), c.AlipayCert.Reveal(), c.RootCert.Reveal()
	out.Timeout, out.RatePerSecond, out.Burst = c.Timeout, c.RatePerSecond, c.Burst
	return out
}

// SimulatorKeys are the key pairs of the contract with the simulated provider. They prove nothing to anybody; keeping
// them only saves the time of making them, which is a second on a small machine.
type SimulatorKeys struct{ keys alipaysim.Keys }

func newSimulatorKeys() (SimulatorKeys, error) {
	keys, err := alipaysim.GenerateKeys()
	return SimulatorKeys{keys}, err
}

func (k SimulatorKeys) encode() ([]byte, error) {
	app, err := alipaysim.EncodePrivateKey(k.keys.App)
	if err != nil {
		return nil, err
	}
	gateway, err := alipaysim.EncodePrivateKey(k.keys.Gateway)
	return []byte(app + gateway), err
}

func decodeSimulatorKeys(text []byte) (SimulatorKeys, error) {
	const end = "-----END PRIVATE KEY-----\n"
	app, gateway, _ := strings.Cut(string(text), end)
	a, err := alipaysim.DecodePrivateKey(app + end)
	if err != nil {
		return SimulatorKeys{}, err
	}
	g, err := alipaysim.DecodePrivateKey(gateway)
	return SimulatorKeys{alipaysim.Keys{App: a, Gateway: g}}, err
}

// startSimulator serves the simulated provider and returns the adapter's contract with it.
func (a *App) startSimulator() (alipay.Config, error) {
	if a.simulator.keys.App == nil {
		made, err := newSimulatorKeys()
		if err != nil {
			return alipay.Config{}, err
		}
		a.simulator = made
	}
	keys := a.simulator.keys
	sim, err := alipaysim.New(alipaysim.Config{
		AppID: simulatedAppID, AppPublicKey: &keys.App.PublicKey, GatewayKey: keys.Gateway, Now: a.clock.Now,
		StateFile: a.config.Provider.SimulatorState, Logger: a.log,
	})
	if err != nil {
		return alipay.Config{}, err
	}
	listener, err := net.Listen("tcp", a.config.Provider.SimulatorListen)
	if err != nil {
		return alipay.Config{}, fmt.Errorf("provider.simulator_listen: %w", err)
	}
	server := &http.Server{
		Handler: sim, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(complaints{a.log.Handler()}, slog.LevelDebug),
	}
	a.serve("simulated provider", server, listener, sim.Close)
	a.Alipay = "http://" + listener.Addr().String()
	return simulatedContract(a.Alipay, keys.App, &keys.Gateway.PublicKey)
}

func simulatedContract(base string, app *rsa.PrivateKey, gateway *rsa.PublicKey) (alipay.Config, error) {
	private, err := alipaysim.EncodePrivateKey(app)
	if err != nil {
		return alipay.Config{}, err
	}
	public, err := alipaysim.EncodePublicKey(gateway)
	if err != nil {
		return alipay.Config{}, err
	}
	c := alipay.DefaultConfig()
	c.Gateway, c.AllowHTTP, c.AppID = base+"/gateway.do", true, simulatedAppID
	c.AppPrivateKeyPEM, c.AlipayPublicKeyPEM = alipay.Secret(private), public
	c.RatePerSecond, c.Burst = 0, 0 // there is no quota to share
	return c, nil
}

// launcher signs the provider's address anew for each opening.
type launcher struct {
	provider  face.Provider
	returnURL func(attemptID string) string
	now       func() time.Time
}

// Launch implements api.Launcher.
func (l launcher) Launch(ctx context.Context, _ string, attempt lifecycle.Attempt) (string, error) {
	launch, err := l.provider.Launch(ctx, face.Ref{ProviderRef: attempt.ProviderRef, OrderNo: attempt.OrderNo},
		face.LaunchOptions{ReturnURL: l.returnURL(attempt.ID), At: l.now()})
	return launch.WebURL, err
}

// Open implements web.Launcher.
func (l launcher) Open(ctx context.Context, _ string, attempt lifecycle.Attempt) (web.Launch, error) {
	launch, err := l.provider.Launch(ctx, face.Ref{ProviderRef: attempt.ProviderRef, OrderNo: attempt.OrderNo},
		face.LaunchOptions{ReturnURL: l.returnURL(attempt.ID), At: l.now()})
	return web.Launch{QR: launch.QRContent, App: launch.DeepLink}, err
}
