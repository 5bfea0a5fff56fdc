package vault_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

// world is a data file and a key file in folders of their own, and the keyset's file.
type world struct {
	t          *testing.T
	data, keys string // folders
	keyset     []byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keyset, err := vault.GenerateKeyset()
	require.NoError(t, err)
	return &world{t: t, data: t.TempDir(), keys: t.TempDir(), keyset: keyset}
}

const (
	dataName = "verigate.db"
	keyName  = "verigate-keys.db"
)

func (w *world) parsed() vault.Keyset {
	w.t.Helper()
	keys, err := vault.ParseKeyset(w.keyset)
	require.NoError(w.t, err)
	return keys
}

func (w *world) records() vault.Records {
	w.t.Helper()
	return sqlstoretest.Open(w.t, sqlstoretest.WithPath(filepath.Join(w.data, dataName))).VaultRecords()
}

// open opens the vault as another process would.
func (w *world) open() *vault.Sealed {
	w.t.Helper()
	return vaulttest.With(w.t, w.records(), keyFile(w.t, filepath.Join(w.keys, keyName)), w.parsed())
}

// copied is a backup of a folder: the file as a copying program finds it, with its write-ahead log.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".db-shm" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, f.Name()), content, 0o600))
	}
	return to
}

// rotate puts a new key in front of the keyset.
func (w *world) rotate() {
	w.t.Helper()
	var err error
	w.keyset, err = vault.RotateKeyset(w.keyset)
	require.NoError(w.t, err)
}

func note(t *testing.T, v *vault.Sealed, account, text string) string {
	t.Helper()
	ref, err := v.PutText(t.Context(), account, vault.KindNote, text)
	require.NoError(t, err)
	return ref
}

func silent(int, int) {}
