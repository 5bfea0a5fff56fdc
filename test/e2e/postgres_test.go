package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
)

// servingRoles may do what docs/postgresql.md lets the program that serves do, and nothing more.
const servingRoles = `
CREATE ROLE %[1]s LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %[1]s;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %[1]s;`

// TestServeOnPostgreSQL takes a merchant through "verigate serve" with the data in one PostgreSQL database and the data keys
// in another, by roles that own neither, across a power cut.
func TestServeOnPostgreSQL(t *testing.T) {
	t.Parallel()
	binary(t, binEnv)
	data, keys := pgtest.Database(t, pgtest.Kind{Name: "served"}), pgtest.Database(t, pgtest.Kind{Name: "servedkeys"})
	d := newDemo(t)
	owner, serving := d.settings(t, "owner", data, keys), d.settings(t, "serving", pgtest.As(t, data, "serving"), pgtest.As(t, keys, "keeping"))
	migrated := string(d.verigate(t, "migrate", "--config", owner))
	require.Contains(t, migrated, " keys/")
	require.NotContains(t, migrated, "pending")
	require.Contains(t, string(d.verigate(t, "migrate", "--config", owner)), "0 applied now")
	pgtest.Execute(t, data, fmt.Sprintf(servingRoles, "serving"))
	pgtest.Execute(t, keys, fmt.Sprintf(servingRoles, "keeping"))

	d.ready.APIKey = d.newKey(t, serving, "accounts:write,decisions:read,verifications:read,verifications:write,policies:write")
	d.ready.ReviewerKey = d.newKey(t, serving, "reviews:write,verifications:read,policies:approve")
	d.serve(t, serving)

	// Nobody has published a rule: a person reviews.
	a, hand := d.account(t), d.phone(t)
	a.submit("under_review")
	a.review("", "approve", "")
	a.await("approved")
	d.publish(t, a, "../../testdata/policies/wishpost-2020.yaml")
	a.requireGate("block", "enforced")
	qr := a.startFace()

	d.kill(t)
	d.serve(t, serving)
	require.Equal(t, "qr_issued", a.status().State)
	to, err := url.Parse(hand.open(qr.URL, http.StatusFound).location)
	require.NoError(t, err)
	d.ready.Alipay = to.Scheme + "://" + to.Host
	page := a.follow()
	hand.finish(qr, "pass")
	page.untilWithin("verified", soon)
	a.requireGate("allow", "verified")
	log := a.settled()

	d.stop(t)
	d.serve(t, serving)
	a.requireGate("allow", "verified")
	require.Equal(t, log, a.settled())
	require.Contains(t, string(d.verigate(t, "vault", "status", "--config", serving)), "newest")
	d.stop(t)

	files := pgtest.Files(t)
	requireClean(t, files, d.secrets())
	require.True(t, stands(t, files, a.id), "the account is in the database")
	require.NoFileExists(t, d.path("verigate.db"))
}

// TestDemoFillsEmptyDatabasesOnly: a database that holds anything is somebody's.
func TestDemoFillsEmptyDatabasesOnly(t *testing.T) {
	t.Parallel()
	binary(t, binEnv)
	data, keys := pgtest.Database(t, pgtest.Kind{Name: "taken"}), pgtest.Database(t, pgtest.Kind{Name: "takenkeys"})
	d := newDemo(t)
	d.verigate(t, "migrate", "--config", d.settings(t, "owner", data, keys))
	for _, fresh := range []string{"--fresh", "--fresh=false"} {
		d.run(t, "demo", "--data", d.path("data"), "--no-browser", "--http", "127.0.0.1:0", "--store-url", data, "--keys-url", keys, fresh)
		require.Equal(t, 1, d.awaitEnd(t).ExitStatus())
		require.Contains(t, d.tail(), "name an empty one")
	}
	require.Empty(t, d.verigate(t, "keys", "list", "--config", d.path("owner.yaml")), "nothing was filled in")
}

// settings writes a configuration; its secrets lie beside what is searched for leaks.
func (d *demo) settings(t testing.TB, name, data, keys string) (file string) {
	t.Helper()
	secrets := t.TempDir()
	for _, kind := range []string{"vault", "codec", "links", "receipts"} {
		kept := filepath.Join(filepath.Dir(secrets), kind)
		if _, err := os.Stat(kept); err != nil {
			require.NoError(t, os.WriteFile(kept, d.verigate(t, "secrets", "new", kind), 0o600))
		}
		require.NoError(t, os.Symlink(kept, filepath.Join(secrets, kind)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "data"), []byte(data), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(secrets, "keys"), []byte(keys), 0o600))
	require.NoError(t, os.MkdirAll(d.path("engine"), 0o700))
	in := func(kind string) string { return "file:" + filepath.Join(secrets, kind) }
	text, err := json.Marshal(map[string]any{ // which is YAML too
		"store":    map[string]any{"driver": "postgres", "url": in("data"), "path": d.path("verigate.db"), "migrate": false},
		"vault":    map[string]any{"keys_url": in("keys")},
		"secrets":  map[string]any{"vault_keyset": in("vault"), "codec_keyset": in("codec"), "link_keys": in("links"), "receipt_keys": in("receipts")},
		"temporal": map[string]any{"mode": "embedded", "dir": d.path("engine")},
		"provider": map[string]any{"kind": "simulated", "simulator_state": d.path("alipay.json")},
		"pages":    map[string]any{"operator_zh": "商户平台", "operator_en": "Platform", "contact": "privacy@platform.example"},
	})
	require.NoError(t, err)
	file = d.path(name + ".yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// serve starts the program and waits until it says where it answers, which stays the same over a restart.
func (d *demo) serve(t testing.TB, file string) {
	t.Helper()
	listen := "127.0.0.1:0"
	if before, err := url.Parse(d.ready.API); err == nil && before.Host != "" {
		listen = before.Host
	}
	d.runUntilReady(t, "serve", "--config", file, "--set", "http.listen="+listen)
}

// runUntilReady begins a process that goes on, and waits until it says where it answers, if it does.
func (d *demo) runUntilReady(t testing.TB, args ...string) {
	t.Helper()
	begun := len(d.said(t))
	d.run(t, args...)
	eventually(t, patience, "the program answers", func() bool {
		for line := range bytes.Lines(d.said(t)[begun:]) {
			var told struct{ Msg, API string }
			if json.Unmarshal(line, &told) == nil && told.Msg == "ready" {
				d.ready.API = told.API
				return true
			}
		}
		require.False(t, d.hasEnded(), "the program ended before it was ready: %v\n%s", d.state, d.tail())
		return false
	})
}

// said is the program's log until now.
func (d *demo) said(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(d.path("stderr"))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return text
}

func (d *demo) newKey(t testing.TB, file, scopes string) string {
	t.Helper()
	return strings.TrimSpace(string(d.verigate(t, "keys", "create", "--config", file, "--label", "test", "--scopes", scopes)))
}

// publish has a policy proposed by one key and approved by the other.
func (d *demo) publish(t testing.TB, a *account, file string) {
	t.Helper()
	d.verigate(t, "policy", "publish", "--url", d.ready.API, "--key", a.service.key, "--note", "test", file)
	d.verigate(t, "policy", "approve", "--url", d.ready.API, "--key", a.reviewer.key, "wishpost-face-verification", "1", "--reason", "test")
}

// stands reports whether a text is in some file below root.
func stands(t testing.TB, root, text string) (found bool) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server deletes what it no longer needs
		}
		if err != nil || !e.Type().IsRegular() || found {
			return err
		}
		all, err := readWhole(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found = bytes.Contains(all, []byte(text))
		return err
	}))
	return found
}
