package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/border"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/signing"
)

// prepareLinks makes the links that QR codes and return pages use. A worker makes them too, for the provider.
func (a *App) prepareLinks(serving bool) (*api.Tokens, error) {
	public := a.config.HTTP.PublicURL
	if public == "" {
		if !serving {
			return nil, errors.New("http.public_url must be set for a worker: it tells the provider where phones return to")
		}
		public = a.API
	}
	keys, err := a.config.Secrets.LinkKeys.Keys(false)
	if err != nil {
		return nil, fmt.Errorf("secrets.link_keys: %w", err)
	}
	secrets := make([][]byte, len(keys))
	for i, k := range keys {
		secrets[i] = k.Secret
	}
	return api.NewTokens(public, secrets...)
}

// ReceiptKeys reads the setting secrets.receipt_keys.
func ReceiptKeys(s config.Secret) ([]signing.Key, error) {
	lines, err := s.Keys(true)
	if err != nil {
		return nil, fmt.Errorf("secrets.receipt_keys: %w", err)
	}
	keys := make([]signing.Key, len(lines))
	for i, k := range lines {
		keys[i] = signing.Key{ID: k.ID, Secret: k.Secret}
	}
	return keys, nil
}

func (a *App) startGate() error {
	keys, err := ReceiptKeys(a.config.Secrets.ReceiptKeys)
	if err != nil {
		return err
	}
	a.gate, err = gate.New(gate.Config{Store: a.store, Now: a.clock.Now, Logger: a.log, ReceiptKeys: keys, Count: a.watch.decisions.Count})
	if err != nil {
		return err
	}
	a.stack.push("gate", a.gate.Close)
	return nil
}

func (a *App) startAPI(links *api.Tokens) error {
	c := a.config
	commands := limit.New(limit.Rate{PerSecond: c.Rates.PerAccount, Burst: c.Rates.PerAccountBurst}, a.clock.Now)
	handler, err := api.New(api.Config{
		Store: a.settling(), Vault: a.vault, Gate: a.gate, Engine: a.crashingEngine(a.engine),
		Reminders: a.runs, Sweeps: a.sweeps, Schedules: a.plan, Settler: a.settling(),
		Launcher: launcher{a.face, links.ReturnURL, a.clock.Now}, Tokens: links, Payloads: a.payloads, Webhooks: a.webhooks.manage, Now: a.clock.Now, Logger: a.log,
		Reviews: reviewRules(c.Reviews), Limits: a.limits(), QRContent: api.QRContent(c.QR.Content), Version: a.version,
		SandboxNumbers: c.Provider.Alipay.SandboxNumbers,
		Evidence:       a.evidenceRules(), NeedEvidence: c.Evidence.Required,
		LinkLife: c.Pages.LinkLife, OneApprover: !c.Extensions.SecondApprover, PublishAlone: !c.Policies.SecondApprover,
		PromptLink:     promptLink(c.Pages.PromptLink),
		ProviderHealth: a.provider.Figures, NextSweep: a.nextSweep,
		Ready: a.watch.ready.Ask, KeyRate: limit.Rate{PerSecond: c.Rates.PerKey, Burst: c.Rates.PerKeyBurst},
		Commands:    commands,
		FailureRate: limit.Rate{PerSecond: c.Rates.Failures, Burst: c.Rates.FailuresBurst}, MaxStreams: c.Rates.Streams,
		ClientIP: a.caller(), Processor: processor(c.Pages),
	})
	if err != nil {
		return err
	}
	merchant, err := a.newPages(links, commands)
	if err != nil {
		return err
	}
	operators, err := a.newAdmin(handler)
	if err != nil {
		return err
	}
	a.learn(handler.Routes(), merchant.Routes(), operators.Routes())
	served := border.Visitors(withAdmin(operators, withPages(merchant, a.withReceipts(handler))),
		limit.Rate{PerSecond: c.Rates.PerAddress, Burst: c.Rates.PerAddressBurst}, a.clock.Now, a.caller())
	certificate, err := a.certificate()
	if err != nil {
		return err
	}
	settings := border.Config{
		Handler: a.watched(served), Certificate: certificate, Subdomains: c.HTTP.HSTSSubdomains,
		ReadHeaderTimeout: c.HTTP.ReadHeaderTimeout, WriteTimeout: c.HTTP.WriteTimeout, IdleTimeout: c.HTTP.IdleTimeout,
		MaxHeaderBytes: c.HTTP.MaxHeaderBytes, ErrorLog: complaints{a.log.Handler()},
	}
	if a.https() {
		settings.Strict = c.HTTP.HSTSMaxAge
	}
	a.serve("api", border.New(settings), a.listener, nil)
	// Event streams would keep a shutdown waiting, so the API is closed before the server.
	a.stack.push("api streams", handler.Close)
	a.stack.push("page streams", merchant.Close)
	return nil
}

// listen takes the API's port. Requests wait in the kernel until the API serves them.
func (a *App) listen() (err error) {
	c := a.config.HTTP
	if a.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	proxies, _ := c.Proxies() // validated with the configuration
	a.listener = border.Connections{Most: c.MaxConnections, PerAddress: c.MaxConnectionsPerAddress, Trusted: proxies}.Listen(a.listener)
	a.stack.push("listener", func(context.Context) error {
		if err := a.listener.Close(); !errors.Is(err, net.ErrClosed) { // the server closed it if it got that far
			return err
		}
		return nil
	})
	a.API = "http://" + reachable(a.listener.Addr())
	if c.Secure() {
		a.API = "https://" + reachable(a.listener.Addr())
	}
	return nil
}

// certificate is the server's own, nil if it speaks no TLS.
func (a *App) certificate() (*border.Certificate, error) {
	c := a.config.HTTP.TLS
	if c.CertFile == "" {
		return nil, nil //nolint:nilnil // no certificate and no fault: the setting says so
	}
	return border.NewCertificate(c.CertFile, c.KeyFile, time.Now, a.log)
}

// public is the base URL under which phones and browsers reach the server.
func (a *App) public() string { return cmp.Or(a.config.HTTP.PublicURL, a.API) }

// https reports whether browsers come by TLS, here or at a proxy.
func (a *App) https() bool { return strings.HasPrefix(a.public(), "https://") }

// server is what accepts connections until it is shut down.
type server interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
	Close() error
}

// reachable is an address that one can open: a server that listens on every address is at least on this machine.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

// serve runs a server until it is stopped; before runs ahead of the shutdown.
func (a *App) serve(name string, server server, listener net.Listener, before func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	a.stack.push(name, func(ctx context.Context) error {
		if before != nil {
			before()
		}
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		<-ended
		return err
	})
}

// learn has the log and the metrics know the routes that are served. What words they have may stand there.
func (a *App) learn(tables ...[]routes.Route) {
	a.watch.routes.Learn("/metrics", receiptsPath+"{secret}")
	for _, table := range tables {
		for _, r := range table {
			a.watch.routes.Learn(r.Path)
		}
	}
}

// complaints keeps of what net/http has to say, which names peers and quotes requests, only that it did.
type complaints struct{ slog.Handler }

func (c complaints) Handle(ctx context.Context, r slog.Record) error {
	return c.Handler.Handle(ctx, slog.NewRecord(r.Time, r.Level, "http server complained", r.PC))
}
