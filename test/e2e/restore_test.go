package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

// temporalDatabases are those of the cluster, which are copied and restored together.
func temporalDatabases() []string { return []string{"temporal", "temporal_visibility"} }

// TestFleetRestored restores the store to an older moment than the engine, and then the engine to an older moment than the
// store, with the tools and in the order of docs/postgresql.md. Each time the store is the truth, and merchants go on.
func TestFleetRestored(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	done, half, early := f.account(t), f.account(t), f.account(t) // and the first one, which has been restricted
	done.course()
	half.command("submit", half.person.form())
	half.reach("approved")
	before := map[*account][]entry{done: done.settled(), half: half.settled()}
	f.copyOf(t, "verigate")
	f.copyOf(t, temporalDatabases()...)

	// What the copies do not know: one account went on, one began, one is new.
	f.phone(t).finish(half.qr(half.command("start-face", consent())), "pass")
	half.reach("verified")
	early.command("submit", early.person.form())
	early.reach("approved")
	late := f.account(t)
	late.command("submit", late.person.form())
	late.reach("approved")

	require.Equal(t, "3 agreed, 1 begun again, 1 ended, 0 failed", f.restore(t, "verigate"),
		"the store has lost what one workflow knows, and the account of another")
	for a, log := range before {
		require.Equal(t, log, a.settled(), a.id)
	}
	require.Equal(t, "unverified", early.status().State)
	refusedRequest(f.service(t), http.StatusNotFound, "account_not_found", request{method: http.MethodGet, path: late.path("verification")})
	f.phone(t).finish(half.qr(half.command("start-face", consent())), "pass")
	half.reach("verified")
	early.course()

	require.Equal(t, "4 agreed, 0 begun again, 0 ended, 0 failed", f.restore(t, temporalDatabases()...), "the workflows read what they had missed")
	for _, a := range []*account{done, half, early} {
		a.settled()
		a.requireGate("allow", "verified")
	}
	f.account(t).course()
}

// copyOf copies databases of the running server.
func (f *fleet) copyOf(t *testing.T, databases ...string) {
	t.Helper()
	for _, name := range databases {
		f.tool(t, "pg_dump", "--format=custom", "--file", f.path(name+".dump"), name)
	}
}

// restore stops everything, puts databases back to their copies, and starts everything again; before accounts are served it
// reconciles, and returns what that came to.
func (f *fleet) restore(t *testing.T, databases ...string) string {
	t.Helper()
	for _, name := range nodeNames() {
		f.nodes[name].stop(t)
	}
	require.NoError(t, f.temporal.Stop())
	for _, name := range databases {
		require.NoError(t, f.postgres.Exec(t.Context(), "postgres", "DROP DATABASE "+name+" WITH (FORCE)"))
		require.NoError(t, f.postgres.Exec(t.Context(), "postgres", "CREATE DATABASE "+name))
		f.tool(t, "pg_restore", "--exit-on-error", "--dbname", name, f.path(name+".dump"))
	}
	for _, name := range f.temporal.Names() {
		require.NoError(t, f.temporal.Restart(name))
	}
	require.NoError(t, f.temporal.Await(t.Context()))
	names := nodeNames()
	slices.Reverse(names)
	for _, name := range names[:2] {
		f.start(t, name)
	}
	told := f.reconciled(t)
	for _, name := range names[2:] {
		f.start(t, name)
	}
	return told
}

// reconciled is the last line of what verigate reconcile says.
func (f *fleet) reconciled(t *testing.T) string {
	t.Helper()
	said := strings.Split(strings.TrimSpace(string(f.verigate(t, "reconcile", "--config", f.config))), "\n")
	return said[len(said)-1]
}

// tool runs a program that came with the PostgreSQL server.
func (f *fleet) tool(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := pgserver.Tool(name)
	require.NoError(t, err)
	all := append([]string{"--host", f.postgres.Dir(), "--username", pgserver.Superuser}, args...)
	out, err := exec.CommandContext(bounded(t, patience), path, all...).CombinedOutput()
	require.NoError(t, err, "%s: %s", filepath.Base(path), out)
}
