package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

// TestRolesOfTheComposeFile: what deploy/compose writes into empty servers makes an owner that can migrate, and a role that
// can use every table of the program and change none.
func TestRolesOfTheComposeFile(t *testing.T) {
	t.Parallel()
	bin := binary(t, binEnv)
	data, keys := filled(t, "init-data.sql"), filled(t, "init-keys.sql")
	migrate := exec.CommandContext(bounded(t, patience), bin, "migrate", "--no-engine")
	migrate.Env = []string{
		"VERIGATE_STORE_DRIVER=postgres", "VERIGATE_PROVIDER_KIND=simulated",
		"VERIGATE_STORE_URL=" + data.url("verigate_owner", "verigate"), "VERIGATE_VAULT_KEYS_URL=" + keys.url("keys_owner", "verigate_keys"),
	}
	out, err := migrate.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "pending")

	for _, served := range []struct {
		server         *database
		role, database string
		table          string
	}{{data, "verigate_serve", "verigate", "accounts"}, {keys, "keys_serve", "verigate_keys", "data_keys"}} {
		ask := func(statement string) string {
			return served.server.psql(t, served.role, served.database, "-c", statement)
		}
		require.Contains(t, ask(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`), served.table)
		require.Empty(t, ask(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT (
			has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND
			has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))`), "it serves without these")
		require.Empty(t, ask(`SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND NOT (
			has_sequence_privilege(quote_ident(sequencename), 'USAGE') AND has_sequence_privilege(quote_ident(sequencename), 'SELECT'))`), "it serves without these")
		require.Empty(t, ask(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (
			pg_has_role(relowner, 'USAGE') OR relkind = 'r' AND has_table_privilege(oid, 'TRUNCATE, TRIGGER'))`), "it can change these")
		require.Equal(t, "f", ask(`SELECT has_schema_privilege('public', 'CREATE')`))
		require.Equal(t, served.database, ask(`SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') AND
			has_database_privilege(datname, 'CONNECT')`), "it comes in nowhere else")
	}
}

// database is a server that was filled as the compose file fills one.
type database struct{ *pgserver.Server }

func filled(t *testing.T, file string) *database {
	t.Helper()
	server, err := pgserver.Start(t.Context(), pgserver.Forgetful())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	text, err := os.ReadFile("../../deploy/compose/" + file)
	require.NoError(t, err)
	secrets := t.TempDir()
	for _, name := range []string{"verigate-owner", "verigate-serve", "keys-owner", "keys-serve", "temporal"} {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name+"-password"), []byte("it's "+name+"\n"), 0o600))
	}
	script := filepath.Join(secrets, file)
	require.NoError(t, os.WriteFile(script, []byte(strings.ReplaceAll(string(text), "/run/secrets", secrets)), 0o600))
	d := &database{server}
	d.psql(t, pgserver.Superuser, "postgres", "-f", script)
	return d
}

// url is the database for one role. The server asks for no password.
func (d *database) url(role, name string) string {
	return "postgres://" + role + "@/" + name + "?host=" + d.Dir()
}

func (d *database) psql(t *testing.T, role, name string, args ...string) string {
	t.Helper()
	all := append([]string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", d.url(role, name)}, args...)
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "psql", all...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}
