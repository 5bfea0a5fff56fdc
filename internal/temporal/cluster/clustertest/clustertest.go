// Package clustertest lets the tests of a process share one Temporal cluster, on the PostgreSQL server of package pgtest.
package clustertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/temporal/cluster"
)

// Variables that tests read. make builds the Temporal server's programs and sets the first two.
const (
	ServerEnv  = "VERIGATE_TEMPORAL_SERVER"
	SQLToolEnv = "VERIGATE_TEMPORAL_SQL_TOOL"
	// OnEnv says what tests run on that can run on either: nothing for SQLite and the embedded engine, "cluster" for
	// PostgreSQL and a Temporal cluster.
	OnEnv = "VERIGATE_E2E_ON"
)

// On reports whether tests that can run on either are to run on PostgreSQL and a Temporal cluster.
func On() bool { return os.Getenv(OnEnv) == "cluster" }

// Cluster is a cluster with a folder of its own.
type Cluster struct {
	*cluster.Cluster
	dir string
}

// Start starts a cluster as c says, but for its programs, folder and settings; the caller stops it. Where the programs are
// not named the test is skipped.
func Start(t testing.TB, c cluster.Config) (*Cluster, error) {
	t.Helper()
	server, tool := os.Getenv(ServerEnv), os.Getenv(SQLToolEnv)
	if server == "" || tool == "" {
		t.Skipf("%s and %s are not set; make e2e builds the programs and sets them", ServerEnv, SQLToolEnv)
	}
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "temporal")
	if err != nil {
		return nil, err
	}
	c.Server, c.SQLTool, c.Dir = server, tool, dir
	c.DynamicConfig = filepath.Join(filepath.Dir(here), "../../../../deploy/temporal/dynamicconfig.yaml")
	started, err := cluster.Start(context.WithoutCancel(t.Context()), c)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Cluster{started, dir}, nil
}

// Close stops it and removes its folder.
func (c *Cluster) Close() error { return errors.Join(c.Stop(), os.RemoveAll(c.dir)) }

// shared is the cluster of this process.
type shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

var running = sync.OnceValue(func() *shared { return new(shared) })

// Address returns the host:port of the process's cluster, which the first call starts.
func Address(t testing.TB) string {
	t.Helper()
	pgtest.Available(t)
	s := running()
	s.once.Do(func() {
		var server *pgserver.Server
		if server, s.err = pgtest.Server(); s.err == nil {
			s.cluster, s.err = Start(t, cluster.Config{Postgres: server})
		}
	})
	require.NoError(t, s.err)
	return s.cluster.Address()
}

// Demo returns the flags that put a demonstration on databases and a namespace of its own; none if On does not say so.
func Demo(t testing.TB) []string {
	t.Helper()
	if !On() {
		return nil
	}
	return []string{
		"--store-url", pgtest.Database(t, pgtest.Kind{Name: "demo"}), "--keys-url", pgtest.Database(t, pgtest.Kind{Name: "demokeys"}),
		"--temporal", Address(t), "--namespace", "demo-" + uuid.NewString(),
	}
}

// Tests are the tests of a package, run by Main, for who runs them in turn.
type Tests struct{ *testing.M }

// Run implements pgtest.Runner.
func (t Tests) Run() int { return Main(t.M, nil) }

// Main runs the tests of a package, has look look at what the PostgreSQL server keeps if there was a cluster, and stops
// both. look may be nil.
func Main(m *testing.M, look func(data string) error) int {
	return pgtest.Main(runner(func() int {
		code := m.Run()
		if err := leave(look); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			return max(code, 1)
		}
		return code
	}))
}

type runner func() int

// Run implements pgtest.Runner.
func (r runner) Run() int { return r() }

func leave(look func(data string) error) error {
	s := running()
	if s.cluster == nil {
		return s.err
	}
	server, err := pgtest.Server()
	if err == nil && look != nil {
		err = look(server.Data())
	}
	return errors.Join(err, s.cluster.Close())
}
