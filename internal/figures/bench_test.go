package figures_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/tasks"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// populate fills a store: three in ten verified over the last month, one in ten of another region.
func populate(b *testing.B, s *sqlstore.Store, now time.Time, n int) {
	b.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		puts := make([]store.PutAccount, min(batch, n-from))
		for i := range puts {
			at := now.AddDate(0, 0, -30-i%500)
			puts[i] = store.PutAccount{
				Account: policy.Account{ID: fmt.Sprintf("account-%07d", from+i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at},
				Actor:   lifecycle.Actor{Kind: lifecycle.ActorImport},
			}
			switch i % 10 {
			case 9:
				puts[i].Account.Region = "US"
			case 0, 1, 2:
				when := now.Add(-time.Duration(i%720) * time.Hour)
				puts[i].Import = &lifecycle.Change{
					Event: lifecycle.ImportVerified, ChangeID: "import", At: when, Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: when, Evidence: "e"}},
				}
			}
		}
		_, err := s.PutAccounts(b.Context(), puts, false)
		require.NoError(b, err)
	}
}

// BenchmarkFigures measures what a snapshot of the population, one of the rest and a view of both cost.
// VERIGATE_BENCH_ACCOUNTS=1000000 is the size that docs/adr/0012-figures.md speaks of.
func BenchmarkFigures(b *testing.B) {
	accounts := sqlstoretest.Population(b, 10_000)
	now := beijing(11, 20, 12)
	s := sqlstoretest.Open(b, sqlstoretest.WithPath(filepath.Join(b.TempDir(), "verigate.db")), sqlstoretest.WithNow(func() time.Time { return now }))
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(b, err)
	require.NoError(b, s.PublishPolicy(b.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: text, EffectiveFrom: now.AddDate(0, -1, 0), Author: "bench",
	}))
	populate(b, s, now, accounts)
	at := now
	group := tasks.New()
	k := figures.New(figures.Config{Store: s, Now: func() time.Time { return at }, Logger: slog.New(slog.DiscardHandler), Tasks: group, Wait: time.Hour})
	b.Cleanup(func() { require.NoError(b, group.Close(context.WithoutCancel(b.Context()))) })
	name := fmt.Sprintf("accounts=%d/", accounts)
	b.Run(name+"count-the-log", func(b *testing.B) {
		counted := 0
		begun := used(b)
		for b.Loop() {
			n, err := s.TallyLog(b.Context(), 1000)
			require.NoError(b, err)
			counted += n
		}
		if counted > 0 {
			b.ReportMetric(float64((used(b)-begun).Microseconds())/float64(counted), "cpu-us/entry")
		}
	})
	for { // the rest of the log
		n, err := s.TallyLog(b.Context(), 1000)
		require.NoError(b, err)
		if n == 0 {
			break
		}
	}
	for _, one := range []struct {
		name string
		do   func() error
	}{
		{"view", func() error {
			_, err := k.Figures(b.Context())
			return err
		}},
		{"rest", func() error {
			_, err := k.Quick(b.Context(), now)
			return err
		}},
		{"everything", func() error {
			at = at.Add(24 * time.Hour)
			f, err := k.Figures(b.Context())
			if err == nil {
				require.EqualValues(b, accounts, f.Population.Accounts)
			}
			return err
		}},
	} {
		b.Run(name+one.name, func(b *testing.B) {
			_, err := k.Figures(b.Context()) // whatever is kept is there
			require.NoError(b, err)
			runs, begun := 0, used(b)
			for b.Loop() {
				require.NoError(b, one.do())
				runs++
			}
			b.ReportMetric((used(b)-begun).Seconds()/float64(runs), "cpu-s/op")
		})
	}
}

// used is the processor time of the process: on a machine with other work it tells more than the wall's clock.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
