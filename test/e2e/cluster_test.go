package e2e

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

// servers returns the flags that put a demonstration on databases and a namespace of its own; none on embedded defaults.
func servers(t testing.TB) []string {
	t.Helper()
	if !clustertest.On() {
		return nil
	}
	return []string{
		"--store-url", pgtest.Database(t, pgtest.Kind{Name: "demo"}), "--keys-url", pgtest.Database(t, pgtest.Kind{Name: "demokeys"}),
		"--temporal", clustertest.Address(t), "--namespace", "demo-" + uuid.NewString(),
	}
}

// lookAtDatabases looks for personal data in everything that PostgreSQL keeps, Temporal's histories among it.
func lookAtDatabases(data string) error {
	found, err := unclean(data, nil)
	for _, what := range found {
		err = errors.Join(err, fmt.Errorf("in the databases: %s", what))
	}
	return err
}
