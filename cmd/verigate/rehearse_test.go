package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

func TestRehearseLeavesTheDatabaseAlone(t *testing.T) {
	s, path := shopsAt(t)
	t.Setenv("TMPDIR", t.TempDir())
	args := []string{
		"policy", "rehearse", "--set", "provider.kind=simulated", "--set", "store.path=" + path, "--from", "2020-11-10", "--to", "2020-12-10T00:00:00+08:00",
		"--scenario", "../../testdata/campaign/shops.ndjson",
	}
	requireRehearsed(t, s, args...)

	file := filepath.Join(t.TempDir(), "report.json")
	code, out, errs := call(t, "", "", append(args, "--format", "json", "-o", file)...)
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var report struct{ Rows []any }
	require.NoError(t, json.Unmarshal(text, &report))
	require.Len(t, report.Rows, 35)
}

// TestRehearseWithPostgreSQL comes to the same as with SQLite, by a role that may do nothing but read.
func TestRehearseWithPostgreSQL(t *testing.T) {
	server, err := pgserver.Start(t.Context(), pgserver.Forgetful())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	require.NoError(t, server.Exec(t.Context(), "postgres", `CREATE DATABASE shops`))
	s := sqlstoretest.OpenURL(t, server.URL("shops"), sqlstoretest.WithNow(shopsNow))
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	openShops(t, s)
	require.NoError(t, server.Exec(t.Context(), "shops", `CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader`))
	t.Setenv("TMPDIR", t.TempDir())
	url := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(url, []byte(strings.Replace(server.URL("shops"), "user="+pgserver.Superuser, "user=reader", 1)), 0o600))
	requireRehearsed(t, s, "policy", "rehearse", "--set", "provider.kind=simulated", "--set", "store.driver=postgres",
		"--set", "store.url=file:"+url, "--set", "vault.keys_path="+filepath.Join(t.TempDir(), "no-rehearsal-opens-it"),
		"--from", "2020-11-10", "--to", "2020-12-10T00:00:00+08:00", "--scenario", "../../testdata/campaign/shops.ndjson")
}

// requireRehearsed rehearses, and expects the report, the database as it was, and nothing left of the copy in TMPDIR.
func requireRehearsed(t *testing.T, s *sqlstore.Store, args ...string) {
	t.Helper()
	code, out, errs := call(t, "", "", args...)
	require.Equal(t, exitOK, code, errs)
	golden(t, "rehearse.golden", out)
	entries, err := s.Events(t.Context(), "shop-02", 0, 10)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only its import")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the copy is removed")
}

func TestRehearseRefuses(t *testing.T) {
	t.Parallel()
	_, path := shopsAt(t)
	bad := filepath.Join(t.TempDir(), "bad.ndjson")
	require.NoError(t, os.WriteFile(bad, []byte("hello\n"), 0o600))
	whole := []string{"--set", "provider.kind=simulated", "--set", "store.path=" + path, "--from", "2020-11-10", "--to", "2020-12-10"}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no date":        {[]string{"--from", "2020-11-10", "--to", "soon"}, exitUsage, "--to must be a date"},
		"backwards":      {[]string{"--set", "provider.kind=simulated", "--set", "store.path=" + path, "--from", "2020-12-10", "--to", "2020-11-10"}, exitFailed, "the end must lie after"},
		"bad scenario":   {append(whole, "--scenario", bad), exitUsage, "line 1"},
		"no database":    {[]string{"--set", "provider.kind=simulated", "--set", "store.path=" + bad + ".db", "--from", "2020-11-10", "--to", "2020-12-10"}, exitFailed, "the file is not there"},
		"another policy": {append(whole, "--policy", "other"), exitFailed, "no such version"},
		"not a policy":   {append(whole, "--file", bad), exitFailed, "policy file"},
	} {
		code, out, errs := call(t, "", "", append([]string{"policy", "rehearse"}, c.args...)...)
		require.Equal(t, c.code, code, "%s: %s%s", name, out, errs)
		require.Contains(t, errs, c.says, name)
	}
}
