package evidence_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// dying is a store and a vault that die before a step, as a process does.
type dying struct {
	*sqlstore.Store
	vault.Vault
	mu   sync.Mutex
	step string
}

var errDied = fmt.Errorf("%w: died", store.ErrUnavailable)

func (d *dying) set(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.step = step
}

func (d *dying) dead(step string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.step == step {
		return errDied
	}
	return nil
}

func (d *dying) PutEvidence(ctx context.Context, e store.Evidence, most int) (store.Evidence, []store.Evidence, error) {
	if err := d.dead("file"); err != nil {
		return store.Evidence{}, nil, err
	}
	return d.Store.PutEvidence(ctx, e, most)
}

func (d *dying) ForgetEvidence(ctx context.Context, accountID, id string, at time.Time) error {
	if err := d.dead("forget"); err != nil {
		return err
	}
	return d.Store.ForgetEvidence(ctx, accountID, id, at)
}

func (d *dying) Evidence(ctx context.Context, accountID, id string) (store.Evidence, error) {
	return d.Store.Evidence(ctx, accountID, id)
}

func (d *dying) Close() error { return nil }

// mortal is the vault of dying.
type mortal struct {
	vault.Vault
	d *dying
}

func (m mortal) Delete(ctx context.Context, accountID, ref string) error {
	if err := m.d.dead("delete"); err != nil {
		return err
	}
	return m.Vault.Delete(ctx, accountID, ref)
}

type world struct {
	*evidence.Cabinet
	t     *testing.T
	dir   string
	clock *clock
	db    *sqlstore.Store
	vault vault.Vault
	dying *dying
	log   *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: &clock{at: time.Date(2020, 12, 5, 10, 0, 0, 0, lifecycle.Beijing())}, log: &bytes.Buffer{}}
	w.db = sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(w.dir, "verigate.db")), sqlstoretest.WithNow(w.clock.now))
	w.vault = vaulttest.Over(t, w.db.VaultRecords())
	w.dying = &dying{Store: w.db}
	var err error
	w.Cabinet, err = evidence.New(evidence.Config{
		Store: w.dying, Vault: mortal{w.vault, w.dying}, Now: w.clock.now, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	require.NoError(t, err)
	return w
}

// manual brings an account into the manual review.
func (w *world) manual(id string) {
	w.t.Helper()
	_, _, err := w.db.PutAccount(w.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: w.clock.now().AddDate(-1, 0, 0)},
	}, false)
	require.NoError(w.t, err)
	w.happens(id, lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual)
}

func (w *world) happens(id string, events ...lifecycle.Event) {
	w.t.Helper()
	head, err := w.db.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	var changes []lifecycle.Change
	for _, e := range events {
		c := lifecycle.Change{Event: e, At: w.clock.now()}
		if e == lifecycle.Submit {
			c.Detail.Identity = &lifecycle.Identity{Ref: "subject-1", Digest: "d-" + id}
		}
		changes = append(changes, c)
	}
	_, err = w.db.Append(w.t.Context(), lifecycle.Append{AccountID: id, ChangeID: fmt.Sprint(events, head.Seq), Head: head.Seq, Known: head.Seq, Changes: changes})
	require.NoError(w.t, err)
}

func (w *world) add(account, kind string, content []byte) store.Evidence {
	w.t.Helper()
	e, err := w.Add(w.t.Context(), evidence.Piece{AccountID: account, Kind: kind, Content: content, By: "link:1"})
	require.NoError(w.t, err)
	return e
}

// records counts what lies in the vault.
func (w *world) records() int {
	w.t.Helper()
	all, err := w.db.StrayEvidence(w.t.Context(), w.clock.now().AddDate(100, 0, 0), 1000)
	require.NoError(w.t, err)
	strays := len(all)
	filed := 0
	for _, account := range []string{"a1", "a2"} {
		list, err := w.db.EvidenceOf(w.t.Context(), account)
		require.NoError(w.t, err)
		for _, e := range list {
			if _, err := w.vault.Evidence(w.t.Context(), account, e.Ref); err == nil {
				filed++
			}
		}
	}
	return strays + filed
}

func card(t *testing.T, side int) []byte { return evidencetest.JPEG(t, 480, side) }

func TestAddAndLook(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.manual("a1")
	w.manual("a2")
	front := w.add("a1", evidence.IDFront, card(t, 300))
	require.Equal(t, "image/jpeg", front.MediaType)
	require.Equal(t, []string{evidence.IDBack, evidence.Holding}, w.Missing([]store.Evidence{front}))
	words := w.add("a1", evidence.Holding, []byte("\r\n 我是店主本人，\x00身份证由我保管。 \n"))
	_, text, err := w.Look(ctx, "a1", words.ID, evidence.View{Turn: 90})
	require.NoError(t, err)
	require.Equal(t, "我是店主本人，身份证由我保管。", string(text))
	got, content, err := w.Look(ctx, "a1", front.ID, evidence.View{})
	require.NoError(t, err)
	require.Equal(t, front, got)
	require.Len(t, content, front.Bytes)
	_, small, err := w.Look(ctx, "a1", front.ID, evidence.View{Side: 240})
	require.NoError(t, err)
	require.Less(t, len(small), len(content))
	for _, who := range [][2]string{{"a2", front.ID}, {"a1", "nothing"}, {"a1", ""}, {"nobody", front.ID}} {
		_, _, err = w.Look(ctx, who[0], who[1], evidence.View{})
		require.ErrorIs(t, err, evidence.ErrNotFound)
		_, err = w.Remove(ctx, who[0], who[1])
		require.ErrorIs(t, err, evidence.ErrNotFound)
	}
	w.add("a1", evidence.IDBack, card(t, 290))
	all, err := w.List(ctx, "a1")
	require.NoError(t, err)
	require.Empty(t, w.Missing(all))
	require.Len(t, evidence.Current(all), 3)

	same := w.add("a1", evidence.IDFront, card(t, 300))
	require.Equal(t, front.ID, same.ID, "the same file again")
	require.Equal(t, 3, w.records())
	other := w.add("a1", evidence.IDFront, card(t, 280))
	require.NotEqual(t, front.ID, other.ID)
	require.Equal(t, 3, w.records(), "what was replaced is gone")
	_, _, err = w.Look(ctx, "a1", front.ID, evidence.View{})
	require.ErrorIs(t, err, evidence.ErrNotFound)
	_, err = w.Remove(ctx, "a1", other.ID)
	require.NoError(t, err)
	require.Equal(t, 2, w.records())
	require.Empty(t, w.log.String())
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.manual("a1")
	for n := range 3 {
		w.add("a1", evidence.Other, card(t, 300+10*n))
	}
	for name, tc := range map[string]struct {
		kind    string
		content []byte
		want    evidence.Code
	}{
		"kind": {"passport", card(t, 300), evidence.UnknownKind}, "picture": {evidence.IDBack, []byte("text"), evidence.NotPicture},
		"blank": {evidence.Holding, []byte(" \n "), evidence.NoText}, "long": {evidence.Holding, []byte(strings.Repeat("长", 501)), evidence.TooLong},
		"bytes": {evidence.Holding, []byte{0xff, 0xfe}, evidence.Unreadable}, "fourth": {evidence.Other, card(t, 400), evidence.TooMany},
	} {
		_, err := w.Add(ctx, evidence.Piece{AccountID: "a1", Kind: tc.kind, Content: tc.content})
		require.Equal(t, tc.want, code(t, err), name)
	}
	var refusal *lifecycle.Refusal
	w.happens("a1", lifecycle.RejectManual)
	_, err := w.Add(ctx, evidence.Piece{AccountID: "a1", Kind: evidence.IDFront, Content: card(t, 300)})
	require.ErrorAs(t, err, &refusal)
	_, err = w.Add(ctx, evidence.Piece{AccountID: "nobody", Kind: evidence.IDFront, Content: card(t, 300)})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Equal(t, 3, w.records(), "what was refused leaves nothing")
	_, err = evidence.New(evidence.Config{})
	require.Error(t, err)
	_, err = evidence.New(evidence.Config{
		Store: w.db, Vault: w.vault, Now: w.clock.now, Logger: slog.New(slog.DiscardHandler), Rules: evidence.Rules{Needs: []string{"passport"}},
	})
	require.ErrorContains(t, err, "passport")
}

// TestSealedAndDeletedInTime: at no moment does a file of the database hold anything that was given, and when its time
// has come, it is gone.
func TestSealedAndDeletedInTime(t *testing.T) {
	t.Parallel()
	const said = "CANARY: the card is held by Ouyang Nana herself"
	w, ctx := newWorld(t), t.Context()
	w.manual("a1")
	front := w.add("a1", evidence.IDFront, evidencetest.WithEXIF(card(t, 300), evidencetest.EXIF(1, binary.BigEndian)))
	words := w.add("a1", evidence.Holding, []byte(said))
	_, content, err := w.Look(ctx, "a1", front.ID, evidence.View{})
	require.NoError(t, err)
	middle := string(content[len(content)/2:][:64])
	record, err := w.db.VaultRecords().Record(ctx, "a1", front.Ref)
	require.NoError(t, err)
	sealed := string(record.Sealed[len(record.Sealed)/2:][:64])
	inFiles := func(text string) bool {
		files, err := os.ReadDir(w.dir)
		require.NoError(t, err)
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(w.dir, f.Name()))
			require.NoError(t, err)
			if bytes.Contains(raw, []byte(text)) {
				return true
			}
		}
		return false
	}
	require.True(t, inFiles(sealed), "the search finds what is there")
	for _, secret := range []string{said, evidencetest.Place, middle, "JFIF"} {
		require.False(t, inFiles(secret), "sealed")
	}

	deleted, err := w.Tidy(ctx)
	require.NoError(t, err)
	require.Zero(t, deleted, "the review goes on")
	w.clock.advance(90 * 24 * time.Hour)
	_, err = w.Tidy(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, w.records(), "however long it takes")
	w.happens("a1", lifecycle.ApproveManual)
	all, err := w.List(ctx, "a1")
	require.NoError(t, err)
	require.True(t, all[0].DeleteAfter.Equal(w.clock.now().Add(30*24*time.Hour)), "known at once")
	w.clock.advance(30*24*time.Hour - 1)
	_, err = w.Tidy(ctx)
	require.NoError(t, err)
	_, _, err = w.Look(ctx, "a1", front.ID, evidence.View{})
	require.NoError(t, err, "the last moment")
	w.clock.advance(1)
	_, _, err = w.Look(ctx, "a1", front.ID, evidence.View{})
	require.ErrorIs(t, err, evidence.ErrNotFound, "due, though not yet deleted")
	deleted, err = w.Tidy(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, deleted)
	require.Zero(t, w.records())
	require.False(t, inFiles(sealed), "not even what was sealed")
	for _, id := range []string{front.ID, words.ID} {
		row, err := w.db.Evidence(ctx, "a1", id)
		require.NoError(t, err)
		require.True(t, row.DeletedAt.Equal(w.clock.now()))
		require.Empty(t, row.Kind+row.MediaType+row.Ref+row.Digest+row.UploadedBy)
		require.Zero(t, row.Bytes+row.Width+row.Height)
		_, err = w.vault.Evidence(ctx, "a1", "evidence-"+id)
		require.ErrorIs(t, err, vault.ErrNotFound)
	}
	require.NotContains(t, w.log.String(), "CANARY")
}

// TestDyingLeavesNothingForEver: wherever a process dies, the next ones bring the vault and the rows together.
func TestDyingLeavesNothingForEver(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"file", "delete", "forget"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), t.Context()
			w.manual("a1")
			w.add("a1", evidence.IDFront, card(t, 300))
			back := w.add("a1", evidence.IDBack, card(t, 300))
			w.dying.set(step)
			_, err := w.Add(ctx, evidence.Piece{AccountID: "a1", Kind: evidence.IDFront, Content: card(t, 310)}) // replaces
			require.Equal(t, step == "file", err != nil)
			_, err = w.Remove(ctx, "a1", back.ID)
			require.NoError(t, err)
			w.dying.set("")
			w.clock.advance(25 * time.Hour)
			_, err = w.Tidy(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, w.records(), "the front side alone is current")
			strays, err := w.db.StrayEvidence(ctx, w.clock.now(), 100)
			require.NoError(t, err)
			require.Empty(t, strays)

			w.happens("a1", lifecycle.CancelManual)
			w.clock.advance(31 * 24 * time.Hour)
			w.dying.set(step)
			_, err = w.Tidy(ctx)
			require.Equal(t, step != "file", errors.Is(err, store.ErrUnavailable))
			w.dying.set("")
			_, err = w.Tidy(ctx)
			require.NoError(t, err)
			require.Zero(t, w.records())
			all, err := w.List(ctx, "a1")
			require.NoError(t, err)
			require.Empty(t, all)
		})
	}
}

// TestManyAtOnce: uploads beside one another, some of them the same, leave what one after another would.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manual("a1")
	var group errgroup.Group
	for n := range 12 {
		content := card(t, 300+10*(n%3))
		kind := []string{evidence.IDFront, evidence.IDBack, evidence.Other}[n%3]
		group.Go(func() error {
			_, err := w.Add(t.Context(), evidence.Piece{AccountID: "a1", Kind: kind, Content: content})
			return err
		})
	}
	require.NoError(t, group.Wait())
	all, err := w.List(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, 3, w.records())
}

// TestNobodyWaitsForEver: a picture waits for its turn no longer than its sender.
func TestNobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manual("a1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	large := evidencetest.PNG(t, image.NewGray(image.Rect(0, 0, 800, 800)))
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			_, err := w.Add(ctx, evidence.Piece{AccountID: "a1", Kind: evidence.IDFront, Content: large})
			if err == nil {
				return errors.New("taken from somebody who left")
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Zero(t, w.records())
}
