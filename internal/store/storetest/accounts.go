package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func testAccounts(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.Account(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.Facts(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.Head(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)

	first := h.register(t, "a1")
	require.Equal(t, 1, first.Version)
	got, err := h.Account(ctx, "a1")
	require.NoError(t, err)
	same(t, first, got)
	same(t, facts("a1"), got.Account)

	inUTC := facts("a1")
	inUTC.RegisteredAt = inUTC.RegisteredAt.UTC()
	got, result, err := h.PutAccount(ctx, store.PutAccount{Account: inUTC}, false)
	require.NoError(t, err)
	require.Equal(t, store.Unchanged, result, "the same instant, written in UTC, is the same fact")
	same(t, first, got)

	for name, differs := range map[string]func(*policy.Account){
		"kind":                         func(a *policy.Account) { a.Kind = policy.KindEnterprise },
		"region":                       func(a *policy.Account) { a.Region = "US" },
		"registered a nanosecond on":   func(a *policy.Account) { a.RegisteredAt = a.RegisteredAt.Add(1) },
		"registered a nanosecond less": func(a *policy.Account) { a.RegisteredAt = a.RegisteredAt.Add(-1) },
	} {
		other := facts("a1")
		differs(&other)
		_, _, err = h.PutAccount(ctx, store.PutAccount{Account: other}, false)
		require.ErrorIs(t, err, store.ErrConflict, name)
	}
	got, err = h.Account(ctx, "a1")
	require.NoError(t, err)
	same(t, first, got)

	moved := facts("a1")
	moved.Region = "US"
	second, result, err := h.PutAccount(ctx, store.PutAccount{Account: moved, Actor: operator, Reason: "moved"}, true)
	require.NoError(t, err)
	require.Equal(t, store.Updated, result)
	require.Equal(t, 2, second.Version)
	require.True(t, second.RecordedAt.After(first.RecordedAt))

	moved.ClosedAt = at(30)
	third, result, err := h.PutAccount(ctx, store.PutAccount{Account: moved, Actor: operator}, false)
	require.NoError(t, err)
	require.Equal(t, store.Updated, result, "closing is no correction")
	moved.ClosedAt = time.Time{}
	got, result, err = h.PutAccount(ctx, store.PutAccount{Account: moved, Actor: operator}, false)
	require.NoError(t, err)
	require.Equal(t, store.Unchanged, result, "to say nothing of closing does not reopen")
	same(t, third, got)

	far := facts("a2")
	far.RegisteredAt = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	_, _, err = h.PutAccount(ctx, store.PutAccount{Account: far}, false)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, _, err = h.PutAccount(ctx, store.PutAccount{Account: policy.Account{ID: "a2"}}, false)
	require.ErrorIs(t, err, store.ErrInvalid)
	now, err := h.Now(ctx)
	require.NoError(t, err)
	require.True(t, now.After(third.RecordedAt))
	require.NoError(t, h.Ping(ctx))
}

func testBatch(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "old")
	changed := facts("old")
	changed.Kind = policy.KindEnterprise
	outcomes, err := h.PutAccounts(ctx, []store.PutAccount{
		{Account: facts("new")}, {Account: changed}, {Account: facts("old")}, {Account: policy.Account{ID: "bad"}}, {Account: facts("new")},
	}, false)
	require.NoError(t, err)
	require.Len(t, outcomes, 5)
	require.Equal(t, store.Created, outcomes[0].Result)
	require.ErrorIs(t, outcomes[1].Err, store.ErrConflict)
	require.Equal(t, store.Unchanged, outcomes[2].Result)
	require.ErrorIs(t, outcomes[3].Err, store.ErrInvalid)
	require.Equal(t, store.Unchanged, outcomes[4].Result, "the same line twice")
	_, err = h.Account(ctx, "bad")
	require.ErrorIs(t, err, store.ErrNotFound)
	none, err := h.PutAccounts(ctx, nil, false)
	require.NoError(t, err)
	require.Empty(t, none)
}

func imported(e lifecycle.Event, changeID string, minute int) *lifecycle.Change {
	c := change(e, minute)
	c.ChangeID = changeID
	c.Actor = lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "key-1"}
	c.Detail.Provenance = &lifecycle.Provenance{At: at(minute), Method: "face", Evidence: "older-1"}
	return &c
}

func testImports(t *testing.T, h *harness) {
	ctx := t.Context()
	put := store.PutAccount{Account: facts("a1"), Import: imported(lifecycle.ImportVerified, "import-1", 1)}
	_, result, err := h.PutAccount(ctx, put, false)
	require.NoError(t, err)
	require.Equal(t, store.Created, result)
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Verified, v.State)
	require.Equal(t, lifecycle.MethodImported, v.Method)
	require.True(t, v.VerifiedAt.Equal(at(1)), "since when the older process says")

	_, result, err = h.PutAccount(ctx, put, false)
	require.NoError(t, err)
	require.Equal(t, store.Unchanged, result, "the same import again")
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.Len(t, log, 1)

	put.Import = imported(lifecycle.ImportApproved, "import-2", 1)
	put.Account.Region = "US"
	_, _, err = h.PutAccount(ctx, put, true)
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal, "an import does not take a verification back")
	a, err := h.Account(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, "CN", a.Region, "a refused line leaves no trace")

	h.register(t, "a2")
	_, result, err = h.PutAccount(ctx, store.PutAccount{Account: facts("a2"), Import: imported(lifecycle.ImportApproved, "import-1", 2)}, false)
	require.NoError(t, err)
	require.Equal(t, store.Updated, result, "the import was news")

	noProvenance := imported(lifecycle.ImportApproved, "import-3", 2)
	noProvenance.Detail.Provenance = nil
	_, _, err = h.PutAccount(ctx, store.PutAccount{Account: facts("a3"), Import: noProvenance}, false)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = h.Account(ctx, "a3")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testFacts(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	got, err := h.Facts(ctx, "a1")
	require.NoError(t, err)
	same(t, store.Facts{Account: facts("a1"), Standing: lifecycle.New("a1").Standing()}, got)

	h.approve(t, "a1", "d1")
	require.NoError(t, h.PutExtension(ctx, policy.Extension{ID: "e2", AccountID: "a1", RuleID: "r", Until: at(50), GrantedAt: at(5)}, operator, "backlog"))
	require.NoError(t, h.PutExtension(ctx, policy.Extension{ID: "e1", AccountID: "a1", Until: at(40), GrantedAt: at(4)}, operator, "backlog"))
	require.NoError(t, h.PublishPolicy(ctx, store.PublishedPolicy{Name: "p", Version: 1, Text: []byte("x")}))
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	revision, err := h.PoliciesRevision(ctx)
	require.NoError(t, err)
	want := store.Facts{
		Account: facts("a1"), Standing: v.Standing(), Seq: 3, PoliciesRevision: revision,
		Extensions: []policy.Extension{
			{ID: "e1", AccountID: "a1", Until: at(40), GrantedAt: at(4)},
			{ID: "e2", AccountID: "a1", RuleID: "r", Until: at(50), GrantedAt: at(5)},
		},
	}
	got, err = h.Facts(ctx, "a1")
	require.NoError(t, err)
	same(t, want, got)

	many, err := h.FactsOf(ctx, []string{"a2", "nobody", "a1", "a2", `"]'; --`})
	require.NoError(t, err)
	other := store.Facts{Account: facts("a2"), Standing: lifecycle.New("a2").Standing(), PoliciesRevision: revision}
	same(t, []store.Facts{other, {}, want, other, {}}, many)
	many, err = h.FactsOf(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, many)
}
