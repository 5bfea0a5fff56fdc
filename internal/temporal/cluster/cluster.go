// Package cluster runs a real Temporal cluster on loopback, to try and to measure on: the server's own program from the
// module that go.mod pins, a process for each service, on databases of a PostgreSQL server. Any process can be killed and
// started again.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

// Services of a Temporal server.
const (
	Frontend = "frontend"
	History  = "history"
	Matching = "matching"
	Worker   = "worker"
)

// Config says of what a cluster consists.
type Config struct {
	// Server is the program of go.temporal.io/server/cmd/server, SQLTool that of go.temporal.io/server/cmd/tools/sql.
	Server, SQLTool string
	// Postgres holds the cluster's two databases, which are made new.
	Postgres *pgserver.Server
	// Dir is an empty folder for configurations and logs.
	Dir string
	// DynamicConfig is the file of the server's dynamic settings, deploy/temporal/dynamicconfig.yaml.
	DynamicConfig string
	// Processes has the service of each process. Default: one process for each of the four services.
	Processes []string
	// MutualTLS, if set, has every process and every client show a certificate, good for a day from this instant.
	MutualTLS *time.Time
	// Shards of the histories; they cannot be changed later. Default: 4.
	Shards int
}

// Cluster is a running cluster.
type Cluster struct {
	config       Config
	certificates Certificates // with Config.MutualTLS
	processes    []*process
	frontend     *process // the first of its kind
}

// Databases of a cluster.
const (
	database   = "temporal"
	visibility = "temporal_visibility"
)

// patience bounds how long a cluster may take to answer.
const patience = 2 * time.Minute

// Start makes the databases, starts every process and returns when the cluster answers. Stop it.
func Start(ctx context.Context, c Config) (_ *Cluster, err error) {
	if len(c.Processes) == 0 {
		c.Processes = []string{Frontend, History, Matching, Worker}
	}
	if !slices.Contains(c.Processes, Frontend) {
		return nil, errors.New("cluster: Processes names no frontend")
	}
	if c.Shards == 0 {
		c.Shards = 4
	}
	if c.DynamicConfig, err = filepath.Abs(c.DynamicConfig); err != nil {
		return nil, err
	}
	for name, schema := range map[string]string{database: "temporal", visibility: "visibility"} {
		if err := c.makeDatabase(ctx, name, schema); err != nil {
			return nil, err
		}
	}
	cl := &Cluster{config: c}
	if c.MutualTLS != nil {
		if cl.certificates, err = newCertificates(c.Dir, *c.MutualTLS); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, cl.Stop())
		}
	}()
	for i, service := range c.Processes {
		p := cl.newProcess(fmt.Sprintf("%s-%d", service, i), service)
		cl.processes = append(cl.processes, p)
		if err := p.holdPorts(); err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
	}
	cl.frontend = cl.processes[slices.Index(c.Processes, Frontend)]
	for _, p := range cl.processes {
		if err := cl.write(p.config, p.service, p.ports, cl.frontend.ports); err != nil {
			return nil, err
		}
	}
	// The first process writes what the cluster is into the database; two that try at once end.
	if err := cl.frontend.start(); err != nil {
		return nil, err
	}
	if err := cl.await(ctx, askFrontend); err != nil {
		return nil, err
	}
	for _, p := range cl.processes {
		if p == cl.frontend {
			continue
		}
		if err := p.start(); err != nil {
			return nil, err
		}
	}
	return cl, cl.Await(ctx)
}

// makeDatabase writes a schema as the server's own tool does.
func (c Config) makeDatabase(ctx context.Context, name, schema string) error {
	for _, args := range [][]string{
		{"create-database"}, {"setup-schema", "-v", "0.0"}, {"update-schema", "--schema-name", "postgresql/v12/" + schema},
	} {
		all := append([]string{
			"--plugin", plugin, "--ep", "localhost", "-p", "5432", "-u", pgserver.Superuser, "--pw", "none",
			"--db", name, "--ca", "host=" + c.Postgres.Dir(),
		}, args...)
		out, err := exec.CommandContext(ctx, c.SQLTool, all...).CombinedOutput() //nolint:gosec // the caller's program
		if err != nil {
			return fmt.Errorf("cluster: %s of %s: %w: %s", args[0], name, err, out)
		}
	}
	return nil
}

// Address is the host:port of the frontend.
func (c *Cluster) Address() string { return c.frontend.ports.address() }

// Certificates are those that clients need, if the cluster wants any.
func (c *Cluster) Certificates() Certificates { return c.certificates }

// Names of the processes, by which they are killed: the service, a hyphen and a number.
func (c *Cluster) Names() []string {
	var names []string
	for _, p := range c.processes {
		names = append(names, p.name)
	}
	return names
}

// Kill ends a process as the system does when memory runs out.
func (c *Cluster) Kill(name string) error {
	p, err := c.named(name)
	if err != nil {
		return err
	}
	return p.kill()
}

// Restart starts a killed process again, on the ports it had.
func (c *Cluster) Restart(name string) error {
	p, err := c.named(name)
	if err != nil {
		return err
	}
	return p.start()
}

func (c *Cluster) named(name string) (*process, error) {
	for _, p := range c.processes {
		if p.name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("cluster: there is no process %q", name)
}

// Stop kills every process. The databases stay with their server.
func (c *Cluster) Stop() error {
	var faults []error
	for _, p := range c.processes {
		faults = append(faults, p.kill())
	}
	return errors.Join(faults...)
}

// Await returns when every service answers.
func (c *Cluster) Await(ctx context.Context) error {
	return c.await(ctx, func(ctx context.Context, w workflowservice.WorkflowServiceClient) error {
		return errors.Join(askFrontend(ctx, w), askHistory(ctx, w), askMatching(ctx, w))
	})
}

func (c *Cluster) await(ctx context.Context, ask func(context.Context, workflowservice.WorkflowServiceClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.dial(ctx, ask)
		if err == nil {
			return nil
		}
		for _, p := range c.processes {
			if p.started() && p.hasEnded() {
				return fmt.Errorf("cluster: %s ended: %s", p.name, p.tail())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cluster: does not answer: %w", err)
		case <-tick.C:
		}
	}
}

func (c *Cluster) dial(ctx context.Context, ask func(context.Context, workflowservice.WorkflowServiceClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	options := client.Options{HostPort: c.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	if c.config.MutualTLS != nil {
		var err error
		if options.ConnectionOptions.TLS, err = c.certificates.client(); err != nil {
			return err
		}
	}
	conn, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer conn.Close()
	return ask(ctx, conn.WorkflowService())
}

// system is a namespace that every cluster has.
const system = "temporal-system"

func askFrontend(ctx context.Context, w workflowservice.WorkflowServiceClient) error {
	_, err := w.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: system})
	return err
}

// askHistory asks for a run that there is not, of which the history service knows.
func askHistory(ctx context.Context, w workflowservice.WorkflowServiceClient) error {
	_, err := w.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: system, Execution: &commonpb.WorkflowExecution{WorkflowId: "none"},
	})
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return nil
	}
	return err
}

func askMatching(ctx context.Context, w workflowservice.WorkflowServiceClient) error {
	_, err := w.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: system, TaskQueue: &taskqueuepb.TaskQueue{Name: "none"}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	})
	return err
}

// Every process listens here, and on nothing else.
const host = "127.0.0.1"

const plugin = "postgres12_pgx"

// ports of one process.
type ports struct{ grpc, membership, http int }

func (p ports) address() string { return net.JoinHostPort(host, strconv.Itoa(p.grpc)) }

// write writes the configuration of a process.
func (c *Cluster) write(file, service string, own, frontend ports) error {
	type object = map[string]any
	store := func(name string) object {
		return object{"sql": object{
			"pluginName": plugin, "databaseName": name, "connectAddr": "localhost:5432", "connectProtocol": "tcp",
			"user": pgserver.Superuser, "password": "none", "connectAttributes": object{"host": c.config.Postgres.Dir()},
			"maxConns": 20, "maxIdleConns": 20, "maxConnLifetime": "1h",
		}}
	}
	rpc := object{"grpcPort": own.grpc, "membershipPort": own.membership, "bindOnIP": host}
	if service == Frontend {
		rpc["httpPort"] = own.http
	}
	services := object{}
	for _, name := range []string{Frontend, History, Matching, Worker} {
		services[name] = object{"rpc": object{"bindOnIP": host}}
	}
	services[service] = object{"rpc": rpc}
	global := object{"membership": object{"maxJoinDuration": "30s", "broadcastAddress": host}}
	if c.config.MutualTLS != nil {
		global["tls"] = c.certificates.settings()
	}
	off := object{"state": "disabled"}
	text, err := json.Marshal(object{ // which is YAML too
		"log": object{"stdout": true, "level": "warn"},
		"persistence": object{
			"numHistoryShards": c.config.Shards, "defaultStore": "default", "visibilityStore": "visibility",
			"datastores": object{"default": store(database), "visibility": store(visibility)},
		},
		"global":   global,
		"services": services,
		"clusterMetadata": object{
			"enableGlobalNamespace": false, "failoverVersionIncrement": 10,
			"masterClusterName": "active", "currentClusterName": "active",
			"clusterInformation": object{"active": object{
				"enabled": true, "initialFailoverVersion": 1, "rpcName": "frontend", "rpcAddress": frontend.address(),
			}},
		},
		"dcRedirectionPolicy": object{"policy": "noop"},
		"archival":            object{"history": off, "visibility": off},
		"namespaceDefaults":   object{"archival": object{"history": off, "visibility": off}},
		"publicClient":        object{"hostPort": frontend.address()},
		"dynamicConfigClient": object{"filepath": c.config.DynamicConfig, "pollInterval": "60s"},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
