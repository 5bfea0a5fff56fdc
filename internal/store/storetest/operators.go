package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

func person(id, role string) store.Operator {
	return store.Operator{
		ID: id, Login: "login-" + id, Name: "Name " + id, Role: role, Password: "hash-" + id, CreatedAt: at(1), CreatedBy: "cli", ChangedAt: at(1),
	}
}

func provided(id, role string) store.Operator {
	return store.Operator{
		ID: id, Name: "Name " + id, Role: role, Issuer: "https://issuer.example", Subject: "subject-" + id, CreatedAt: at(1), CreatedBy: "oidc",
		ChangedAt: at(1),
	}
}

func testOperators(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.Operator(ctx, "o1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.OperatorByLogin(ctx, "")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, bad := range []store.Operator{
		{}, {ID: "o1", Role: "viewer", CreatedAt: at(1)}, {ID: "o1", Role: "viewer", Login: "a", CreatedAt: at(1)},
		{ID: "o1", Role: "viewer", Login: "a", Password: "h", Issuer: "i", Subject: "s", CreatedAt: at(1)},
		{ID: "o1", Role: "viewer", Login: "a", Password: "h", CreatedAt: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		require.ErrorIs(t, h.AddOperator(ctx, bad), store.ErrInvalid)
	}
	o1, o2, o3 := person("o1", "admin"), provided("o2", "viewer"), provided("o3", "viewer")
	for _, o := range []store.Operator{o3, o1, o2} {
		require.NoError(t, h.AddOperator(ctx, o))
	}
	for _, taken := range []store.Operator{person("o1", "viewer"), {ID: "o9", Login: o1.Login, Role: "viewer", Password: "h", CreatedAt: at(2)},
		{ID: "o9", Issuer: o2.Issuer, Subject: o2.Subject, Role: "viewer", CreatedAt: at(2)}} {
		require.ErrorIs(t, h.AddOperator(ctx, taken), store.ErrConflict)
	}
	again := h.again()
	for _, find := range []func() (store.Operator, error){
		func() (store.Operator, error) { return again.Operator(ctx, "o1") },
		func() (store.Operator, error) { return again.OperatorByLogin(ctx, "login-o1") },
	} {
		got, err := find()
		require.NoError(t, err)
		same(t, o1, got)
	}
	got, err := again.OperatorByIdentity(ctx, o2.Issuer, o2.Subject)
	require.NoError(t, err)
	same(t, o2, got)
	_, err = h.OperatorByIdentity(ctx, "https://other.example", o2.Subject)
	require.ErrorIs(t, err, store.ErrNotFound)
	first, err := h.Operators(ctx, "", 2)
	require.NoError(t, err)
	same(t, []store.Operator{o1, o2}, first)
	rest, err := h.Operators(ctx, "o2", 2)
	require.NoError(t, err)
	same(t, []store.Operator{o3}, rest)
}

func testOperatorChanges(t *testing.T, h *harness) {
	ctx := t.Context()
	yes, no := true, false
	viewer, admin, name, hash := "viewer", "admin", "Another", "hash-2"
	require.NoError(t, h.AddOperator(ctx, person("boss", "admin")))
	require.NoError(t, h.AddOperator(ctx, person("o1", "viewer")))
	require.NoError(t, h.AddOperator(ctx, provided("o2", "viewer")))
	change := func(id string, c store.OperatorChange) error {
		c.At = at(5)
		_, _, err := h.ChangeOperator(ctx, id, c)
		return err
	}
	_, _, err := h.ChangeOperator(ctx, "o1", store.OperatorChange{Name: &name})
	require.ErrorIs(t, err, store.ErrInvalid, "no instant")
	require.ErrorIs(t, change("o9", store.OperatorChange{Name: &name}), store.ErrNotFound)

	before, after, err := h.ChangeOperator(ctx, "o1", store.OperatorChange{Name: &name, Password: &hash, At: at(4)})
	require.NoError(t, err)
	want := person("o1", "viewer")
	same(t, want, before)
	want.Name, want.Password, want.ChangedAt = name, hash, at(4)
	same(t, want, after)
	_, after, err = h.ChangeOperator(ctx, "o1", store.OperatorChange{Name: &name, At: at(9)})
	require.NoError(t, err)
	same(t, want, after) // nothing changed, so ChangedAt stays
	got, err := h.Operator(ctx, "o1")
	require.NoError(t, err)
	same(t, want, got)

	for _, c := range []store.OperatorChange{{Role: &viewer}, {Disabled: &yes}} {
		require.ErrorIs(t, change("boss", c), store.ErrLastAdmin)
	}
	require.NoError(t, change("boss", store.OperatorChange{Role: &admin, Name: &name}))
	require.ErrorIs(t, change("o2", store.OperatorChange{Role: &admin}), store.ErrElsewhere)
	require.ErrorIs(t, change("o2", store.OperatorChange{Password: &hash}), store.ErrElsewhere)
	require.NoError(t, change("o2", store.OperatorChange{Role: &admin, ByProvider: true}))
	require.NoError(t, change("boss", store.OperatorChange{Role: &viewer}), "o2 is one too")
	require.ErrorIs(t, change("o2", store.OperatorChange{Disabled: &yes}), store.ErrLastAdmin)
	require.NoError(t, change("boss", store.OperatorChange{Role: &admin, Disabled: &yes}))
	require.ErrorIs(t, change("o2", store.OperatorChange{Disabled: &yes}), store.ErrLastAdmin, "a disabled admin is none")
	require.NoError(t, change("boss", store.OperatorChange{Disabled: &no}))
	require.NoError(t, change("o2", store.OperatorChange{Disabled: &yes}))
	require.NoError(t, change("boss", store.OperatorChange{Role: &viewer, ByProvider: true}), "the provider is not asked to keep one")

	require.NoError(t, h.RehashPassword(ctx, "o1", "hash-1", "hash-3"), "another password meanwhile")
	got, err = h.Operator(ctx, "o1")
	require.NoError(t, err)
	require.Equal(t, hash, got.Password)
	require.NoError(t, h.RehashPassword(ctx, "o1", hash, "hash-3"))
	require.ErrorIs(t, h.RehashPassword(ctx, "o1", "", "hash-4"), store.ErrInvalid)
	got, err = h.Operator(ctx, "o1")
	require.NoError(t, err)
	require.Equal(t, "hash-3", got.Password)
}

// testLastAdminRace: of admins who disable each other at once, one stays.
func testLastAdminRace(t *testing.T, h *harness) {
	ctx := t.Context()
	ids := []string{"o1", "o2", "o3", "o4"}
	for _, id := range ids {
		require.NoError(t, h.AddOperator(ctx, person(id, "admin")))
	}
	yes := true
	var refused atomic.Int32
	var group errgroup.Group
	for _, id := range ids {
		group.Go(func() error {
			_, _, err := h.ChangeOperator(ctx, id, store.OperatorChange{Disabled: &yes, At: at(2)})
			if err != nil {
				require.ErrorIs(t, err, store.ErrLastAdmin)
				refused.Add(1)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, refused.Load())
}

func operatorSession(hash byte, id string, from, to int) store.OperatorSession {
	return store.OperatorSession{Hash: []byte{hash}, OperatorID: id, Address: "192.0.2.1", CreatedAt: at(from), ExpiresAt: at(to)}
}

func testOperatorSessions(t *testing.T, h *harness) {
	ctx := t.Context()
	require.NoError(t, h.AddOperator(ctx, person("o1", "viewer")))
	require.NoError(t, h.AddOperator(ctx, provided("o2", "viewer")))
	_, _, err := h.OperatorSession(ctx, []byte{1})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, h.BeginOperatorSession(ctx, store.OperatorSession{OperatorID: "o1"}, "hash-o1"), store.ErrInvalid)
	require.ErrorIs(t, h.BeginOperatorSession(ctx, operatorSession(1, "o9", 2, 30), ""), store.ErrNotFound)
	require.ErrorIs(t, h.BeginOperatorSession(ctx, operatorSession(1, "o1", 2, 30), "hash-old"), store.ErrEnded, "changed meanwhile")

	require.NoError(t, h.BeginOperatorSession(ctx, operatorSession(1, "o1", 2, 30), "hash-o1"))
	require.Error(t, h.BeginOperatorSession(ctx, operatorSession(1, "o2", 2, 30), ""), "a secret belongs to one session")
	require.NoError(t, h.BeginOperatorSession(ctx, operatorSession(2, "o2", 3, 40), ""))
	want := operatorSession(1, "o1", 2, 30)
	want.SeenAt = at(2)
	who := person("o1", "viewer")
	who.SignedInAt = at(2)
	got, o, err := h.again().OperatorSession(ctx, []byte{1})
	require.NoError(t, err)
	same(t, want, got)
	same(t, who, o)

	require.NoError(t, h.TouchOperatorSession(ctx, []byte{1}, at(12)))
	require.NoError(t, h.TouchOperatorSession(ctx, []byte{1}, at(11)), "an older act does not move it back")
	require.NoError(t, h.EndOperatorSession(ctx, []byte{1}, at(20)))
	require.NoError(t, h.EndOperatorSession(ctx, []byte{1}, at(21)), "the first end stays")
	require.ErrorIs(t, h.TouchOperatorSession(ctx, []byte{9}, at(1)), store.ErrNotFound)
	require.ErrorIs(t, h.EndOperatorSession(ctx, nil, at(1)), store.ErrNotFound)
	want.SeenAt, want.EndedAt = at(12), at(20)
	got, _, err = h.OperatorSession(ctx, []byte{1})
	require.NoError(t, err)
	same(t, want, got)

	for address, known := range map[string]bool{"192.0.2.1": true, "192.0.2.2": false} {
		from, err := h.SignedInFrom(ctx, "o1", address, at(2))
		require.NoError(t, err)
		require.Equal(t, known, from)
	}
	from, err := h.SignedInFrom(ctx, "o1", "192.0.2.1", at(3))
	require.NoError(t, err)
	require.False(t, from)
	n, err := h.ForgetOperatorSessions(ctx, at(30))
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = h.ForgetOperatorSessions(ctx, at(31))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	testSessionsEnded(t, h)
}

// testSessionsEnded: another role, another password and being disabled end what is open; a name does not.
func testSessionsEnded(t *testing.T, h *harness) {
	t.Helper()
	ctx := t.Context()
	yes, auditor, name, hash := true, "auditor", "Another", "hash-2"
	for i, c := range []struct {
		change store.OperatorChange
		ends   bool
	}{
		{store.OperatorChange{Name: &name}, false}, {store.OperatorChange{Role: &auditor}, true},
		{store.OperatorChange{Password: &hash}, true}, {store.OperatorChange{Disabled: &yes}, true},
	} {
		id, secret := "e"+string(rune('0'+i)), byte(100+i)
		require.NoError(t, h.AddOperator(ctx, person(id, "viewer")))
		require.NoError(t, h.BeginOperatorSession(ctx, operatorSession(secret, id, 2, 30), "hash-"+id))
		c.change.At = at(7)
		_, _, err := h.ChangeOperator(ctx, id, c.change)
		require.NoError(t, err)
		got, _, err := h.OperatorSession(ctx, []byte{secret})
		require.NoError(t, err)
		require.Equal(t, c.ends, got.EndedAt.Equal(at(7)), i)
		other, _, err := h.OperatorSession(ctx, []byte{2})
		require.NoError(t, err)
		require.True(t, other.EndedAt.IsZero(), "others' go on")
	}
	require.ErrorIs(t, h.BeginOperatorSession(ctx, operatorSession(9, "e3", 8, 30), "hash-e3"), store.ErrEnded, "disabled")
}

func testRotations(t *testing.T, h *harness) {
	ctx := t.Context()
	k := store.Key{ID: "r1", Hash: []byte{1}, Scopes: []string{"admin"}, CreatedAt: at(1)}
	require.NoError(t, h.PutKey(ctx, k))
	rotate := func(hash byte, now, until int) []store.OldSecret {
		t.Helper()
		_, after, err := h.ChangeKey(ctx, "r1", store.KeyChange{Hash: []byte{hash}, At: at(now), OldUntil: at(until)})
		require.NoError(t, err)
		got, err := h.Key(ctx, "r1")
		require.NoError(t, err)
		same(t, got, after)
		require.Equal(t, []byte{hash}, got.Hash)
		return got.Old
	}
	same(t, []store.OldSecret{{Hash: []byte{1}, Until: at(20)}}, rotate(2, 10, 20))
	same(t, []store.OldSecret{{Hash: []byte{1}, Until: at(20)}, {Hash: []byte{2}, Until: at(30)}}, rotate(3, 11, 30))
	same(t, []store.OldSecret{{Hash: []byte{2}, Until: at(30)}, {Hash: []byte{3}, Until: at(40)}}, rotate(4, 20, 40))
	for hash := byte(5); hash < 9; hash++ {
		rotate(hash, 21, 40)
	}
	require.Len(t, rotate(9, 22, 41), store.MaxOldSecrets)
	require.Empty(t, rotate(10, 23, 23), "without an overlap none is left")
}

func testKeyChanges(t *testing.T, h *harness) {
	ctx := t.Context()
	k := store.Key{ID: "k1", Hash: []byte{1}, Label: "l", Scopes: []string{"admin"}, CreatedAt: at(1)}
	require.NoError(t, h.PutKey(ctx, k))
	_, _, err := h.ChangeKey(ctx, "k9", store.KeyChange{Disable: true})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = h.ChangeKey(ctx, "k1", store.KeyChange{ExpiresAt: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorIs(t, err, store.ErrInvalid)
	before, after, err := h.ChangeKey(ctx, "k1", store.KeyChange{ExpiresAt: at(9)})
	require.NoError(t, err)
	same(t, k, before)
	k.ExpiresAt = at(9)
	same(t, k, after)
	_, after, err = h.ChangeKey(ctx, "k1", store.KeyChange{Disable: true})
	require.NoError(t, err)
	k.Disabled = true
	same(t, k, after)
	_, after, err = h.ChangeKey(ctx, "k1", store.KeyChange{ExpiresAt: at(10)})
	require.NoError(t, err)
	require.True(t, after.Disabled, "for good")

	testRotations(t, h)

	require.NoError(t, h.TouchKey(ctx, "k1", at(5)))
	require.NoError(t, h.TouchKey(ctx, "k1", at(4)))
	require.NoError(t, h.TouchKey(ctx, "k9", at(4)), "a key of another time is nobody's fault")
	k.ExpiresAt = at(10)
	require.NoError(t, h.PutKey(ctx, k))
	k.LastUsedAt = at(5)
	got, err := h.again().Key(ctx, "k1")
	require.NoError(t, err)
	same(t, k, got)
}
