package vault_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

func TestForgetIsByKind(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newWorld(t).open()
	identity, err := v.PutSubject(ctx, "a1", canary())
	require.NoError(t, err)
	written, other := note(t, v, "a1", canaryText), note(t, v, "a2", canaryText)
	held, err := v.Holdings(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, held, 2)

	gone, err := v.Forget(ctx, "a1", vault.KindNote, vault.KindEvidence)
	require.NoError(t, err)
	require.Equal(t, 1, gone.Records)
	require.Len(t, gone.Keys, 1)
	_, err = v.Text(ctx, "a1", written)
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = v.Subject(ctx, "a1", identity.Ref)
	require.NoError(t, err, "another kind")
	_, err = v.Text(ctx, "a2", other)
	require.NoError(t, err, "another account")

	again, err := v.Forget(ctx, "a1", vault.KindNote)
	require.NoError(t, err)
	require.Equal(t, vault.Forgotten{}, again)
	later := note(t, v, "a1", "another note")
	text, err := v.Text(ctx, "a1", later)
	require.NoError(t, err)
	require.Equal(t, "another note", text)
	held, err = v.Holdings(ctx, "a1")
	require.NoError(t, err)
	require.NotContains(t, []string{held[0].KeyID, held[1].KeyID}, gone.Keys[0], "a destroyed key seals nothing more")
}

// TestABackupOpensNothingThatWasForgotten: the data file as it was before, with the key file and the keyset of now.
func TestABackupOpensNothingThatWasForgotten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v := w.open()
	forgotten, kept := note(t, v, "a1", canaryText), note(t, v, "a2", canaryText)
	backup := copied(t, w.data)
	_, err := v.Forget(ctx, "a1", vault.Kinds()...)
	require.NoError(t, err)

	restored := *w
	restored.data = backup
	old := restored.open()
	_, err = old.Text(ctx, "a1", forgotten)
	require.ErrorIs(t, err, vault.ErrNotFound)
	text, err := old.Text(ctx, "a2", kept)
	require.NoError(t, err, "what was not forgotten opens")
	require.Equal(t, canaryText, text)
}

// TestARestoredKeyFileForgetsAgain: the data file remembers which keys are destroyed. If both files are restored nobody
// can know; see TestARetiredKEKOpensNoBackup.
func TestARestoredKeyFileForgetsAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v := w.open()
	note(t, v, "a1", canaryText)
	keys := copied(t, w.keys)
	gone, err := v.Forget(ctx, "a1", vault.Kinds()...)
	require.NoError(t, err)

	restored := *w
	restored.keys = keys
	again := restored.open()
	finished, err := again.FinishDestroying(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, finished)
	finished, err = again.FinishDestroying(ctx)
	require.NoError(t, err)
	require.Zero(t, finished)
	k, err := keyFileOf(t, &restored).DataKey(ctx, gone.Keys[0])
	require.NoError(t, err)
	require.Empty(t, k.Wrapped)
}

func keyFileOf(t *testing.T, w *world) vault.Keys {
	t.Helper()
	return keyFile(t, w.keys+"/"+keyName)
}

// TestARetiredKEKOpensNoBackup: copies of both files from before, once what wrapped the keys then is gone.
func TestARetiredKEKOpensNoBackup(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v := w.open()
	ref := note(t, v, "a1", canaryText)
	before := *w
	before.data, before.keys = copied(t, w.data), copied(t, w.keys)
	text, err := before.open().Text(ctx, "a1", ref)
	require.NoError(t, err, "the backup is good")
	require.Equal(t, canaryText, text)

	w.rotate()
	v = w.open()
	changed, err := v.Rewrap(ctx, silent)
	require.NoError(t, err)
	require.Equal(t, 1, changed)
	w.retire(t)
	_, err = w.open().Text(ctx, "a1", ref)
	require.NoError(t, err, "the running vault does not need the old key")

	before.keyset = w.keyset
	_, err = before.open().Text(ctx, "a1", ref)
	require.ErrorIs(t, err, vault.ErrUnsealed)
	var missing *vault.MissingKEKError
	require.ErrorAs(t, before.open().Check(ctx), &missing)
	require.Len(t, missing.IDs, 1)
}

// TestDeathWhileForgetting leaves the note: the keys go when the vault is opened again, and nobody seals with them until
// then.
func TestDeathWhileForgetting(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	keys := &dying{Keys: keyFileOf(t, w)}
	v := vaulttest.With(t, w.records(), keys, w.parsed())
	before := note(t, v, "a1", canaryText)
	keys.dead = true
	_, err := v.Forget(ctx, "a1", vault.KindNote)
	require.ErrorIs(t, err, errDied)
	keys.dead = false
	_, err = v.Text(ctx, "a1", before)
	require.ErrorIs(t, err, vault.ErrNotFound)
	held, err := v.Holdings(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, held, 1, "the key is still there")

	t.Run("and a record that is put before that has another key", func(t *testing.T) {
		ref := note(t, v, "a1", "after")
		text, err := v.Text(ctx, "a1", ref)
		require.NoError(t, err)
		require.Equal(t, "after", text)
		old, err := keys.DataKey(ctx, held[0].KeyID)
		require.NoError(t, err)
		require.False(t, old.DestroyedAt.IsZero(), "whoever meets it finishes")
	})
	finished, err := v.FinishDestroying(ctx)
	require.NoError(t, err)
	require.Zero(t, finished)
}

// TestDestroyTakesOnlyWhatWasNamed: what is put between the look and the destruction stays.
func TestDestroyTakesOnlyWhatWasNamed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newWorld(t).open()
	note(t, v, "a1", canaryText)
	held, err := v.Holdings(ctx, "a1")
	require.NoError(t, err)
	_, err = v.Destroy(ctx, "a1", held...)
	require.NoError(t, err)
	ref := note(t, v, "a1", "new")
	gone, err := v.Destroy(ctx, "a1", held...)
	require.NoError(t, err)
	require.Zero(t, gone.Records)
	_, err = v.Text(ctx, "a1", ref)
	require.NoError(t, err)
}

// TestADestroyedKeyLeavesNothing in the key file or its write-ahead log.
func TestADestroyedKeyLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	v, keys := w.open(), keyFileOf(t, w)
	var wrapped []deposit
	for i := range 40 {
		account := "a" + strconv.Itoa(i)
		note(t, v, account, canaryText)
		k, err := keys.CurrentKey(ctx, account, vault.KindNote)
		require.NoError(t, err)
		wrapped = append(wrapped, deposit{"the key of " + account + " is named nowhere", k.Wrapped})
	}
	require.Len(t, present(contents(t, w.keys), wrapped), 40, "the search finds what is there")
	for i := range 40 {
		if i%4 > 0 {
			_, err := v.Forget(ctx, "a"+strconv.Itoa(i), vault.KindNote)
			require.NoError(t, err)
		}
	}
	require.Len(t, present(contents(t, w.keys), wrapped), 10)
}

var errDied = errors.New("died")

// dying keeps data keys and fails to destroy or rewrap them while it is dead.
type dying struct {
	vault.Keys
	dead bool
	left int // calls of RewrapKey that it still does, if it is not dead
}

func (d *dying) DestroyKeys(ctx context.Context, at time.Time, ids ...string) error {
	if d.dead {
		return errDied
	}
	return d.Keys.DestroyKeys(ctx, at, ids...)
}

func (d *dying) RewrapKey(ctx context.Context, was vault.DataKey, wrapped []byte, kek string) (bool, error) {
	if d.left--; d.left == 0 {
		return false, errDied
	}
	return d.Keys.RewrapKey(ctx, was, wrapped, kek)
}
