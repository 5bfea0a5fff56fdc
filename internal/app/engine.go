package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/payload"
)

// startEngine starts the embedded engine if there is one, connects, and puts the commands on top.
// spared says that the process has enough to do without: then an engine that does not answer is no reason not to start.
func (a *App) startEngine(ctx context.Context, engineLog *slog.Logger, spared bool) error {
	t := a.config.Temporal
	if t.Mode == config.Embedded {
		codec, signIn := a.payloadsAt()
		server, err := startEmbedded(ctx, engineSettings{temporal: t, log: engineLog, codec: codec, signIn: signIn})
		if err != nil {
			return err
		}
		a.stack.push("engine", server.stop)
		t.Address, a.TemporalUI = server.address, server.ui
	}
	a.Temporal = t.Address
	options, err := temporalOptions(t, a.config.Secrets.CodecKeyset, a.log)
	if err != nil {
		return err
	}
	options.Metrics, options.Lazy = a.watch.sdk, spared && t.Mode != config.Embedded
	if a.watch.traces.On() {
		options.Tracer = a.watch.traces.Tracer()
	}
	if a.client, err = temporal.Dial(ctx, options); err != nil {
		return err
	}
	a.stack.push("temporal client", func(context.Context) error { a.client.Close(); return nil })
	if options.Lazy {
		a.warnWithoutEngine(ctx)
	}
	a.watch.metrics.Register(temporal.NewBacklog(a.client.WorkflowService(), t.Namespace, time.Now))
	a.payloads = temporal.NewPayloads(options.Codec)
	commands := workflows.NewClient(a.client, workflows.WithClockOffset(a.clock.Offset))
	waits := temporal.Waits{Command: t.CommandTimeout, Provider: t.ProviderTimeout, Retry: 20 * time.Millisecond}
	a.engine, a.runs = temporal.NewEngine(commands, a.store, waits), temporal.NewReminders(a.client, waits)
	a.plan = temporal.NewPlan(a.client, waits)
	a.sweeps = &sweeps{temporal.NewSweeps(a.client, waits), a.sweeper, a.clock.Now}
	return nil
}

// warnWithoutEngine says so if the engine does not answer now, or refuses us.
func (a *App) warnWithoutEngine(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, partPatience)
	defer cancel()
	if err := a.pingEngine(ctx); err != nil {
		a.log.Warn("the engine cannot be used: decisions go on, commands do not until it can", "address", a.Temporal, "error", err)
	}
}

// payloadsAt is where browsers have payloads opened, and where their readers sign in; empty if nobody signs in here:
// without a person there is nobody to open them for.
func (a *App) payloadsAt() (codec, signIn string) {
	if a.API == "" || !a.config.Admin.Enabled {
		return "", ""
	}
	base := strings.TrimSuffix(a.public(), "/")
	return base + strings.TrimSuffix(api.PayloadsPath, "/decode"), base + "/admin/"
}

// temporalOptions turns settings into the client's options; certificates are read here.
func temporalOptions(t config.Temporal, keyset config.Secret, log *slog.Logger) (temporal.Options, error) {
	codec, err := payload.NewCodec([]byte(keyset.Reveal()))
	if err != nil {
		return temporal.Options{}, fmt.Errorf("secrets.codec_keyset: %w", err)
	}
	o, err := reach(t, log)
	o.Codec = codec
	return o, err
}

// reach says how to connect, certificates included.
func reach(t config.Temporal, log *slog.Logger) (temporal.Options, error) {
	o := temporal.Options{
		HostPort: t.Address, Namespace: t.Namespace, APIKey: t.APIKey.Reveal(), Logger: log,
		Authority: t.Inline.Authority, Headers: map[string]string{},
	}
	for name, value := range t.Inline.Headers {
		o.Headers[name] = value.Reveal()
	}
	if t.Mode == config.Embedded || !t.TLS {
		return o, nil
	}
	var err error
	o.TLS, err = temporalTLS(t)
	return o, err
}

// temporalTLS reads certificates from where the settings name files, and else from what the profile holds.
func temporalTLS(t config.Temporal) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.TLSServerName}
	ca, err := pemOf(t.TLSCAFile, t.Inline.CA)
	if err != nil {
		return nil, fmt.Errorf("temporal.tls_ca_file: %w", err)
	}
	if len(ca) > 0 {
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("temporal.tls_ca_file: holds no certificate in PEM form")
		}
	}
	cert, err := pemOf(t.TLSCertFile, t.Inline.Cert)
	if err != nil {
		return nil, fmt.Errorf("temporal.tls_cert_file: %w", err)
	}
	key, err := pemOf(t.TLSKeyFile, t.Inline.Key)
	if err != nil {
		return nil, fmt.Errorf("temporal.tls_key_file: %w", err)
	}
	if len(cert) > 0 {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("temporal.tls_cert_file: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

func pemOf(file string, text config.Secret) ([]byte, error) {
	if file == "" {
		return []byte(text.Reveal()), nil
	}
	return os.ReadFile(file) //nolint:gosec // the operator names it
}

// firstPoll is how long a worker may take until it asks for tasks.
const firstPoll = 10 * time.Second

func (a *App) startWorker(ctx context.Context, links *api.Tokens) error {
	// The SDK keeps one cache for all workers of a process and lets its size be set before the first one starts.
	sdkworker.SetStickyWorkflowCacheSize(a.config.Worker.Cache)
	c := a.config.Worker
	a.watch.sdk.Expect(temporal.Polls(c.Serves())...)
	w := worker.New(a.client, a.activities(links), worker.Options{
		Queues: c.Serves(), Activities: c.MaxActivities, Waits: c.MaxWaits, ProviderPerSecond: c.ProviderPerSecond,
		StopTimeout: time.Second, // activities hear of a stop at once, and are begun again elsewhere
		Deployment:  c.Deployment, BuildID: c.BuildID,
	})
	if err := w.Start(); err != nil {
		return err
	}
	a.stack.push("worker", func(ctx context.Context) error { return within(ctx, w.Stop) })
	ctx, cancel := context.WithTimeout(ctx, firstPoll)
	defer cancel()
	return a.watch.sdk.AwaitPolling(ctx)
}

func (a *App) activities(links *api.Tokens) worker.Deps {
	limits := a.limits()
	rules := newRules(a.store)
	return worker.Deps{
		Reminders: &activities.Reminders{Reminding: a.reminders, Logger: a.log},
		Records: &activities.Records{
			Log: a.crashingLog(a.settling()), Rules: rules, IsGone: isGone, Logger: a.log,
			Settings: activities.Settings{Limits: limits, ContinueAfter: a.config.Limits.ContinueAfter, Provider: a.face.Name()},
		},
		Review: &activities.Review{
			Subjects: a.vault, Duplicates: a.store, Rules: rules, IsGone: isGone, Logger: a.log,
			Sandbox: a.config.Provider.Alipay.SandboxNumbers,
		},
		Face: &activities.Face{
			Provider: a.face, Subjects: a.vault, IsGone: isGone, Hints: a.store, ReturnURL: links.ReturnURL,
			Polling: activities.DefaultPolling(), Now: a.clock.Now, Logger: a.log,
			Heartbeat: func(ctx context.Context) { activity.RecordHeartbeat(ctx) },
			Stopping:  activity.GetWorkerStopChannel,
		},
		Enforcement: a.enforcement(),
	}
}

func (a *App) limits() lifecycle.Limits {
	return lifecycle.Limits{AttemptsPerDay: a.config.Limits.AttemptsPerDay, Lease: a.config.Limits.QRLease}
}
