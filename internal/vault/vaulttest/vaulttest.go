// Package vaulttest opens vaults for tests.
package vaulttest

import (
	"testing"

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
	file, err := vault.GenerateKeyset()
	require.NoError(t, err)
	keys, err := vault.ParseKeyset(file)
	require.NoError(t, err)
	v, err := vault.New(records, keys)
	require.NoError(t, err)
	return v
}
