package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// seedEnv names the seed of another run's moments.
const seedEnv = "VERIGATE_E2E_SEED"

// moments draws when a process is killed. A moment is a number of answers, lines or deliveries that were seen, never a
// time, so that the same seed means the same moment on any machine.
type moments struct{ *rand.Rand }

// newMoments prints its seed; VERIGATE_E2E_SEED gives the same moments again.
func newMoments(t *testing.T) moments {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(seedEnv); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err, seedEnv)
	}
	t.Logf("%s=%d", seedEnv, seed)
	return moments{rand.New(rand.NewPCG(seed, 0))}
}

// upTo draws from 1 to n.
func (m moments) upTo(n int) int { return 1 + m.IntN(max(n, 1)) }

// kills is how often each of the tests of random kills ends the process.
func kills() int {
	if os.Getenv(allEnv) != "" {
		return 50
	}
	return 3
}

// fullHistory reads an account's log in as few requests as can be.
func fullHistory(c caller, id string) []entry {
	c.t.Helper()
	page := get[historyPage](c, "/v1/accounts/"+id+"/history?limit=500")
	require.Nil(c.t, page.Cursor, "%s has more than 500 entries", id)
	return page.Entries
}

// listed reads all accounts whose id begins with prefix from the list of verifications, which is by account id.
func listed(c caller, query, prefix string) []listedStatus {
	c.t.Helper()
	var all []listedStatus
	for cursor := ""; ; {
		page := get[statusPage](c, "/v1/verifications?limit=500&sort=account_id"+query+cursor)
		for _, s := range page.Verifications {
			if strings.HasPrefix(s.AccountID, prefix) {
				all = append(all, s)
			}
		}
		if page.Cursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.Cursor
	}
}
