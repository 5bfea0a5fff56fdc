package erasure_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/erasure"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	canaryName   = "欧阳金丝雀"
	canaryNumber = "11010519491231002X"
)

var errDown = errors.New("down")

// world is a store, a vault, an engine that writes revocations to the log, and somebody who signs.
type world struct {
	t     *testing.T
	dir   string
	now   time.Time
	store *sqlstore.Store
	keys  *vaulttest.Keys
	ring  vault.Keyset
	vault *vault.Sealed
	down  map[string]bool // what does not answer
	calls int             // of Revoke
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), down: map[string]bool{}}
	w.store = sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(w.dir, "verigate.db")), sqlstoretest.WithNow(func() time.Time { return w.now }))
	w.keys, w.ring = vaulttest.NewKeys(), vaulttest.NewKeyset(t)
	w.vault = vaulttest.With(t, w.store.VaultRecords(), w.keys, w.ring)
	return w
}

func (w *world) eraser(terms erasure.Terms) *erasure.Eraser {
	w.t.Helper()
	e, err := erasure.New(erasure.Config{
		Store: w.store, Vault: faulty{w.vault, w}, Engine: engine{w}, Seals: seals{}, Now: func() time.Time { return w.now },
		Logger: slog.New(slog.DiscardHandler), Terms: terms,
	})
	require.NoError(w.t, err)
	return e
}

// faulty is the vault, while it is not down.
type faulty struct {
	*vault.Sealed
	w *world
}

func (f faulty) Forget(ctx context.Context, id string, kinds ...vault.Kind) (vault.Forgotten, error) {
	if f.w.down["vault"] {
		return vault.Forgotten{}, errDown
	}
	return f.Sealed.Forget(ctx, id, kinds...)
}

// engine writes revocations.
type engine struct{ w *world }

func (e engine) Revoke(_ context.Context, id, change string, in contract.Plain) (contract.Status, error) {
	e.w.calls++
	if e.w.down["engine"] {
		return contract.Status{}, errDown
	}
	e.w.write(id, change, lifecycle.Change{Event: lifecycle.Revoke, Actor: in.Actor, Reason: in.Reason})
	return contract.Status{}, nil
}

// seals signs by repeating what it signs.
type seals struct{}

func (seals) Seal(text []byte) (string, []byte) { return "k", append([]byte("signed "), text...) }
func (seals) Sealed(id string, text, signature []byte) bool {
	return id == "k" && string(signature) == "signed "+string(text)
}

// account registers an account and gives it something of every kind.
func (w *world) account(id string) lifecycle.Identity {
	w.t.Helper()
	ctx := w.t.Context()
	_, _, err := w.store.PutAccount(ctx, store.PutAccount{Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: w.now.AddDate(-1, 0, 0)}}, false)
	require.NoError(w.t, err)
	identity, err := w.vault.PutSubject(ctx, id, realname.Restore(canaryName, "cn_id", canaryNumber))
	require.NoError(w.t, err)
	for _, kind := range []vault.Kind{vault.KindNote, vault.KindConsent, vault.KindContact} {
		ref, err := w.vault.PutText(ctx, id, kind, canaryName+string(kind))
		require.NoError(w.t, err)
		if kind == vault.KindContact {
			_, err = w.store.PutContact(ctx, id, ref)
			require.NoError(w.t, err)
		}
	}
	w.append(id, lifecycle.Change{Event: lifecycle.Submit, Detail: lifecycle.Detail{Identity: &identity}})
	return identity
}

func (w *world) append(id string, c lifecycle.Change) { w.write(id, string(c.Event), c) }

// write appends to the head of an account's log.
func (w *world) write(id, changeID string, c lifecycle.Change) {
	w.t.Helper()
	head, err := w.store.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	c.At = w.now
	result, err := w.store.Append(w.t.Context(), lifecycle.Append{AccountID: id, ChangeID: changeID, Head: head.Seq, Changes: []lifecycle.Change{c}})
	require.NoError(w.t, err)
	require.Equal(w.t, lifecycle.Appended, result.Outcome)
}

func (w *world) held(id string) int {
	w.t.Helper()
	all, err := w.vault.Holdings(w.t.Context(), id)
	require.NoError(w.t, err)
	n := 0
	for _, h := range all {
		n += h.Records
	}
	return n
}

func wanted(id, account string, kinds ...vault.Kind) erasure.Request {
	return erasure.Request{ID: id, AccountID: account, Kinds: kinds, Reason: "subject_request", Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "k1"}}
}

// TestErase: everything goes, in files and copies too, the verification under way ends, and the receipt says what there was.
func TestErase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	identity := w.account("a1")
	w.account("a2")
	backup := t.TempDir()
	for _, name := range []string{"verigate.db", "verigate.db-wal"} {
		content, err := os.ReadFile(filepath.Join(w.dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(backup, name), content, 0o600))
	}
	e := w.eraser(erasure.Terms{})
	x, err := e.Request(ctx, wanted("x1", "a1"))
	require.NoError(t, err)
	require.False(t, x.CompletedAt.IsZero())
	require.Len(t, x.Held, 4)
	require.True(t, e.Holds(x))
	altered := x
	altered.Held = x.Held[:3]
	require.False(t, e.Holds(altered))

	head, err := w.store.Head(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Unverified, head.State)
	require.Equal(t, erasure.ReasonErased, head.Reason)
	require.Zero(t, w.held("a1"))
	require.Equal(t, 4, w.held("a2"))
	_, err = w.store.Contact(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.vault.Subject(ctx, "a1", identity.Ref)
	require.ErrorIs(t, err, vault.ErrNotFound)

	old := vaulttest.With(t, sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(backup, "verigate.db"))).VaultRecords(), w.keys, w.ring)
	_, err = old.Subject(ctx, "a1", identity.Ref)
	require.ErrorIs(t, err, vault.ErrNotFound, "a copy from before opens nothing")

	again, err := e.Request(ctx, wanted("x1", "a1"))
	require.NoError(t, err)
	require.Equal(t, x, again)
	_, err = e.Request(ctx, wanted("x2", "nobody"))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.vault.PutText(ctx, "a1", vault.KindNote, "new")
	require.NoError(t, err, "what comes afterwards stays")
}

func TestEraseByKind(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	w.account("a1")
	_, err := w.eraser(erasure.Terms{}).Request(ctx, wanted("x1", "a1", vault.KindContact))
	require.NoError(t, err)
	require.Equal(t, 3, w.held("a1"))
	require.Zero(t, w.calls, "the verification goes on")
}

// TestAVerificationThatSucceededStays.
func TestAVerificationThatSucceededStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	w.account("a1")
	w.append("a1", lifecycle.Change{Event: lifecycle.BeginReview})
	w.append("a1", lifecycle.Change{Event: lifecycle.Approve})
	w.append("a1", lifecycle.Change{Event: lifecycle.ChooseManual})
	w.append("a1", lifecycle.Change{Event: lifecycle.ApproveManual, Detail: lifecycle.Detail{}})
	_, err := w.eraser(erasure.Terms{}).Request(ctx, wanted("x1", "a1"))
	require.NoError(t, err)
	head, err := w.store.Head(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Verified, head.State)
	require.Zero(t, w.held("a1"))
}

// TestWhatDoesNotAnswerIsFinishedLater, and nothing of the kinds is taken until then.
func TestWhatDoesNotAnswerIsFinishedLater(t *testing.T) {
	t.Parallel()
	for _, down := range []string{"engine", "vault"} {
		t.Run(down, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			w := newWorld(t)
			w.account("a1")
			w.down[down] = true
			e := w.eraser(erasure.Terms{})
			x, err := e.Request(ctx, wanted("x1", "a1", vault.KindSubject, vault.KindNote))
			require.NoError(t, err)
			require.True(t, x.CompletedAt.IsZero())
			require.False(t, e.Holds(x))
			_, err = w.vault.PutText(ctx, "a1", vault.KindNote, "meanwhile")
			require.ErrorIs(t, err, vault.ErrErasing)
			require.ErrorIs(t, err, vault.ErrUnavailable, "later, not never")
			_, err = w.vault.PutText(ctx, "a1", vault.KindConsent, "meanwhile")
			require.NoError(t, err, "another kind")
			n, err := e.Tidy(ctx)
			require.NoError(t, err)
			require.Zero(t, n)

			w.down[down] = false
			n, err = e.Tidy(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			x, err = w.store.Erasure(ctx, "x1")
			require.NoError(t, err)
			require.Len(t, x.Held, 2, "the receipt says what there was before anything died")
			require.True(t, e.Holds(x))
			_, err = w.vault.PutText(ctx, "a1", vault.KindNote, "afterwards")
			require.NoError(t, err)
		})
	}
}

// TestRetention erases what is due, and nothing a moment earlier.
func TestRetention(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	const day = 24 * time.Hour
	terms := erasure.Terms{Closed: 30 * day, Consents: 90 * day}
	for i := range 3 {
		w.account("a" + strconv.Itoa(i))
	}
	closed := w.now
	_, _, err := w.store.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: closed, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "k1"}, Reason: "left"})
	require.NoError(t, err)
	tidy := func(after time.Duration) int {
		t.Helper()
		w.now = closed.Add(after)
		n, err := w.eraser(terms).Tidy(ctx)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, tidy(30*day))
	due, err := w.store.DueErasures(ctx, store.RetentionClosed, []string{"subject"}, w.now.Add(-29*day), 10)
	require.NoError(t, err)
	require.Equal(t, []string{"a1"}, due)
	require.Equal(t, 1, tidy(30*day+1))
	require.Equal(t, 1, w.held("a1"), "where the consent came from is kept longer")
	require.Equal(t, 4, w.held("a2"))
	require.Zero(t, tidy(31*day))
	require.Equal(t, 1, tidy(91*day))
	require.Zero(t, w.held("a1"))
	all, err := w.store.ErasuresOf(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, []string{"consents_ended", "account_closed"}, []string{all[0].Rule, all[1].Rule})

	w.account("b1")
	none, err := w.eraser(erasure.Terms{}).Tidy(ctx)
	require.NoError(t, err)
	require.Zero(t, none, "zero keeps")
}

// TestReceiptsNameNobody.
func TestReceiptsNameNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account("a1")
	x, err := w.eraser(erasure.Terms{}).Request(t.Context(), wanted("x1", "a1"))
	require.NoError(t, err)
	require.False(t, strings.Contains(string(x.Signature), canaryName) || strings.Contains(string(x.Signature), canaryNumber))
}
