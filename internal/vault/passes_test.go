package vault_test

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

// retire removes all keys of the keyset but the newest.
func (w *world) retire(t *testing.T) {
	t.Helper()
	var err error
	w.keyset, err = vault.RetireKeyset(w.keyset)
	require.NoError(t, err)
}

func TestStatusSaysWhatMayGo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v := w.open()
	for i := range 3 {
		note(t, v, "a"+strconv.Itoa(i), canaryText)
	}
	w.rotate()
	v = w.open()
	note(t, v, "b1", canaryText)
	s, err := v.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, 4, s.Keys)
	require.Equal(t, 4, s.Records)
	require.Len(t, s.KEKs, 2)
	require.True(t, s.KEKs[0].Newest)
	require.Equal(t, []int{1, 3}, []int{s.KEKs[0].Keys, s.KEKs[1].Keys})
	require.False(t, s.KEKs[0].Removable(s), "the newest")
	require.False(t, s.KEKs[1].Removable(s), "it holds three")

	var seen []int
	changed, err := v.Rewrap(ctx, func(done, total int) { seen = append(seen, done, total) })
	require.NoError(t, err)
	require.Equal(t, 3, changed)
	require.Equal(t, []int{1, 3, 2, 3, 3, 3}, seen)
	s, err = v.Status(ctx)
	require.NoError(t, err)
	require.True(t, s.KEKs[1].Removable(s))
	require.NoError(t, v.Check(ctx))
	w.retire(t)
	require.NoError(t, w.open().Check(ctx))
}

// TestRewrapGoesOnAfterADeath at every step, beside somebody who uses the vault.
func TestRewrapGoesOnAfterADeath(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v := w.open()
	refs := map[string]string{}
	for i := range 12 {
		account := "a" + strconv.Itoa(i)
		refs[account] = note(t, v, account, account)
	}
	w.rotate()
	for step := 1; ; step++ {
		keys := &dying{Keys: keyFileOf(t, w), left: 2}
		_, err := vaulttest.With(t, w.records(), keys, w.parsed()).Rewrap(ctx, silent)
		for account, ref := range refs {
			text, failed := w.open().Text(ctx, account, ref)
			require.NoError(t, failed)
			require.Equal(t, account, text)
		}
		if err == nil {
			require.Greater(t, step, 6, "each step did some")
			break
		}
		require.ErrorIs(t, err, errDied)
	}
	w.retire(t)
	require.NoError(t, w.open().Check(ctx))
}

// TestOldRecordsAreReadAndMoved: what the keyset itself sealed before there were data keys.
func TestOldRecordsAreReadAndMoved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	records := w.records()
	for i := range 5 {
		account := "a" + strconv.Itoa(i)
		sealed, err := vault.SealAsBefore(w.parsed(), account, "text-1", vault.KindText, []byte(account))
		require.NoError(t, err)
		require.NoError(t, records.PutRecord(ctx, vault.Record{AccountID: account, Ref: "text-1", Kind: vault.KindText, Sealed: sealed}))
	}
	v := w.open()
	read := func() {
		t.Helper()
		for i := range 5 {
			account := "a" + strconv.Itoa(i)
			text, err := v.Text(ctx, account, "text-1")
			require.NoError(t, err)
			require.Equal(t, account, text)
		}
	}
	read()
	s, err := v.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, 5, s.OldRecords)
	w.rotate()
	v = w.open()
	s, err = v.Status(ctx)
	require.NoError(t, err)
	require.False(t, s.KEKs[1].Removable(s), "old records may need it")
	moved, err := v.SealOld(ctx, silent)
	require.NoError(t, err)
	require.Equal(t, 5, moved)
	w.retire(t)
	v = w.open()
	read()
	moved, err = v.SealOld(ctx, silent)
	require.NoError(t, err)
	require.Zero(t, moved)
}

func TestForgettingOldRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	sealed, err := vault.SealAsBefore(w.parsed(), "a1", "text-1", vault.KindText, []byte("x"))
	require.NoError(t, err)
	require.NoError(t, w.records().PutRecord(ctx, vault.Record{AccountID: "a1", Ref: "text-1", Kind: vault.KindText, Sealed: sealed}))
	v := w.open()
	gone, err := v.Forget(ctx, "a1", vault.KindText)
	require.NoError(t, err)
	require.Equal(t, vault.Forgotten{Records: 1}, gone)
	_, err = v.Text(ctx, "a1", "text-1")
	require.ErrorIs(t, err, vault.ErrNotFound)
}

// TestDataKeysAreReplaced, also while somebody writes, and after a death.
func TestDataKeysAreReplaced(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	keys := &dying{Keys: keyFileOf(t, w)}
	v := vaulttest.With(t, w.records(), keys, w.parsed())
	refs := []string{note(t, v, "a1", canaryText), note(t, v, "a1", canaryText)}
	before, err := v.Holdings(ctx, "a1")
	require.NoError(t, err)
	backup := copied(t, w.data)

	keys.dead = true
	_, err = v.RotateDataKeys(ctx, silent)
	require.ErrorIs(t, err, errDied)
	s, err := v.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, s.Replacing)
	keys.dead = false

	writing, stop := context.WithCancel(ctx)
	written := make(chan []string, 1)
	go func() {
		var refs []string
		for writing.Err() == nil {
			ref, err := v.PutText(ctx, "a1", vault.KindNote, canaryText)
			if err == nil {
				refs = append(refs, ref)
			}
		}
		written <- refs
	}()
	for range 5 {
		_, err = v.RotateDataKeys(ctx, silent)
		require.NoError(t, err)
	}
	stop()
	refs = append(refs, <-written...)
	_, err = v.RotateDataKeys(ctx, silent)
	require.NoError(t, err)
	for _, ref := range refs {
		text, err := v.Text(ctx, "a1", ref)
		require.NoError(t, err)
		require.Equal(t, canaryText, text)
	}
	after, err := v.Holdings(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, after, 1)
	require.NotEqual(t, before[0].KeyID, after[0].KeyID)
	require.Equal(t, len(refs), after[0].Records, "nothing is lost")

	old := *w
	old.data = backup
	_, err = old.open().Text(ctx, "a1", refs[0])
	require.ErrorIs(t, err, vault.ErrNotFound, "a copy from before opens with no key of now")
}

func TestSecretsAreSealedAnew(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(w.data, dataName)))
	put := func(id string, sealed []byte) {
		t.Helper()
		_, err := s.PutWebhook(ctx, store.Webhook{ID: id, URL: "https://example.com", State: store.WebhookEnabled, CreatedAt: time.Unix(1, 0), ChangedAt: time.Unix(1, 0)},
			store.WebhookSecret{ID: "s", Sealed: sealed, CreatedAt: time.Unix(1, 0)}, 10)
		require.NoError(t, err)
	}
	v := w.open()
	fresh, err := v.SealSecret(ctx, store.WebhookSecretName("w1", "s"), []byte("one"))
	require.NoError(t, err)
	put("w1", fresh)
	before, err := vault.SealSecretAsBefore(w.parsed(), store.WebhookSecretName("w2", "s"), []byte("two"))
	require.NoError(t, err)
	put("w2", before)
	w.rotate()
	v = w.open()
	status, err := v.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, status.OldSecrets)
	require.Equal(t, 1, status.KEKs[1].Secrets)
	require.False(t, status.KEKs[1].Removable(status))
	changed, err := v.Rewrap(ctx, silent)
	require.NoError(t, err)
	require.Equal(t, 2, changed)
	w.retire(t)
	v = w.open()
	for id, want := range map[string]string{"w1": "one", "w2": "two"} {
		secrets, err := s.WebhookSecrets(ctx, id, time.Unix(2, 0))
		require.NoError(t, err)
		plain, err := v.OpenSecret(ctx, store.WebhookSecretName(id, "s"), secrets[0].Sealed)
		require.NoError(t, err)
		require.Equal(t, want, string(plain))
	}
}

// TestAMovedDataKeyDoesNotOpen: wrapped keys are bound to account, kind and id.
func TestAMovedDataKeyDoesNotOpen(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	keys := vaulttest.NewKeys()
	v := vaulttest.With(t, w.records(), keys, w.parsed())
	note(t, v, "a1", canaryText)
	k, err := keys.CurrentKey(ctx, "a1", vault.KindNote)
	require.NoError(t, err)
	for name, move := range map[string]func(*vault.DataKey){
		"account": func(k *vault.DataKey) { k.AccountID = "a2" },
		"kind":    func(k *vault.DataKey) { k.Kind = vault.KindConsent },
		"id":      func(k *vault.DataKey) { k.ID = "moved" },
		"kek":     func(k *vault.DataKey) { k.KEK = "keyset/1" },
	} {
		moved := k
		move(&moved)
		other := vaulttest.NewKeys()
		_, err := other.AddKey(ctx, moved, "")
		require.NoError(t, err)
		_, err = vaulttest.With(t, w.records(), other, w.parsed()).PutText(ctx, moved.AccountID, moved.Kind, "x")
		require.ErrorIs(t, err, vault.ErrUnsealed, name)
	}
}
