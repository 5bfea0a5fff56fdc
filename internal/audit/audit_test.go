package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// seals signs with a key that the store does not know.
type seals string

func (s seals) Seal(text []byte) (string, []byte) {
	sum := sha256.Sum256(append([]byte(s), text...))
	return string(s), sum[:]
}

func (s seals) Sealed(keyID string, text, signature []byte) bool {
	_, want := s.Seal(text)
	return keyID == string(s) && string(want) == string(signature)
}

// world is a store with entries in its audit log and accounts with logs.
type world struct {
	t     testing.TB
	clock *fixturetest.Clock
	store *sqlstore.Store
	log   *audit.Log
}

// newWorld is a world of so many acts by somebody, and so many accounts.
func newWorld(t *testing.T, actor string, acts, accounts int) *world {
	t.Helper()
	clock := fixturetest.NewClock(time.Date(2020, 12, 1, 10, 0, 0, 0, lifecycle.Beijing()))
	w := &world{t: t, clock: clock, store: sqlstoretest.Open(t, sqlstoretest.WithNow(clock.Now))}
	w.log = audit.New(w.store, seals("k1"), clock.Now)
	w.acts(actor, acts)
	w.accounts(actor, accounts)
	return w
}

// accounts registers so many accounts with a log of one entry.
func (w *world) accounts(prefix string, n int) {
	w.t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%04d", prefix, i)
		_, _, err := w.store.PutAccount(w.t.Context(), store.PutAccount{
			Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: w.clock.Now()},
		}, false)
		require.NoError(w.t, err)
		w.prompt(id)
	}
}

func (w *world) acts(actor string, n int) {
	w.t.Helper()
	for range n {
		_, err := w.store.AppendAudit(w.t.Context(), store.AuditEntry{Actor: actor, Action: "brake", Outcome: store.OutcomeOK})
		require.NoError(w.t, err)
	}
}

func (w *world) prompt(id string) {
	w.t.Helper()
	_, err := w.store.Append(w.t.Context(), lifecycle.Append{AccountID: id, ChangeID: fmt.Sprint(w.clock.Now()), Head: lifecycle.AnyHead,
		Changes: []lifecycle.Change{{Event: lifecycle.Prompt, At: w.clock.Now(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}}})
	require.NoError(w.t, err)
	w.clock.Advance(time.Second)
}

func (w *world) checkpoint() store.Checkpoint {
	w.t.Helper()
	c, err := w.log.Checkpoint(w.t.Context())
	require.NoError(w.t, err)
	return c
}

func (w *world) verify(kept ...store.Checkpoint) *audit.Result {
	w.t.Helper()
	result, err := w.log.Verify(w.t.Context(), kept)
	require.NoError(w.t, err)
	return result
}

func TestLogsThatGoOnFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 0, 0)
	require.True(t, w.verify().Intact(), "of nothing")
	empty := w.checkpoint()
	require.True(t, w.verify().Intact())
	w = newWorld(t, "anna", 1100, 600)
	first := w.checkpoint()
	w.acts("anna", 3)
	w.prompt("anna-0007")
	second := w.checkpoint()
	w.acts("anna", 2)
	w.prompt("anna-0001")
	got := w.verify(first, second)
	require.True(t, got.Intact(), "%v", got.Faults)
	require.EqualValues(t, 1105, got.Entries)
	require.EqualValues(t, 600, got.Accounts)
	require.EqualValues(t, 602, got.LogEntries)
	require.Equal(t, 4, got.Checkpoints)
	require.EqualValues(t, 2, got.Newest.Number)

	got = w.verify(empty)
	require.Equal(t, []store.Fault{{Log: "checkpoint/1", Kind: store.FaultRewritten}}, got.Faults, "another checkpoint of that number")
}

// TestRewrittenLogsAreFound: whoever makes all hashes anew has a chain that fits, and not the one that was signed.
func TestRewrittenLogsAreFound(t *testing.T) {
	t.Parallel()
	signed := newWorld(t, "anna", 5, 3).checkpoint()
	for name, c := range map[string]struct {
		now  *world
		want []store.Fault
	}{
		"another actor": {newWorld(t, "ben", 7, 0), []store.Fault{
			{Log: "checkpoint/1", Kind: store.FaultMissing}, {Log: "audit", Entry: 5, Kind: store.FaultRewritten}, {Log: "accounts", Kind: store.FaultRewritten}}},
		"cut off": {newWorld(t, "anna", 4, 3), []store.Fault{
			{Log: "checkpoint/1", Kind: store.FaultMissing}, {Log: "audit", Entry: 5, Kind: store.FaultEnd}}},
		"an account less": {newWorld(t, "anna", 5, 2), []store.Fault{
			{Log: "checkpoint/1", Kind: store.FaultMissing}, {Log: "accounts", Kind: store.FaultRewritten}}},
	} {
		require.Equal(t, c.want, c.now.verify(signed).Faults, name)
	}
}

func TestCheckpointsAreSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 3, 1)
	c := w.checkpoint()
	require.True(t, w.log.Holds(c))
	for name, change := range map[string]func(*store.Checkpoint){
		"number": func(c *store.Checkpoint) { c.Number++ }, "at": func(c *store.Checkpoint) { c.At = c.At.Add(1) },
		"entries": func(c *store.Checkpoint) { c.Entries-- }, "hash": func(c *store.Checkpoint) { c.Hash = c.Hash[:31] },
		"position": func(c *store.Checkpoint) { c.Position-- }, "accounts": func(c *store.Checkpoint) { c.Accounts-- },
		"digest": func(c *store.Checkpoint) { c.Digest = c.Digest[:31] }, "key": func(c *store.Checkpoint) { c.KeyID = "k2" },
		"signature": func(c *store.Checkpoint) { c.Signature = nil },
	} {
		forged := c
		change(&forged)
		require.False(t, w.log.Holds(forged), name)
		require.Contains(t, w.verify(forged).Faults, store.Fault{Log: fmt.Sprint("checkpoint/", forged.Number), Kind: store.FaultSignature}, name)
	}
	other := audit.New(w.store, seals("k2"), w.clock.Now)
	got, err := other.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.False(t, got.Intact(), "a checkpoint of another key vouches for nothing")
	require.Zero(t, got.Newest.Number)
}

func TestOneCheckpointADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 1, 0)
	daily := func() bool {
		_, taken, err := w.log.Daily(t.Context())
		require.NoError(t, err)
		return taken
	}
	require.True(t, daily())
	w.clock.Advance(24*time.Hour - 1)
	require.False(t, daily())
	w.clock.Advance(1)
	require.True(t, daily())
	all, err := w.store.Checkpoints(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, all, 2)
}

func TestCheckpointsOfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 1, 0)
	var group errgroup.Group
	for range 3 {
		group.Go(func() error {
			_, err := w.log.Checkpoint(context.WithoutCancel(t.Context()))
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, 3, w.verify().Checkpoints)
	require.True(t, w.verify().Intact())
}

func TestFaultsAreCountedAndTheFirstNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 1, 0)
	forged := make([]store.Checkpoint, 30)
	for i := range forged {
		forged[i].Number = int64(i + 1)
	}
	got := w.verify(forged...)
	require.Equal(t, 30, got.Count)
	require.Len(t, got.Faults, 20)
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.log.Verify(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// BenchmarkVerify follows the logs of so many accounts, of one entry each.
func BenchmarkVerify(b *testing.B) {
	const accounts, batch = 100_000, 5000
	clock := fixturetest.NewClock(time.Date(2020, 12, 1, 10, 0, 0, 0, lifecycle.Beijing()))
	s := sqlstoretest.Open(b, sqlstoretest.WithNow(clock.Now), sqlstoretest.WithVolatile())
	for from := 0; from < accounts; from += batch {
		puts := make([]store.PutAccount, batch)
		for i := range puts {
			puts[i] = store.PutAccount{
				Account: policy.Account{ID: fmt.Sprintf("a%07d", from+i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: clock.Now()},
				Import: &lifecycle.Change{ChangeID: "import", Event: lifecycle.ImportVerified, At: clock.Now(),
					Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: clock.Now(), Method: "m", Evidence: "e"}}},
			}
		}
		_, err := s.PutAccounts(b.Context(), puts, false)
		require.NoError(b, err)
	}
	log := audit.New(s, seals("k1"), clock.Now)
	w := &world{clock: clock, store: s, log: log}
	taken := 0
	for _, want := range []int{1, 100} {
		b.Run(fmt.Sprint("checkpoints=", want), func(b *testing.B) {
			w.t = b
			for ; taken < want; taken++ {
				w.checkpoint()
				w.prompt("a0000000")
			}
			b.ResetTimer()
			for b.Loop() {
				require.True(b, w.verify().Intact())
			}
			b.ReportMetric(float64(accounts)*float64(b.N)/b.Elapsed().Seconds(), "logs/s")
		})
	}
}
