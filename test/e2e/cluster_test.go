package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/temporal/cluster"
)

// Variables of the Temporal server's programs, which make builds.
const (
	serverEnv  = "VERIGATE_TEMPORAL_SERVER"
	sqlToolEnv = "VERIGATE_TEMPORAL_SQL_TOOL"
)

// onEnv says what demonstrations run on: nothing for embedded defaults, onCluster for databases of PostgreSQL and a Temporal
// cluster, which all demonstrations of the package share.
const (
	onEnv     = "VERIGATE_E2E_ON"
	onCluster = "cluster"
)

func clustered() bool { return os.Getenv(onEnv) == onCluster }

// temporalCluster is a cluster on a PostgreSQL server.
type temporalCluster struct {
	*cluster.Cluster
	dir string
}

func startCluster(t testing.TB, postgres *pgserver.Server, processes ...string) (*temporalCluster, error) {
	t.Helper()
	server, tool := binary(t, serverEnv), binary(t, sqlToolEnv)
	dir, err := os.MkdirTemp("", "temporal")
	if err != nil {
		return nil, err
	}
	c, err := cluster.Start(context.WithoutCancel(t.Context()), cluster.Config{
		Server: server, SQLTool: tool, Postgres: postgres, Dir: dir,
		DynamicConfig: "../../deploy/temporal/dynamicconfig.yaml", Processes: processes,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &temporalCluster{c, dir}, nil
}

func (c *temporalCluster) stop() error { return errors.Join(c.Stop(), os.RemoveAll(c.dir)) }

// shared is the cluster of all demonstrations.
var shared struct {
	once    sync.Once
	cluster *temporalCluster
	err     error
}

// servers returns the flags that put a demonstration on databases and a namespace of its own; none on embedded defaults.
func servers(t testing.TB) []string {
	t.Helper()
	if !clustered() {
		return nil
	}
	data, keys := pgtest.Database(t, pgtest.Kind{Name: "demo"}), pgtest.Database(t, pgtest.Kind{Name: "demokeys"})
	shared.once.Do(func() { shared.cluster, shared.err = startCluster(t, pgtest.Server()) })
	require.NoError(t, shared.err)
	return []string{
		"--store-url", data, "--keys-url", keys, "--temporal", shared.cluster.Address(), "--namespace", "demo-" + uuid.NewString(),
	}
}

// leaveCluster looks for personal data in everything that PostgreSQL keeps, Temporal's histories among it, and stops the
// cluster.
func leaveCluster() error {
	if shared.cluster == nil {
		return shared.err
	}
	found, err := unclean(pgtest.Server().Data(), nil)
	for _, what := range found {
		err = errors.Join(err, fmt.Errorf("in the databases: %s", what))
	}
	return errors.Join(err, shared.cluster.stop())
}
