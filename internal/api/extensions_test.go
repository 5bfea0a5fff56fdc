package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// settler remembers whom it was asked to settle.
type settler struct {
	mu   sync.Mutex
	seen []string
	err  error
}

func (s *settler) Settle(_ context.Context, accountID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, accountID)
	return s.err
}

func (s *settler) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

func (f *fixture) effect(id string) string {
	f.t.Helper()
	d := f.post("/v1/accounts/"+id+"/decisions", object{"action": "create_label"}).is(http.StatusOK)
	return fmt.Sprint(d["effect"], " ", d["reason"])
}

func (f *fixture) effectAt(id string, at time.Time, basis string) string {
	f.t.Helper()
	d := f.post("/v1/accounts/"+id+"/decisions", object{"action": "create_label", "at": at.Format(time.RFC3339Nano), "basis": basis}).is(http.StatusOK)
	return fmt.Sprint(d["effect"], " ", d["reason"])
}

func steps(e object) []string {
	var all []string
	for _, step := range e["steps"].([]any) {
		all = append(all, step.(object)["state"].(string))
	}
	return all
}

// extended asks for an extension and has another person approve it.
func (f *fixture) extended(account, until string) {
	f.t.Helper()
	asked := f.post("/v1/accounts/"+account+"/extensions", object{"until": until, "reason": "late"}).is(http.StatusCreated)
	f.post("/v1/extensions/"+asked["id"].(string)+"/approve", object{"reason": "late"}, as(f.newKey(api.PoliciesApprove))).is(http.StatusOK)
}

func extensionBody() object {
	return object{"until": "2020-12-11T00:00:00+08:00", "reason": "waiting_for_card", "rule": "existing-individuals"}
}

func TestExtensionNeedsASecondApprover(t *testing.T) {
	t.Parallel()
	settled := &settler{}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Settler = settled })
	f.account("a1")
	second := as(f.newKey(api.PoliciesApprove))
	got := f.post("/v1/accounts/a1/extensions", extensionBody()).is(http.StatusCreated)
	require.Equal(t, "requested", got["state"])
	require.Equal(t, "existing-individuals", got["rule"])
	require.Equal(t, "2020-12-11T00:00:00+08:00", got["until"])
	require.Equal(t, "2020-12-05T10:00:00+08:00", got["requested_at"])
	require.Nil(t, got["granted_at"])
	require.Equal(t, "block enforced", f.effect("a1"))
	one := "/v1/extensions/" + got["id"].(string)
	for _, verb := range []string{"approve", "reject", "revoke"} {
		f.post(one+"/"+verb, object{"reason": "mine"}).problem(http.StatusConflict, api.CodeSecondApprover)
	}
	f.post(one+"/approve", object{}, as(f.newKey(api.ExtensionsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
	require.Empty(t, settled.take())

	f.clock.advance(time.Minute)
	granted := f.post(one+"/approve", object{"note": "She showed me the flood"}, second).is(http.StatusOK)
	require.Equal(t, "approved", granted["state"])
	require.Equal(t, "2020-12-05T10:01:00+08:00", granted["granted_at"])
	require.Equal(t, []string{"requested", "approved"}, steps(granted))
	require.Equal(t, true, granted["steps"].([]any)[1].(object)["has_note"])
	require.Len(t, f.vault.kept(), 1)
	require.Equal(t, "allow extended", f.effect("a1"))
	require.Equal(t, []string{"a1"}, settled.take())
	again := f.post(one+"/approve", object{"note": "again"}, second).is(http.StatusOK)
	require.Equal(t, granted, again, "the same again changes nothing")
	require.Len(t, f.vault.kept(), 1, "and leaves nothing")
	p := f.post(one+"/approve", object{}, as(f.newKey(api.PoliciesApprove))).problem(http.StatusConflict, api.CodeExtensionDecided)
	require.Contains(t, p["detail"], "approved")

	f.clock.set(beijing(t, "2020-12-10 23:59:59"))
	require.Equal(t, "allow extended", f.effect("a1"))
	f.clock.set(beijing(t, "2020-12-11 00:00:00"))
	require.Equal(t, "block enforced", f.effect("a1"))
	require.Equal(t, "lapsed", f.get(one).is(http.StatusOK)["state"])
	f.post(one+"/revoke", object{"reason": "late"}, second).problem(http.StatusConflict, api.CodeExtensionDecided)
}

func TestRevokedExtension(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	second := as(f.newKey(api.PoliciesApprove))
	one := "/v1/extensions/" + f.post("/v1/accounts/a1/extensions", extensionBody()).is(http.StatusCreated)["id"].(string)
	f.clock.set(beijing(t, "2020-12-06 00:00:00"))
	f.post(one+"/approve", object{}, second).is(http.StatusOK)
	f.clock.set(beijing(t, "2020-12-07 00:00:00"))
	require.Equal(t, "allow extended", f.effect("a1"))
	field(t, f.post(one+"/revoke", object{}, second).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	gone := f.post(one+"/revoke", object{"reason": "forged"}, second).is(http.StatusOK)
	require.Equal(t, "revoked", gone["state"])
	require.Equal(t, "2020-12-07T00:00:00+08:00", gone["revoked_at"])
	require.Equal(t, "2020-12-11T00:00:00+08:00", gone["until"], "what was asked for stays")
	require.Equal(t, "block enforced", f.effect("a1"))

	for _, c := range []struct{ at, did, would string }{
		{"2020-12-05 23:59:59", "block enforced", "block enforced"},
		{"2020-12-06 00:00:00", "allow extended", "allow extended"},
		{"2020-12-06 23:59:59", "allow extended", "allow extended"},
		{"2020-12-07 00:00:00", "block enforced", "block enforced"},
		{"2020-12-10 00:00:00", "block enforced", "block enforced"},
	} {
		at := beijing(t, c.at)
		require.Equal(t, c.did, f.effectAt("a1", at, "did"), c.at)
		require.Equal(t, c.would, f.effectAt("a1", at, "would"), c.at)
	}
	d := f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2020-12-06T12:00:00+08:00", "basis": "did"}).is(http.StatusOK)
	require.Equal(t, "2020-12-11T00:00:00+08:00", d["next_change_at"], "nobody knew of the revocation then")
	d = f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2020-12-06T12:00:00+08:00", "basis": "would"}).is(http.StatusOK)
	require.Equal(t, "2020-12-07T00:00:00+08:00", d["next_change_at"])
}

func TestRejectedExtension(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	second := as(f.newKey(api.PoliciesApprove))
	one := "/v1/extensions/" + f.post("/v1/accounts/a1/extensions", extensionBody(), as(f.newKey(api.ExtensionsWrite))).is(http.StatusCreated)["id"].(string)
	f.post(one+"/revoke", object{"reason": "x"}, second).problem(http.StatusConflict, api.CodeExtensionDecided)
	got := f.post(one+"/reject", object{"reason": "no_proof"}, second).is(http.StatusOK)
	require.Equal(t, "rejected", got["state"])
	require.Equal(t, "no_proof", got["steps"].([]any)[1].(object)["reason"])
	f.post(one+"/approve", object{}, second).problem(http.StatusConflict, api.CodeExtensionDecided)
	require.Equal(t, "block enforced", f.effect("a1"))
	f.post("/v1/extensions/nothing/approve", object{}, second).problem(http.StatusNotFound, api.CodeExtensionNotFound)
	f.get("/v1/extensions/nothing").problem(http.StatusNotFound, api.CodeExtensionNotFound)
}

func TestExtensionFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/extensions"
	for name, bad := range map[string]object{
		"until":  {"until": "2020-12-05T10:00:00+08:00", "reason": "x"},
		"reason": {"until": "2020-12-21T00:00:00+08:00"},
		"rule":   {"until": "2020-12-21T00:00:00+08:00", "reason": "x", "rule": "nobody"},
		"note":   {"until": "2020-12-21T00:00:00+08:00", "reason": "x", "note": strings.Repeat("n", 2001)},
	} {
		field(t, f.post(path, bad).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
	}
	field(t, f.post(path, object{"until": "2021-12-07T00:00:00+08:00", "reason": "x"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "until")
	f.post("/v1/accounts/nobody/extensions", extensionBody()).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.get("/v1/accounts/nobody/extensions").problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.post("/v1/accounts/a1/close", object{"reason": "left"}).is(http.StatusOK)
	f.post(path, extensionBody()).problem(http.StatusConflict, api.CodeAccountClosed)
	require.Empty(t, f.vault.kept())
}

func TestExtensionIsRequestedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	body := object{"until": "2020-12-11T00:00:00+08:00", "reason": "Herr Müller has no card yet"}
	f.store.set("FinishRequest", true) // the first answer is not saved
	first := f.post("/v1/accounts/a1/extensions", body, idempotent("x1")).is(http.StatusCreated)
	f.store.set("FinishRequest", false)
	f.clock.advance(time.Minute)
	again := f.post("/v1/accounts/a1/extensions", body, idempotent("x1")).is(http.StatusCreated)
	require.Equal(t, first, again, "requested then, not now")
	require.Len(t, f.vault.kept(), 1)
	require.Len(t, f.get("/v1/accounts/a1/extensions").is(http.StatusOK)["extensions"], 1)
}

// TestOneKeyForTwoExtensions: an Idempotency-Key names a verdict on one extension.
func TestOneKeyForTwoExtensions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	second := f.newKey(api.PoliciesApprove)
	for _, id := range []string{"a1", "a2"} {
		f.account(id)
		e := f.post("/v1/accounts/"+id+"/extensions", extensionBody()).is(http.StatusCreated)
		got := f.post("/v1/extensions/"+e["id"].(string)+"/approve", object{}, as(second), idempotent("monday")).is(http.StatusOK)
		require.Equal(t, e["id"], got["id"])
		require.Equal(t, "allow extended", f.effect(id))
	}
}

func TestOneApprover(t *testing.T) {
	t.Parallel()
	settled := &settler{err: errors.New("the sweep is away")}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.OneApprover, c.Settler = true, settled })
	f.account("a1")
	got := f.post("/v1/accounts/a1/extensions", extensionBody()).is(http.StatusCreated)
	require.Equal(t, "approved", got["state"])
	require.Equal(t, []string{"requested", "approved"}, steps(got))
	require.Equal(t, "allow extended", f.effect("a1"))
	require.Equal(t, []string{"a1"}, settled.take(), "what it fails with does not undo the extension")
	require.Contains(t, f.logs.String(), "not settled")
	f.post("/v1/extensions/"+got["id"].(string)+"/revoke", object{"reason": "mistake"}).is(http.StatusOK)
	asked := f.post("/v1/accounts/a1/extensions", extensionBody(), as(f.newKey(api.ExtensionsWrite))).is(http.StatusCreated)
	require.Equal(t, "requested", asked["state"], "to grant takes the scope for it")
}

// TestApprovedOnceByMany: two approvers press at once, again and again; one approval is written.
func TestApprovedOnceByMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	e := f.post("/v1/accounts/a1/extensions", extensionBody()).is(http.StatusCreated)
	keys := []string{f.newKey(api.PoliciesApprove), f.newKey(api.PoliciesApprove)}
	statuses := make([]int, 8)
	var group sync.WaitGroup
	for i := range statuses {
		group.Go(func() {
			statuses[i] = f.post("/v1/extensions/"+e["id"].(string)+"/approve", object{}, as(keys[i%2])).status
		})
	}
	group.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	require.Equal(t, map[int]int{http.StatusOK: 4, http.StatusConflict: 4}, counts, "one of the two was first, the other too late")
	require.Equal(t, []string{"requested", "approved"}, steps(f.get("/v1/extensions/"+e["id"].(string)).is(http.StatusOK)))
}

func TestListExtensions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	second := as(f.newKey(api.PoliciesApprove))
	var ids []string
	for i := range 5 {
		id := fmt.Sprintf("a%d", i%2)
		if i < 2 {
			f.account(id)
		}
		f.clock.advance(time.Second)
		ids = append(ids, f.post("/v1/accounts/"+id+"/extensions", extensionBody()).is(http.StatusCreated)["id"].(string))
	}
	f.post("/v1/extensions/"+ids[1]+"/approve", object{}, second).is(http.StatusOK)
	list := func(path string) []string {
		t.Helper()
		var all []string
		joint := "?"
		if strings.Contains(path, "?") {
			joint = "&"
		}
		for cursor := ""; ; {
			got := f.get(path + joint + "limit=2&cursor=" + url.QueryEscape(cursor)).is(http.StatusOK)
			for _, e := range got["extensions"].([]any) {
				all = append(all, e.(object)["id"].(string))
			}
			if got["cursor"] == nil {
				return all
			}
			cursor = got["cursor"].(string)
		}
	}
	require.Equal(t, ids, list("/v1/extensions"))
	require.Equal(t, []string{ids[0], ids[2], ids[3], ids[4]}, list("/v1/extensions?state=requested"))
	require.Equal(t, []string{ids[1]}, list("/v1/extensions?state=approved&rule=existing-individuals"))
	require.Equal(t, []string{ids[1], ids[3]}, list("/v1/accounts/a1/extensions"))
	require.Empty(t, list("/v1/extensions?rule=nobody"))
	f.clock.set(beijing(t, "2020-12-11 00:00:00"))
	require.Equal(t, ids, list("/v1/extensions?state=lapsed"))
	cursor := url.QueryEscape(f.get("/v1/extensions?limit=1").is(http.StatusOK)["cursor"].(string))
	field(t, f.get("/v1/extensions?limit=1&state=lapsed&cursor="+cursor).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	field(t, f.get("/v1/extensions?state=asleep").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "state")
	f.get("/v1/extensions", as(f.newKey(api.DecisionsRead))).problem(http.StatusForbidden, api.CodeForbidden)
}
