package signing_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/signing"
)

var (
	first  = signing.Key{ID: "k1", Secret: []byte(strings.Repeat("1", 32))}
	second = signing.Key{ID: "k2", Secret: []byte(strings.Repeat("2", 40))}
)

func ring(t testing.TB, keys ...signing.Key) *signing.Ring {
	t.Helper()
	r, err := signing.NewRing(keys)
	require.NoError(t, err)
	return r
}

// published is a set as somebody else gets it.
func published(t testing.TB, r *signing.Ring) signing.Set {
	t.Helper()
	text, err := json.Marshal(r.Public().JWKS())
	require.NoError(t, err)
	s, err := signing.ParseSet(text)
	require.NoError(t, err)
	return s
}

// TestSignaturesStay: what was signed once is verified for ever, so the derivation and the forms never change.
func TestSignaturesStay(t *testing.T) {
	t.Parallel()
	r := ring(t, first)
	require.Equal(t, "mrHyoSYLmW3wEWS5Wl3cwWrM1O1ts4luR07fuLzmuL0", r.Public().JWKS().Keys[0].X)
	require.Equal(t, "ed25519.k1.eyJhIjoxfQ.", r.Sign([]byte(`{"a":1}`))[:22])
	quick := "k1.eyJhIjoxfQ.nZHj-6VBuCXTrCvjMiDIsu24r-iAQFp3oW8KeYxfYtc"
	require.Equal(t, quick, r.SignQuickly([]byte(`{"a":1}`)))
	old := hmac.New(sha256.New, first.Secret)
	old.Write([]byte("verigate checkpoint\nthe logs"))
	require.True(t, r.Sealed("k1", []byte("the logs"), old.Sum(nil)), "a checkpoint of the time before")
}

// TestAnybodyCanCheck with the standard library alone, as docs/receipts.md says.
func TestAnybodyCanCheck(t *testing.T) {
	t.Parallel()
	r := ring(t, first)
	x, err := base64.RawURLEncoding.DecodeString(r.Public().JWKS().Keys[0].X)
	require.NoError(t, err)
	receipt := r.Sign([]byte("content"))
	end := strings.LastIndexByte(receipt, '.')
	signature, err := base64.RawURLEncoding.DecodeString(receipt[end+1:])
	require.NoError(t, err)
	require.True(t, ed25519.Verify(x, []byte("verigate receipt\n"+receipt[:end]), signature))
	id, seal := r.Seal([]byte("text"))
	require.Equal(t, "k1", id)
	require.True(t, ed25519.Verify(x, []byte("verigate seal\ntext"), seal))
}

func TestReceiptsAndSealsComeBack(t *testing.T) {
	t.Parallel()
	r := ring(t, second, first)
	public := published(t, r)
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "content")
		for _, receipt := range []string{r.Sign(content), r.SignQuickly(content)} {
			got, id, err := r.Open(receipt)
			if err != nil || id != "k2" || string(got) != string(content) {
				t.Fatalf("came back differently: %v", err)
			}
		}
		if got, _, err := public.Open(r.Sign(content)); err != nil || string(got) != string(content) {
			t.Fatalf("public keys: %v", err)
		}
		id, seal := r.Seal(content)
		if !r.Sealed(id, content, seal) || !public.Sealed(id, content, seal) {
			t.Fatal("the seal does not hold")
		}
		if r.Sealed(id, append(content, 0), seal) || public.Sealed("k1", content, seal) {
			t.Fatal("the seal holds for something else")
		}
	})
}

// TestReceiptsCannotBeForged: every way to get a receipt believed without the secret.
func TestReceiptsCannotBeForged(t *testing.T) {
	t.Parallel()
	r := ring(t, first, second)
	public := published(t, r)
	content := []byte(`{"effect":"block"}`)
	encoded := base64.RawURLEncoding.EncodeToString(content)
	receipt, quick := r.Sign(content), r.SignQuickly(content)
	signature := receipt[strings.LastIndexByte(receipt, '.')+1:]
	x, err := base64.RawURLEncoding.DecodeString(public.JWKS().Keys[0].X)
	require.NoError(t, err)
	_, seal := r.Seal([]byte("ed25519.k1." + encoded))
	macOf := func(secret []byte, text string) string {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte("verigate receipt\n" + text))
		return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	stranger := ring(t, signing.Key{ID: "k1", Secret: []byte(strings.Repeat("3", 32))})
	for name, forged := range map[string]string{
		"a MAC made with the public key":               macOf(x, "k1."+encoded),
		"a MAC made with the public key, named public": macOf(x, "ed25519.k1."+encoded),
		"a genuine MAC, named public":                  macOf(first.Secret, "ed25519.k1."+encoded),
		"a public signature, named quick":              strings.TrimPrefix(receipt, "ed25519."),
		"a quick receipt, named public":                "ed25519." + quick,
		"the id of another key":                        strings.Replace(receipt, ".k1.", ".k2.", 1),
		"the id of no key":                             strings.Replace(receipt, ".k1.", ".k3.", 1),
		"another algorithm":                            strings.Replace(receipt, "ed25519.", "none.", 1),
		"algorithm in capitals":                        strings.Replace(receipt, "ed25519.", "Ed25519.", 1),
		"no signature":                                 receipt[:len(receipt)-len(signature)],
		"half a signature":                             receipt[:len(receipt)-len(signature)/2],
		"a seal as a signature":                        "ed25519.k1." + encoded + "." + base64.RawURLEncoding.EncodeToString(seal),
		"of another ring with the same id":             stranger.Sign(content),
		"quick, of another ring with the same id":      stranger.SignQuickly(content),
		"padded":  receipt + "=",
		"doubled": receipt + "." + receipt,
		"empty":   "",
		"dots":    "...",
		"long":    strings.Repeat("a", 5000),
	} {
		_, _, err := r.Open(forged)
		require.ErrorIs(t, err, signing.ErrReceipt, name)
		_, _, err = public.Open(forged)
		require.Error(t, err, name)
	}
	_, _, err = public.Open(quick)
	require.ErrorIs(t, err, signing.ErrServerOnly)
	for i := range receipt {
		altered := []byte(receipt)
		altered[i] = 'A' + (altered[i]+1)%26
		_, _, err := r.Open(string(altered))
		require.ErrorIs(t, err, signing.ErrReceipt, "byte %d", i)
	}
}

func TestRemovedKeysAreForgotten(t *testing.T) {
	t.Parallel()
	before := ring(t, first)
	id, seal := before.Seal([]byte("text"))
	after := ring(t, second)
	for _, receipt := range []string{
		before.Sign([]byte("{}")), before.SignQuickly([]byte("{}")), strings.Replace(before.Sign([]byte("{}")), ".k1.", ".k2.", 1),
	} {
		_, _, err := after.Open(receipt)
		require.ErrorIs(t, err, signing.ErrReceipt)
		_, _, err = published(t, after).Open(receipt)
		require.Error(t, err)
	}
	require.False(t, after.Sealed(id, []byte("text"), seal))
	require.False(t, after.Sealed("k2", []byte("text"), seal))
	rotated := ring(t, second, first)
	require.True(t, rotated.Sealed(id, []byte("text"), seal), "an old key still verifies")
	id, _ = rotated.Seal([]byte("text"))
	require.Equal(t, "k2", id, "and signs no more")
}

// TestSealsAreOfOneAlgorithm: none is a MAC, made with whatever, and none is a receipt.
func TestSealsAreOfOneAlgorithm(t *testing.T) {
	t.Parallel()
	r := ring(t, first)
	public := published(t, r)
	x, err := base64.RawURLEncoding.DecodeString(public.JWKS().Keys[0].X)
	require.NoError(t, err)
	for name, secret := range map[string][]byte{"public key": x, "secret": first.Secret} {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte("verigate seal\ntext"))
		require.False(t, r.Sealed("k1", []byte("text"), h.Sum(nil)), name)
		require.False(t, public.Sealed("k1", []byte("text"), h.Sum(nil)), name)
		h = hmac.New(sha256.New, secret)
		h.Write([]byte("verigate checkpoint\ntext"))
		require.False(t, public.Sealed("k1", []byte("text"), h.Sum(nil)), name)
	}
	receipt := r.Sign([]byte("text"))
	end := strings.LastIndexByte(receipt, '.')
	signature, err := base64.RawURLEncoding.DecodeString(receipt[end+1:])
	require.NoError(t, err)
	require.False(t, r.Sealed("k1", []byte(receipt[:end]), signature), "a receipt is no seal")
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]signing.Key{
		"none": nil, "short": {{ID: "k1", Secret: first.Secret[:31]}}, "no id": {{Secret: first.Secret}},
		"a dot in the id": {{ID: "a.b", Secret: first.Secret}}, "twice": {first, {ID: "k1", Secret: second.Secret}},
	} {
		_, err := signing.NewRing(keys)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "111", name)
	}
}

func TestPublishedKeysAreChecked(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(ring(t, first).Public().JWKS())
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"not JSON": {`{`, ``}, "no keys": {string(good), `{"keys":[]}`}, "another curve": {"Ed25519", "X25519"}, "another type": {"OKP", "oct"},
		"another use": {`"sig"`, `"enc"`}, "another algorithm": {"EdDSA", "HS256"}, "no id": {`"k1"`, `""`}, "short": {`"x":"`, `"x":"AA","y":"`},
	} {
		_, err := signing.ParseSet([]byte(strings.Replace(string(good), change[0], change[1], 1)))
		require.Error(t, err, name)
	}
	twice := strings.Replace(string(good), `]`, `,`+string(good[len(`{"keys":[`):len(good)-2])+`]`, 1)
	_, err = signing.ParseSet([]byte(twice))
	require.ErrorContains(t, err, "keys.1.kid")
	require.NotContains(t, string(good), hex.EncodeToString(first.Secret))
}
