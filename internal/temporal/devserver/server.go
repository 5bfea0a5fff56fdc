package devserver

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// Server is a running engine.
type Server struct {
	engine    temporal.Server
	ui        *uiserver.Server
	uiDone    chan struct{}
	ports     ports
	namespace string
	muted     *atomic.Bool
}

// Start creates what is missing in the directory and returns when the engine takes requests. The context bounds
// the preparation of the files; it does not end the engine, Stop does.
func Start(ctx context.Context, c Config) (*Server, error) {
	return startOn(ctx, c, choosePorts)
}

// tries is how often ports are chosen: another process may take one between its choice and its use.
const tries = 4

func startOn(ctx context.Context, c Config, choose func(Config) (ports, error)) (s *Server, err error) {
	c, err = c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := prepareFiles(ctx, c); err != nil {
		return nil, err
	}
	for range tries {
		p, failed := choose(c)
		if failed != nil {
			return nil, fmt.Errorf("devserver: %w", failed)
		}
		if s, err = start(c, p); err == nil || !strings.Contains(err.Error(), portTaken) {
			break
		}
	}
	return s, err
}

// portTaken is what the engine says, and nothing else, when it cannot listen.
const portTaken = "Failed to start gRPC listener"

func start(c Config, p ports) (s *Server, err error) {
	s = &Server{ports: p, namespace: c.Namespace, muted: new(atomic.Bool)}
	defer func() {
		if f, ok := recover().(fatal); ok {
			s, err = nil, fmt.Errorf("devserver: start: %s", f.message)
		}
	}()
	if s.engine, err = newEngine(c, p, logger{to: c.Logger, muted: s.muted}); err != nil {
		return nil, fmt.Errorf("devserver: %w", err)
	}
	if err := s.engine.Start(); err != nil {
		return nil, fmt.Errorf("devserver: start: %w", err)
	}
	if p.ui > 0 {
		s.startUI(c)
	}
	return s, nil
}

func newEngine(c Config, p ports, l logger) (temporal.Server, error) {
	conf := serverConfig(c, p)
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, l)
	if err != nil {
		return nil, err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range conf.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(hostPort(service.RPC.GRPCPort))
	}
	return temporal.NewServer(
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(l),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(settings(c)),
	)
}

func serverConfig(c Config, p ports) *config.Config {
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: "engine", VisibilityStore: "visibility",
			NumHistoryShards: 1, // fixed for the life of the files
			DataStores: map[string]config.DataStore{
				"engine":     {SQL: sqlConfig(c.Dir, engineFile)},
				"visibility": {SQL: sqlConfig(c.Dir, visibilityFile)},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled: true, InitialFailoverVersion: 1, ClusterID: uuid.NewString(),
				RPCAddress: hostPort(p.frontend), HTTPAddress: hostPort(p.http),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: hostPort(p.frontend)},
		Services:            map[string]config.Service{},
	}
	conf.Global.Membership.MaxJoinDuration = 30 * time.Second
	conf.Global.Membership.BroadcastAddress = host
	if c.MetricsPort > 0 {
		conf.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{
			ListenAddress: hostPort(c.MetricsPort), HandlerPath: "/metrics",
		}}
	}
	const disabled = "disabled"
	conf.Archival.History.State, conf.Archival.Visibility.State = disabled, disabled
	conf.NamespaceDefaults.Archival.History.State = disabled
	conf.NamespaceDefaults.Archival.Visibility.State = disabled
	for name, port := range map[primitives.ServiceName]int{
		primitives.FrontendService: p.frontend, primitives.HistoryService: p.history,
		primitives.MatchingService: p.matching, primitives.WorkerService: p.worker,
	} {
		service := config.Service{RPC: config.RPC{BindOnIP: host, GRPCPort: port}}
		if name == primitives.FrontendService {
			service.RPC.HTTPPort = p.http
		}
		conf.Services[string(name)] = service
	}
	return conf
}

// startUI serves the web UI, to look and not to touch: what it would write is not encrypted, and there is no
// command that the API and the pages do not offer with their checks.
func (s *Server) startUI(c Config) {
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host: host, Port: s.ports.ui, TemporalGRPCAddress: s.Address(), EnableUI: true, DefaultNamespace: c.Namespace,
		HideLogs: true, DisableNewsFetch: true, DisableWriteActions: true, CORS: uiconfig.CORS{CookieInsecure: true},
		Codec: uiconfig.Codec{
			Endpoint: c.UICodecEndpoint, IncludeCredentials: true, // the cookie says who looks
			DefaultErrorMessage: "Payloads stay encrypted: nobody is signed in to the admin pages, or not as operator, auditor or admin.",
			DefaultErrorLink:    c.UISignIn,
		},
	}))
	s.uiDone = make(chan struct{})
	go func() {
		defer close(s.uiDone)
		_ = s.ui.Start() // returns nil after Stop; its own log says anything else
	}()
}

// Address is the host:port of the gRPC frontend.
func (s *Server) Address() string { return hostPort(s.ports.frontend) }

// Namespace is the one that was created.
func (s *Server) Namespace() string { return s.namespace }

// UI is the base URL of the web UI, empty without one.
func (s *Server) UI() string {
	if s.ui == nil {
		return ""
	}
	return "http://" + hostPort(s.ports.ui)
}

// Stop ends UI and engine, as far as the context allows. What the engine acknowledged is in its files already, so
// giving up waiting loses nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.muted.Store(true)
	stopped := make(chan error, 1)
	go func() {
		if s.ui != nil {
			s.ui.Stop()
			<-s.uiDone
		}
		stopped <- s.engine.Stop()
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return fmt.Errorf("devserver: still stopping: %w", ctx.Err())
	}
}

func hostPort(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
