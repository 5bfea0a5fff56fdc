package sqlstoretest

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/policy"
)

// Population is how many accounts a benchmark is to have: VERIGATE_BENCH_ACCOUNTS, or the standard if it is not set.
func Population(b *testing.B, standard int) int {
	b.Helper()
	text, given := os.LookupEnv("VERIGATE_BENCH_ACCOUNTS")
	if !given {
		return standard
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

// Populate registers so many accounts, many to a call.
func Populate(b *testing.B, s *sqlstore.Store, accounts int, nth func(int) policy.Account) {
	b.Helper()
	const batch = 1000
	for from := 0; from < accounts; from += batch {
		puts := make([]store.PutAccount, min(batch, accounts-from))
		for i := range puts {
			puts[i].Account = nth(from + i)
		}
		_, err := s.PutAccounts(b.Context(), puts, false)
		require.NoError(b, err)
	}
}
