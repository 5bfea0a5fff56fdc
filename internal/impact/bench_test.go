package impact_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// populations are the sizes of the benchmark; VERIGATE_BENCH_ACCOUNTS=10000,100000,1000000 is the whole curve.
func populations(b *testing.B) []int {
	text, given := os.LookupEnv("VERIGATE_BENCH_ACCOUNTS")
	if !given {
		return []int{10_000}
	}
	var sizes []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		require.NoError(b, err)
		sizes = append(sizes, n)
	}
	return sizes
}

// populate fills a store: three in ten verified, one in twenty extended, one in ten of another region.
func populate(b *testing.B, path string, n int) *sqlstore.Store {
	b.Helper()
	now := time.Date(2020, 11, 10, 0, 0, 0, 0, time.UTC)
	s := sqlstoretest.Open(b, sqlstoretest.WithPath(path), sqlstoretest.WithNow(func() time.Time { return now }))
	const batch = 1000
	for from := 0; from < n; from += batch {
		puts := make([]store.PutAccount, min(batch, n-from))
		for i := range puts {
			at := now.AddDate(0, 0, -i%500)
			a := policy.Account{ID: fmt.Sprintf("account-%07d", from+i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at}
			if i%10 == 9 {
				a.Region = "US"
			}
			puts[i] = store.PutAccount{Account: a, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}}
			if i%10 < 3 {
				puts[i].Import = &lifecycle.Change{
					Event: lifecycle.ImportVerified, ChangeID: "import", At: at,
					Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Evidence: "e"}},
				}
			}
		}
		_, err := s.PutAccounts(b.Context(), puts, false)
		require.NoError(b, err)
	}
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(b, err)
	require.NoError(b, s.PublishPolicy(b.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: text, EffectiveFrom: now.AddDate(0, -1, 0), Author: "bench",
	}))
	return s
}

// BenchmarkImpact previews the founding rule, with its series of thirty days, beside a bare SELECT that streams the same
// columns: one statement, scanned and thrown away. Compare the two of one run.
func BenchmarkImpact(b *testing.B) {
	for _, n := range populations(b) {
		path := filepath.Join(b.TempDir(), "verigate.db")
		s := populate(b, path, n)
		snapshot, err := rulebook.New(s).Now(b.Context())
		require.NoError(b, err)
		from := time.Date(2020, 11, 10, 0, 0, 0, 0, time.UTC)
		plan, err := impact.NewPlan(snapshot, impact.Question{From: from, At: from.AddDate(0, 0, 30), Days: 30})
		require.NoError(b, err)
		bare, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, bare.Close()) })
		for round := range 3 { // interleaved: A B A B A B
			b.Run(fmt.Sprintf("accounts=%d/round=%d/select", n, round), func(b *testing.B) {
				begun := cpu(b)
				for b.Loop() {
					require.Equal(b, n, stream(b, bare))
				}
				b.ReportMetric((cpu(b)-begun).Seconds()/float64(b.N), "cpu-s/op")
			})
			b.Run(fmt.Sprintf("accounts=%d/round=%d/impact", n, round), func(b *testing.B) {
				begun := cpu(b)
				for b.Loop() {
					p, err := impact.Run(b.Context(), s, plan, 4)
					require.NoError(b, err)
					require.Equal(b, int64(n), p.Open)
				}
				b.ReportMetric((cpu(b)-begun).Seconds()/float64(b.N), "cpu-s/op")
				b.ReportMetric(residentMiB(b), "MiB-resident")
			})
		}
	}
}

// cpu is the time that the process has used so far: on a machine with other work it tells more than the wall's clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func stream(b *testing.B, db *sql.DB) int {
	rows, err := db.QueryContext(b.Context(), `SELECT a.account_id, a.kind, a.region, a.registered_at, a.closed_at, a.seq, a.state,
		a.since, a.turn_since, a.verified_at, e.extension_id, e.rule_id, e.until, e.granted_at
		FROM accounts a LEFT JOIN extensions e ON e.account_id = a.account_id`)
	require.NoError(b, err)
	defer func() { require.NoError(b, rows.Close()) }()
	n := 0
	for rows.Next() {
		var id, kind, region, state string
		var registered, seq int64
		var closed, since, turn, verified, until, granted sql.NullInt64
		var extension, rule sql.NullString
		err := rows.Scan(&id, &kind, &region, &registered, &closed, &seq, &state, &since, &turn, &verified, &extension, &rule, &until, &granted)
		require.NoError(b, err)
		n++
	}
	require.NoError(b, rows.Err())
	return n
}

// residentMiB is the memory that the process holds now, after what it let go was collected.
func residentMiB(b *testing.B) float64 {
	b.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.Atoi(fields[1])
	require.NoError(b, err)
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
