package vault_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

// BenchmarkSealing compares, on the same files, a record under its account's data key with one as it was sealed before
// there were data keys.
func BenchmarkSealing(b *testing.B) {
	const text = `{"name":"欧阳金丝雀","doc_type":"cn_id","number":"11010519491231002X"}`
	ctx, dir, keyset := b.Context(), b.TempDir(), vaulttest.NewKeyset(b)
	records := sqlstoretest.Open(b, sqlstoretest.WithPath(filepath.Join(dir, "data.db"))).VaultRecords()
	keys, err := sqlstore.OpenKeys(ctx, sqlstore.Config{Path: filepath.Join(dir, "keys.db"), Now: time.Now})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, keys.Close()) })
	v := vaulttest.With(b, records, keys, keyset)
	n := 0
	before := func() string {
		n++
		ref := "text-" + strconv.Itoa(n)
		sealed, err := vault.SealAsBefore(keyset, "a1", ref, vault.KindText, []byte(text))
		require.NoError(b, err)
		require.NoError(b, records.PutRecord(ctx, vault.Record{AccountID: "a1", Ref: ref, Kind: vault.KindText, Sealed: sealed}))
		return ref
	}
	now := func(account string) string {
		ref, err := v.PutText(ctx, account, vault.KindNote, text)
		require.NoError(b, err)
		return ref
	}
	read := func(account, ref string) {
		_, err := v.Text(ctx, account, ref)
		require.NoError(b, err)
	}
	refs := map[string]string{"before": before(), "now": now("a1")}
	for name, do := range map[string]func(){
		"put/before": func() { before() }, "put/now": func() { now("a1") },
		"put/now, first of its account": func() { n++; now("b" + strconv.Itoa(n)) },
		"get/before":                    func() { read("a1", refs["before"]) }, "get/now": func() { read("a1", refs["now"]) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				do()
			}
		})
	}
}
