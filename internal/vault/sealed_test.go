package vault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/realname"
)

const (
	canaryName   = "欧阳金丝雀"
	canaryNumber = "11010519491231002X"
	canaryText   = "note about 欧阳金丝雀, \"quoted\" & <marked>"
)

func canary() realname.Subject { return realname.Restore(canaryName, "cn_id", canaryNumber) }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := vaulttest.Open(t)
	identity, err := v.PutSubject(ctx, "a1", canary())
	require.NoError(t, err)
	got, err := v.Subject(ctx, "a1", identity.Ref)
	require.NoError(t, err)
	require.True(t, canary().Equal(got))
	ref, err := v.PutText(ctx, "a1", vault.KindNote, canaryText)
	require.NoError(t, err)
	text, err := v.Text(ctx, "a1", ref)
	require.NoError(t, err)
	require.Equal(t, canaryText, text)

	evidence, err := v.PutEvidence(ctx, "a1", "e1", []byte(canaryText))
	require.NoError(t, err)
	content, err := v.Evidence(ctx, "a1", evidence)
	require.NoError(t, err)
	require.Equal(t, canaryText, string(content))
	_, err = v.PutEvidence(ctx, "a1", "e1", []byte("another"))
	require.Error(t, err, "an id is used once")
	_, err = v.PutEvidence(ctx, "a1", "", nil)
	require.Error(t, err)

	for name, ask := range map[string]func() error{
		"evidence of another account": func() error { _, err := v.Evidence(ctx, "a2", evidence); return err },
		"evidence as a text":          func() error { _, err := v.Text(ctx, "a1", evidence); return err },
		"text as evidence":            func() error { _, err := v.Evidence(ctx, "a1", ref); return err },
		"subject of another account":  func() error { _, err := v.Subject(ctx, "a2", identity.Ref); return err },
		"text of another account":     func() error { _, err := v.Text(ctx, "a2", ref); return err },
		"subject under a text's ref":  func() error { _, err := v.Subject(ctx, "a1", ref); return err },
		"text under a subject's ref":  func() error { _, err := v.Text(ctx, "a1", identity.Ref); return err },
		"unknown ref":                 func() error { _, err := v.Text(ctx, "a1", "text-x"); return err },
	} {
		require.ErrorIs(t, ask(), vault.ErrNotFound, name)
	}
	_, err = v.PutText(ctx, "", vault.KindNote, "x")
	require.Error(t, err)
	_, err = v.PutText(ctx, "a1\x00", vault.KindNote, "x")
	require.Error(t, err)

	require.NoError(t, v.Delete(ctx, "a2", identity.Ref), "what is not there")
	_, err = v.Subject(ctx, "a1", identity.Ref)
	require.NoError(t, err, "another account deletes nothing")
	require.NoError(t, v.Delete(ctx, "a1", identity.Ref))
	require.NoError(t, v.Delete(ctx, "a1", identity.Ref))
	_, err = v.Subject(ctx, "a1", identity.Ref)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.NoError(t, v.Close())
}

func TestDigests(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := vaulttest.Open(t)
	first, err := v.PutSubject(ctx, "a1", canary())
	require.NoError(t, err)
	second, err := v.PutSubject(ctx, "a2", realname.Restore("another name", "cn_id", canaryNumber))
	require.NoError(t, err)
	require.Equal(t, first.Digest, second.Digest, "the document decides, so a number is found under another name")
	require.NotEqual(t, first.Ref, second.Ref)
	require.Len(t, first.Digest, 64)
	otherNumber, err := v.PutSubject(ctx, "a1", realname.Restore(canaryName, "cn_id", "110105194912310038"))
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, otherNumber.Digest)
	otherType, err := v.PutSubject(ctx, "a1", realname.Restore(canaryName, "passport", canaryNumber))
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, otherType.Digest)
	otherKey, err := vaulttest.Open(t).PutSubject(ctx, "a1", canary())
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, otherKey.Digest, "a digest is keyed: numbers are few enough to try them all")
}

// TestSealIsBound: a sealed record that is moved or altered does not open.
func TestSealIsBound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, move := range map[string]func(*vault.Record){
		"another account": func(r *vault.Record) { r.AccountID = "a2" },
		"another ref":     func(r *vault.Record) { r.Ref = "subject-moved" },
		"another kind":    func(r *vault.Record) { r.Kind = vault.KindText },
		"altered":         func(r *vault.Record) { r.Sealed[len(r.Sealed)-1] ^= 1 },
		"another key":     func(r *vault.Record) { r.KeyID = "unknown" },
		"no key":          func(r *vault.Record) { r.KeyID = "" },
		"cut":             func(r *vault.Record) { r.Sealed = r.Sealed[:len(r.Sealed)-1] },
		"empty":           func(r *vault.Record) { r.Sealed = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := &tampered{Records: sqlstoretest.Open(t).VaultRecords()}
			v := vaulttest.Over(t, records)
			identity, err := v.PutSubject(ctx, "a1", canary())
			require.NoError(t, err)
			r, err := records.Record(ctx, "a1", identity.Ref)
			require.NoError(t, err)
			move(&r)
			records.answer = &r
			if r.Kind == vault.KindText {
				_, err = v.Text(ctx, r.AccountID, r.Ref)
			} else {
				_, err = v.Subject(ctx, r.AccountID, r.Ref)
			}
			require.ErrorIs(t, err, vault.ErrUnsealed)
			hidden(t, err.Error())
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	records, dataKeys := sqlstoretest.Open(t).VaultRecords(), vaulttest.NewKeys()
	open := func(file []byte) *vault.Sealed {
		t.Helper()
		keys, err := vault.ParseKeyset(file)
		require.NoError(t, err)
		return vaulttest.With(t, records, dataKeys, keys)
	}
	oldFile, err := vault.GenerateKeyset()
	require.NoError(t, err)
	newFile, err := vault.RotateKeyset(oldFile)
	require.NoError(t, err)
	before, err := open(oldFile).PutSubject(ctx, "a1", canary())
	require.NoError(t, err)
	after, err := open(newFile).PutSubject(ctx, "a2", canary())
	require.NoError(t, err)
	require.Equal(t, before.Digest, after.Digest, "digests outlive a rotation")
	for account, ref := range map[string]string{"a1": before.Ref, "a2": after.Ref} {
		_, err = open(newFile).Subject(ctx, account, ref)
		require.NoError(t, err)
	}
	_, err = open(oldFile).Subject(ctx, "a2", after.Ref)
	require.ErrorIs(t, err, vault.ErrUnsealed, "sealed with the new key")
	otherFile, err := vault.GenerateKeyset()
	require.NoError(t, err)
	_, err = open(otherFile).Subject(ctx, "a1", before.Ref)
	require.ErrorIs(t, err, vault.ErrUnsealed)
}

// TestAnAnnouncedKeyIsKnownAndNotUsed until the rotation after it.
func TestAnAnnouncedKeyIsKnownAndNotUsed(t *testing.T) {
	t.Parallel()
	ids := func(file []byte) []string {
		t.Helper()
		keys, err := vault.ParseKeyset(file)
		require.NoError(t, err)
		kek, err := keys.KEK()
		require.NoError(t, err)
		all, err := kek.IDs(t.Context())
		require.NoError(t, err)
		return all
	}
	first, err := vault.GenerateKeyset()
	require.NoError(t, err)
	announced, err := vault.AnnounceKeyset(first)
	require.NoError(t, err)
	require.Equal(t, ids(first)[0], ids(announced)[0])
	require.Len(t, ids(announced), 2)
	kept, err := vault.RetireKeyset(announced)
	require.NoError(t, err)
	require.Equal(t, ids(announced), ids(kept), "what is announced is not old")
	rotated, err := vault.RotateKeyset(announced)
	require.NoError(t, err)
	require.Equal(t, []string{ids(announced)[1], ids(announced)[0]}, ids(rotated))
	again, err := vault.RotateKeyset(rotated)
	require.NoError(t, err)
	require.Len(t, ids(again), 3, "without an announcement the key is new")
	alone, err := vault.RetireKeyset(again)
	require.NoError(t, err)
	require.Equal(t, ids(again)[:1], ids(alone))
}

func TestKeysetFaults(t *testing.T) {
	t.Parallel()
	file, err := vault.GenerateKeyset()
	require.NoError(t, err)
	var parts map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(file, &parts))
	for name, text := range map[string]string{
		"empty": "", "no JSON": "secret-material", "no keys": "{}", "no digest": fmt.Sprintf(`{"seal":%s}`, parts["seal"]),
		"no seal": fmt.Sprintf(`{"digest":%s}`, parts["digest"]),
	} {
		_, err := vault.ParseKeyset([]byte(text))
		require.ErrorIs(t, err, vault.ErrKeyset, name)
		require.NotContains(t, err.Error(), "secret-material")
		_, err = vault.RotateKeyset([]byte(text))
		require.ErrorIs(t, err, vault.ErrKeyset, name)
	}
	swapped, err := vault.ParseKeyset([]byte(fmt.Sprintf(`{"seal":%s,"digest":%s}`, parts["digest"], parts["seal"])))
	require.NoError(t, err, "each is a keyset")
	_, err = swapped.KEK()
	require.ErrorIs(t, err, vault.ErrKeyset)
	_, err = vault.Keyset{}.KEK()
	require.ErrorIs(t, err, vault.ErrKeyset)
}

func TestKeysetShowsNothing(t *testing.T) {
	t.Parallel()
	file, err := vault.GenerateKeyset()
	require.NoError(t, err)
	keys, err := vault.ParseKeyset(file)
	require.NoError(t, err)
	var f struct {
		Seal struct {
			Key []struct {
				KeyData struct{ Value string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(file, &f))
	secret := f.Seal.Key[0].KeyData.Value
	require.NotEmpty(t, secret)
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "keys", keys, "config", struct{ Keys vault.Keyset }{keys})
	text, err := json.Marshal(keys)
	require.NoError(t, err)
	out.Write(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb, keys)
		fmt.Fprintf(&out, verb, struct{ k vault.Keyset }{keys})
	}
	require.NotContains(t, out.String(), secret)
	require.NotContains(t, out.String(), secret[:12])
}

func TestFaultsOfRecords(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	v := vaulttest.Over(t, s.VaultRecords())
	identity, err := v.PutSubject(t.Context(), "a1", canary())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = v.PutSubject(t.Context(), "a1", canary())
	require.ErrorIs(t, err, vault.ErrUnavailable)
	hidden(t, err.Error())
	_, err = v.Subject(t.Context(), "a1", identity.Ref)
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.ErrorIs(t, v.Delete(t.Context(), "a1", identity.Ref), vault.ErrUnavailable)
	require.NotErrorIs(t, err, vault.ErrNotFound)
}

func hidden(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, canaryName)
	require.NotContains(t, text, canaryNumber)
}

// tampered answers with a record of its own.
type tampered struct {
	vault.Records
	answer *vault.Record
}

func (r *tampered) Record(ctx context.Context, accountID, ref string) (vault.Record, error) {
	if r.answer != nil {
		return *r.answer, nil
	}
	return r.Records.Record(ctx, accountID, ref)
}
