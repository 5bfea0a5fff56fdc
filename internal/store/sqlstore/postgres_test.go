package sqlstore_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// processes are two stores on one PostgreSQL database, as two processes have them.
func processes(t *testing.T) [2]*sqlstore.Store {
	t.Helper()
	url := sqlstoretest.Postgres(t)
	return [2]*sqlstore.Store{sqlstoretest.OpenURL(t, url), sqlstoretest.OpenURL(t, url)}
}

// atOnce runs a function several times at once, by both processes in turn.
func atOnce(t *testing.T, s [2]*sqlstore.Store, times int, do func(ctx context.Context, s *sqlstore.Store, n int) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	for n := range times {
		group.Go(func() error { return do(ctx, s[n%2], n) })
	}
	require.NoError(t, group.Wait())
}

// TestProcessesShareALog: what two processes append to one account is one chain without a gap, and no answer leaves an
// entry out.
func TestProcessesShareALog(t *testing.T) {
	t.Parallel()
	s := processes(t)
	register(t, s[0], "a1")
	const each = 5
	atOnce(t, s, 8, func(ctx context.Context, s *sqlstore.Store, n int) error {
		head := lifecycle.New("a1")
		for i := 0; i < each; {
			a := prompt("a1", fmt.Sprintf("%d-%d", n, i))
			a.Head, a.Known = head.Seq, head.Seq
			got, err := s.Append(ctx, a)
			if err != nil {
				return err
			}
			if head, err = head.Fold(got.Log...); err != nil {
				return err
			}
			if got.Outcome == lifecycle.Appended {
				i++
			}
		}
		return nil
	})
	log, err := s[0].Events(t.Context(), "a1", 0, 1000)
	require.NoError(t, err)
	require.Len(t, log, 8*each)
	require.NoError(t, s[1].VerifyProjection(t.Context(), "a1"))
}

// TestProcessesAppendCrosswise: batches that name the same accounts in other orders do not hinder each other.
func TestProcessesAppendCrosswise(t *testing.T) {
	t.Parallel()
	s := processes(t)
	const accounts, rounds = 6, 4
	for i := range accounts {
		register(t, s[0], "a"+strconv.Itoa(i))
	}
	atOnce(t, s, 4, func(ctx context.Context, s *sqlstore.Store, n int) error {
		for round := range rounds {
			var appends []lifecycle.Append
			for i := range accounts {
				id := (i*(1+4*(n/2%2)) + n) % accounts // upwards or downwards, from another begin
				appends = append(appends, prompt("a"+strconv.Itoa(id), fmt.Sprintf("%d-%d", n, round)))
			}
			if _, err := s.AppendAll(ctx, appends); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range accounts {
		log, err := s[1].Events(t.Context(), "a"+strconv.Itoa(i), 0, 1000)
		require.NoError(t, err)
		require.Len(t, log, 4*rounds)
	}
}

// TestProcessesRegisterTheSame: two imports of the same new accounts, in opposite orders, make each of them once.
func TestProcessesRegisterTheSame(t *testing.T) {
	t.Parallel()
	s := processes(t)
	puts := make([]store.PutAccount, 60)
	for i := range puts {
		puts[i].Account = individual("a" + strconv.Itoa(i))
	}
	created := make([]int, 4)
	atOnce(t, s, 4, func(ctx context.Context, s *sqlstore.Store, n int) error {
		mine := slices.Clone(puts)
		if n/2 == 1 {
			slices.Reverse(mine)
		}
		outcomes, err := s.PutAccounts(ctx, mine, false)
		for _, o := range outcomes {
			if o.Err != nil {
				return o.Err
			}
			if o.Result == store.Created {
				created[n]++
			}
		}
		return err
	})
	require.Equal(t, len(puts), created[0]+created[1]+created[2]+created[3])
}

// TestProcessesShareTheAuditLog: entries of two processes are one chain, with instants that do not run backwards.
func TestProcessesShareTheAuditLog(t *testing.T) {
	t.Parallel()
	s := processes(t)
	const entries = 40
	atOnce(t, s, entries, func(ctx context.Context, s *sqlstore.Store, n int) error {
		_, err := s.AppendAudit(ctx, store.AuditEntry{Actor: "op-" + strconv.Itoa(n), Action: "test", Outcome: store.OutcomeOK})
		return err
	})
	check, err := s[1].CheckAudit(t.Context(), store.ChainLink{}, 1000)
	require.NoError(t, err)
	require.Nil(t, check.Fault)
	require.Len(t, check.Links, entries)
	log, err := s[0].AuditEntries(t.Context(), store.AuditFilter{Limit: 100, Oldest: true})
	require.NoError(t, err)
	require.True(t, slices.IsSortedFunc(log, func(a, b store.AuditEntry) int { return a.At.Compare(b.At) }))
}

// TestProcessesShareTheOutbox: of two processes that fan out, claim and record all the time, every message is delivered
// once, an account's in the order of its log, and none is left behind.
func TestProcessesShareTheOutbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := processes(t)
	_, err := s[0].PutWebhook(ctx, store.Webhook{ID: "w", URL: "https://shop.example", CreatedAt: minute(0)},
		store.WebhookSecret{ID: "s", Sealed: []byte("sealed"), CreatedAt: minute(0)}, 1)
	require.NoError(t, err)
	const accounts, entries = 4, 12
	for i := range accounts {
		register(t, s[0], "a"+strconv.Itoa(i))
	}
	announce := func(c lifecycle.Change) (store.Announcement, bool) {
		return store.Announcement{MessageID: fmt.Sprintf("%s/%d", c.AccountID, c.Seq), Type: "verification.changed"}, true
	}
	sent := make(chan store.Claimed, accounts*entries)
	deliver := func(ctx context.Context, s *sqlstore.Store, worker int) error {
		if _, err := s.FanOut(ctx, announce, minute(1), 5); err != nil {
			return err
		}
		claimed, err := s.ClaimDeliveries(ctx, store.Claim{
			WebhookID: "w", Token: "worker-" + strconv.Itoa(worker), Now: minute(1), Until: minute(2), Limit: 3,
		})
		if err != nil {
			return err
		}
		results := make([]store.DeliveryResult, len(claimed))
		for i, c := range claimed {
			results[i] = store.DeliveryResult{ID: c.ID, Token: "worker-" + strconv.Itoa(worker), State: store.DeliveryDelivered, Counted: true, At: minute(1)}
			sent <- c
		}
		return s.RecordDeliveries(ctx, results, nil)
	}
	atOnce(t, s, accounts+4, func(ctx context.Context, s *sqlstore.Store, n int) error {
		for i := range entries {
			if n < accounts {
				if _, err := s.Append(ctx, prompt("a"+strconv.Itoa(n), strconv.Itoa(i))); err != nil {
					return err
				}
				continue
			}
			if err := deliver(ctx, s, n); err != nil {
				return err
			}
		}
		return nil
	})
	for b, err := s[0].Backlog(ctx); b.Pending > 0 || !b.Oldest.IsZero(); b, err = s[0].Backlog(ctx) {
		require.NoError(t, err)
		before := len(sent)
		require.NoError(t, deliver(ctx, s[0], 99))
		left, err := s[0].Backlog(ctx)
		require.NoError(t, err)
		require.True(t, len(sent) > before || left != b, "what is pending is neither due nor queued: it would wait for ever")
	}
	close(sent)
	last := map[string]int64{}
	for c := range sent {
		require.Equal(t, last[c.AccountID]+1, c.Seq, c.AccountID)
		last[c.AccountID] = c.Seq
	}
	for i := range accounts {
		require.EqualValues(t, entries, last["a"+strconv.Itoa(i)])
	}
}

// TestProcessesReplaceAContact: of references that replace each other, each but the last is given back once, so that none is
// left in the vault.
func TestProcessesReplaceAContact(t *testing.T) {
	t.Parallel()
	s := processes(t)
	register(t, s[0], "a1")
	const times = 12
	replaced := make([]string, times)
	atOnce(t, s, times, func(ctx context.Context, s *sqlstore.Store, n int) (err error) {
		replaced[n], err = s.PutContact(ctx, "a1", "ref-"+strconv.Itoa(n))
		return err
	})
	left, err := s[0].Contact(t.Context(), "a1")
	require.NoError(t, err)
	all := append(replaced, left, "")
	slices.Sort(all)
	require.Len(t, slices.Compact(all), times+1, "every reference, and nothing before the first")
}

// TestProcessesRequestExtensions: what the account's row says of its extensions holds, whoever wrote last.
func TestProcessesRequestExtensions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := processes(t)
	register(t, s[0], "a1")
	const times = 8
	atOnce(t, s, times, func(ctx context.Context, s *sqlstore.Store, n int) error {
		return s.PutExtension(ctx, policy.Extension{
			ID: "e" + strconv.Itoa(n), AccountID: "a1", RuleID: "r", Until: minute(30 + (n*5)%times), GrantedAt: minute(1),
		}, lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op"}, "")
	})
	page, err := s[1].ListAccounts(ctx, store.AccountFilter{Extension: store.ExtensionRunning, Now: minute(2), Limit: 10})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.True(t, page[0].ExtendedUntil.Equal(minute(30+times-1)))
}

// TestProcessesEraseAndSeal: once an erasure is requested, no record of its kind comes into being any more.
func TestProcessesEraseAndSeal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := processes(t)
	const rounds = 10
	for round := range rounds {
		id := "a" + strconv.Itoa(round)
		register(t, s[0], id)
		var seen []vault.Holding
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			_, err = s[0].RequestErasure(ctx, store.Erasure{
				ID: "erasure-" + id, AccountID: id, Kinds: []string{string(vault.KindSubject)}, Reason: "request", RequestedAt: minute(1),
			})
			if err == nil {
				seen, err = s[0].VaultRecords().Holdings(ctx, id)
			}
			return err
		})
		sealed := 0
		group.Go(func() error {
			for i := range 5 {
				err := s[1].VaultRecords().PutRecord(ctx, vault.Record{
					AccountID: id, Ref: "ref-" + strconv.Itoa(i), Kind: vault.KindSubject, Sealed: []byte("sealed"), KeyID: "key",
				})
				if err != nil {
					require.ErrorIs(t, err, vault.ErrErasing)
					return nil
				}
				sealed++
			}
			return nil
		})
		require.NoError(t, group.Wait())
		found := 0
		for _, h := range seen {
			found += h.Records
		}
		require.Equal(t, sealed, found, "the erasure has seen everything that it has to destroy")
	}
}

// TestNothingBelowARestingPlace: a count goes no further than nobody can fill in below it.
func TestNothingBelowARestingPlace(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := processes(t)
	register(t, s[0], "slow")
	register(t, s[0], "quick")
	slow, err := s[0].Writer().BeginTx(ctx, nil)
	require.NoError(t, err)
	_, err = slow.ExecContext(ctx, `INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash)
		VALUES ('slow', 1, 'c', 'prompt', 1, $1, '{}', '')`, time.Now().UnixNano())
	require.NoError(t, err)
	_, err = s[1].Append(ctx, prompt("quick", "c"))
	require.NoError(t, err)

	type counted struct {
		n   int
		err error
	}
	answer := make(chan counted, 1)
	go func() {
		n, err := s[1].TallyLog(ctx, 100)
		answer <- counted{n, err}
	}()
	// The count has to wait for the slow transaction: only then is it sure of what lies before the quick one's entry.
	require.Eventually(t, func() bool {
		var waiting int
		err := s[0].Readers().QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting)
		return err == nil && waiting == 1
	}, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, slow.Commit())
	got := <-answer
	require.NoError(t, got.err)
	require.Equal(t, 2, got.n)
}
