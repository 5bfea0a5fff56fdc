package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

func testHints(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	h.append(t, "a1", "start", issue("a1", 1, 4))
	require.ErrorIs(t, h.MarkReturned(ctx, "nothing", at(5)), store.ErrNotFound)
	require.ErrorIs(t, h.MarkReturned(ctx, "a1-attempt-1", time.Time{}), store.ErrInvalid)
	when, err := h.Returned(ctx, "a1-attempt-1")
	require.NoError(t, err)
	require.True(t, when.IsZero())
	news, err := h.ReturnedChanged(ctx, "a1-attempt-1")
	require.NoError(t, err)
	require.NoError(t, h.MarkReturned(ctx, "a1-attempt-1", at(5)))
	receive(t, news)
	require.NoError(t, h.MarkReturned(ctx, "a1-attempt-1", at(6)))
	when, err = h.Returned(ctx, "a1-attempt-1")
	require.NoError(t, err)
	require.True(t, when.Equal(at(5)), "the first return counts")
}

func testPolicies(t *testing.T, h *harness) {
	ctx := t.Context()
	revision := func() int64 {
		t.Helper()
		r, err := h.PoliciesRevision(ctx)
		require.NoError(t, err)
		return r
	}
	empty := revision()
	p := store.PublishedPolicy{Name: "p", Version: 1, Text: []byte("rules: []\n"), EffectiveFrom: at(10), Author: "op-1", Note: "first"}
	require.NoError(t, h.PublishPolicy(ctx, p))
	first := revision()
	require.NotEqual(t, empty, first)
	require.NoError(t, h.PublishPolicy(ctx, p), "the same text again")
	require.Equal(t, first, revision())
	other := p
	other.Text = []byte("rules: [] \n")
	require.ErrorIs(t, h.PublishPolicy(ctx, other), store.ErrConflict)
	other.Version = 2
	other.EffectiveFrom = time.Time{}
	require.NoError(t, h.PublishPolicy(ctx, other))
	require.NotEqual(t, first, revision())
	require.ErrorIs(t, h.PublishPolicy(ctx, store.PublishedPolicy{Name: "p"}), store.ErrInvalid)

	all, err := h.Policies(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.True(t, all[0].RecordedAt.Before(all[1].RecordedAt))
	digest := sha256.Sum256(p.Text)
	p.Digest, p.RecordedAt = hex.EncodeToString(digest[:]), all[0].RecordedAt
	same(t, p, all[0])
	require.True(t, all[1].EffectiveFrom.IsZero())
}

func testBlocks(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	b := store.Block{
		AccountID: "a1", Action: "create_label", PolicyName: "p", PolicyVersion: 1, RuleID: "r", Reason: "enforced",
		Since: at(0), At: at(5), Receipt: "receipt-1",
	}
	firsts := make([]bool, 8)
	group, gctx := errgroup.WithContext(ctx)
	for i := range firsts {
		group.Go(func() error {
			var err error
			firsts[i], err = h.RecordBlock(gctx, b)
			return err
		})
	}
	require.NoError(t, group.Wait())
	count := 0
	for _, f := range firsts {
		if f {
			count++
		}
	}
	require.Equal(t, 1, count, "one of them was the first")

	observed := b
	observed.PolicyVersion, observed.Observed, observed.At = 2, true, at(6)
	first, err := h.RecordBlock(ctx, observed)
	require.NoError(t, err)
	require.True(t, first, "another version is another block")
	key := store.BlockKey{AccountID: "a1", Action: "create_label", PolicyName: "p", RuleID: "r", PolicyVersion: 1}
	require.NoError(t, h.CountBlocks(ctx, map[store.BlockKey]int{key: 3, {AccountID: "a1"}: 9}))
	require.NoError(t, h.CountBlocks(ctx, map[store.BlockKey]int{key: 4}))
	require.NoError(t, h.CountBlocks(ctx, nil))
	all, err := h.Blocks(ctx, "a1")
	require.NoError(t, err)
	same(t, []store.CountedBlock{{Block: b, Repeats: 7}, {Block: observed}}, all)
	b.AccountID = "nobody"
	_, err = h.RecordBlock(ctx, b)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testRequests(t *testing.T, h *harness) {
	ctx := t.Context()
	claims := make([]bool, 8)
	group, gctx := errgroup.WithContext(ctx)
	for i := range claims {
		group.Go(func() error {
			var err error
			_, claims[i], err = h.BeginRequest(gctx, "k1", "hash-1", at(1))
			return err
		})
	}
	require.NoError(t, group.Wait())
	count := 0
	for _, c := range claims {
		if c {
			count++
		}
	}
	require.Equal(t, 1, count)

	saved, claimed, err := h.BeginRequest(ctx, "k1", "hash-2", at(2))
	require.NoError(t, err)
	require.False(t, claimed)
	same(t, store.SavedResponse{BodyHash: "hash-1", SavedAt: at(1)}, saved)

	answer := store.SavedResponse{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: []byte(`{"a":1}`), SavedAt: at(3)}
	require.NoError(t, h.FinishRequest(ctx, "k1", answer))
	second := answer
	second.Status = 500
	require.NoError(t, h.FinishRequest(ctx, "k1", second), "the first answer stays")
	saved, claimed, err = h.BeginRequest(ctx, "k1", "hash-1", at(4))
	require.NoError(t, err)
	require.False(t, claimed)
	answer.BodyHash = "hash-1"
	same(t, answer, saved)
	require.ErrorIs(t, h.FinishRequest(ctx, "k2", answer), store.ErrNotFound)
	require.ErrorIs(t, h.FinishRequest(ctx, "k1", store.SavedResponse{}), store.ErrInvalid)
	_, _, err = h.BeginRequest(ctx, "", "hash", at(1))
	require.ErrorIs(t, err, store.ErrInvalid)

	_, claimed, err = h.BeginRequest(ctx, "k3", "hash-3", at(10))
	require.NoError(t, err)
	require.True(t, claimed)
	forgotten, err := h.ForgetRequests(ctx, at(3))
	require.NoError(t, err)
	require.Zero(t, forgotten, "saved at that very instant, so not before it")
	forgotten, err = h.ForgetRequests(ctx, at(10))
	require.NoError(t, err)
	require.Equal(t, 1, forgotten)
	_, claimed, err = h.BeginRequest(ctx, "k1", "hash-1", at(11))
	require.NoError(t, err)
	require.True(t, claimed)
}

func testKeys(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.Key(ctx, "k1")
	require.ErrorIs(t, err, store.ErrNotFound)
	k := store.Key{ID: "k1", Hash: []byte{1, 2}, Label: "labels", Scopes: []string{"decisions:read"}, CreatedAt: at(1), ExpiresAt: at(50)}
	require.NoError(t, h.PutKey(ctx, k))
	require.NoError(t, h.PutKey(ctx, store.Key{ID: "k2", Hash: []byte{3}, CreatedAt: at(2)}))
	got, err := h.Key(ctx, "k1")
	require.NoError(t, err)
	same(t, k, got)
	k.Disabled, k.Scopes = true, []string{"decisions:read", "audit:read"}
	require.NoError(t, h.PutKey(ctx, k))
	other := k
	other.Hash = []byte{9}
	require.ErrorIs(t, h.PutKey(ctx, other), store.ErrConflict)
	require.ErrorIs(t, h.PutKey(ctx, store.Key{ID: "k3"}), store.ErrInvalid)
	bound := store.Key{ID: "k3", Hash: []byte{4}, Accounts: store.AccountSet{"a1", "shop-*"}, CreatedAt: at(3)}
	require.NoError(t, h.PutKey(ctx, bound))
	wider := bound
	wider.Accounts = nil
	require.NoError(t, h.PutKey(ctx, wider), "the accounts of a key are set once")
	for _, set := range []store.AccountSet{{"*"}, {"a b"}, {"a*b"}, {""}, {"a1", "a1"}, make(store.AccountSet, store.MaxAccountSet+1)} {
		require.ErrorIs(t, h.PutKey(ctx, store.Key{ID: "k4", Hash: []byte{5}, Accounts: set, CreatedAt: at(3)}), store.ErrInvalid)
	}
	all, err := h.AllKeys(ctx)
	require.NoError(t, err)
	same(t, []store.Key{k, {ID: "k2", Hash: []byte{3}, CreatedAt: at(2)}, bound}, all)
}
