package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
)

const population = 100_000

// populated opens a store with 100,000 accounts.
func populated(b *testing.B) *sqlstore.Store {
	b.Helper()
	s := sqlstoretest.Open(b)
	populate(b, s, population)
	return s
}

func populate(b *testing.B, s *sqlstore.Store, accounts int) {
	b.Helper()
	sqlstoretest.Populate(b, s, accounts, func(n int) policy.Account {
		return policy.Account{ID: "account-" + strconv.Itoa(n), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)}
	})
}

// BenchmarkCopy copies the database of VERIGATE_BENCH_ACCOUNTS accounts, 100,000 if it is not set, into a file, as a rehearsal
// does first.
func BenchmarkCopy(b *testing.B) {
	accounts := sqlstoretest.Population(b, population)
	path, url := filepath.Join(b.TempDir(), "from.db"), sqlstoretest.Postgres(b)
	for _, from := range []struct {
		name  string
		store *sqlstore.Store
		copy  func(to string) error
	}{
		{"SQLite", sqlstoretest.Open(b, sqlstoretest.WithPath(path)), func(to string) error { return sqlstore.Copy(b.Context(), path, to, time.Second) }},
		{"PostgreSQL", sqlstoretest.OpenURL(b, url), func(to string) error { return sqlstore.CopyURL(b.Context(), url, to, time.Second) }},
	} {
		populate(b, from.store, accounts)
		b.Run(from.name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				require.NoError(b, from.copy(filepath.Join(b.TempDir(), strconv.Itoa(n))))
			}
			b.ReportMetric(float64(accounts*b.N)/b.Elapsed().Seconds(), "accounts/s")
		})
	}
}

func accountID(n int) string { return "account-" + strconv.Itoa(n%population) }

// stride visits accounts in an order that no cache expects.
const stride = 7919

func BenchmarkFacts(b *testing.B) {
	s := populated(b)
	ctx := b.Context()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n += stride
			if _, err := s.Facts(ctx, accountID(n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) { // the same row by primary key, as plain as database/sql allows
		b.ReportAllocs()
		stmt, err := s.Readers().Prepare(`SELECT kind, region, registered_at, state FROM accounts WHERE account_id = ?`)
		require.NoError(b, err)
		defer func() { require.NoError(b, stmt.Close()) }()
		n := 0
		for b.Loop() {
			n += stride
			var kind, region, state string
			var registered int64
			if err := stmt.QueryRowContext(ctx, accountID(n)).Scan(&kind, &region, &registered, &state); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("thousand", func(b *testing.B) {
		b.ReportAllocs()
		ids := make([]string, 1000)
		n := 0
		for b.Loop() {
			for i := range ids {
				n += stride
				ids[i] = accountID(n)
			}
			if _, err := s.FactsOf(ctx, ids); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Facts(ctx, accountID(int(n.Add(stride)))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkAppend(b *testing.B) {
	s := populated(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n += stride
		if _, err := s.Append(b.Context(), prompt(accountID(n), fmt.Sprint(n))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutAccounts(b *testing.B) {
	s := sqlstoretest.Open(b)
	puts := make([]store.PutAccount, 1000)
	n := 0
	for b.Loop() {
		for i := range puts {
			n++
			puts[i].Account = policy.Account{ID: "account-" + strconv.Itoa(n), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)}
		}
		if _, err := s.PutAccounts(b.Context(), puts, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "accounts/s")
}
