// Package vaulttest opens vaults for tests, keeps data keys in memory, and checks whoever keeps records and data keys.
package vaulttest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
)

// Open returns a vault with fresh keys over a database of its own.
func Open(t testing.TB) *vault.Sealed {
	t.Helper()
	return Over(t, sqlstoretest.Open(t).VaultRecords())
}

// Over returns a vault with fresh keys over records.
func Over(t testing.TB, records vault.Records) *vault.Sealed {
	t.Helper()
	return With(t, records, NewKeys(), NewKeyset(t))
}

// With returns a vault over records and data keys, with a keyset for everything else.
func With(t testing.TB, records vault.Records, keys vault.Keys, keyset vault.Keyset) *vault.Sealed {
	t.Helper()
	kek, err := keyset.KEK()
	require.NoError(t, err)
	v, err := vault.New(vault.Config{Records: records, Keys: keys, KEK: kek, Keyset: keyset, Now: time.Now})
	require.NoError(t, err)
	return v
}

// NewKeyset returns fresh keys.
func NewKeyset(t testing.TB) vault.Keyset {
	t.Helper()
	file, err := vault.GenerateKeyset()
	require.NoError(t, err)
	keys, err := vault.ParseKeyset(file)
	require.NoError(t, err)
	return keys
}
