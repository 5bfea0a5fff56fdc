package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
)

func TestSameKeySameBodyIsReplayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path := "/v1/accounts/a1/verification/start-face"
	first := f.post(path, consent(), idempotent("k1"))
	first.is(http.StatusOK)
	require.Empty(t, first.header.Get("Idempotent-Replayed"))
	commands := len(f.engine.Seen())
	f.clock.advance(time.Minute)
	again := f.post(path, consent(), idempotent("k1"))
	require.Equal(t, first.status, again.status)
	require.Equal(t, string(first.body), string(again.body), "the address of the QR is derived again")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Len(t, f.engine.Seen(), commands, "nothing ran again")

	other := consent()
	other["consent"].(object)["language"] = "en"
	f.post(path, other, idempotent("k1")).problem(http.StatusConflict, api.CodeIdempotencyConflict)
}

// TestSavedAnswersHoldNoSecret: whoever reads the database cannot open a QR from it.
func TestSavedAnswersHoldNoSecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	keep := &keeper{Store: f.store}
	f = f.over(keep)
	status := f.post("/v1/accounts/a1/verification/start-face", consent(), idempotent("k1")).is(http.StatusOK)
	qr := status["qr"].(object)
	require.Len(t, keep.saved, 1)
	saved := string(keep.saved[0].Body)
	require.Contains(t, saved, qr["lease_id"])
	for _, name := range []string{"url", "png"} {
		address := qr[name].(string)
		require.NotContains(t, saved, address[strings.LastIndexByte(address, '/')+1:])
	}
	require.NotContains(t, keep.saved[0].BodyHash, "zh-CN")
}

func TestProblemsAreReplayedToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/verification/start-face"
	first := f.post(path, consent(), idempotent("k1"))
	first.problem(http.StatusConflict, api.CodeStepNotAllowed)
	again := f.post(path, consent(), idempotent("k1"))
	again.problem(http.StatusConflict, api.CodeStepNotAllowed)
	require.Equal(t, string(first.body), string(again.body))
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
}

func TestFailuresOfOursAreNotSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/verification/submit"
	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrEngineUnavailable })
	f.post(path, realName(), idempotent("k1")).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	changed := realName()
	changed["name"] = "王小明"
	f.post(path, changed, idempotent("k1")).problem(http.StatusConflict, api.CodeIdempotencyConflict)
	f.engine.Set(func(e *apitest.Engine) { e.Failing = nil })
	got := f.post(path, realName(), idempotent("k1"))
	require.Equal(t, "under_review", got.is(http.StatusOK)["state"])
	require.Empty(t, got.header.Get("Idempotent-Replayed"))
}

func TestKeysDoNotMeet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.account("a2")
	body := object{"action": "create_label"}
	f.post("/v1/accounts/a1/decisions", body, idempotent("k1")).is(http.StatusOK)
	for name, got := range map[string]answer{
		"another account": f.post("/v1/accounts/a2/decisions", body, idempotent("k1")),
		"another API key": f.post("/v1/accounts/a1/decisions", body, idempotent("k1"), as(f.newKey(api.DecisionsRead))),
		"another address": f.post("/v1/accounts/a1/logins", object{}, idempotent("k1")),
		"another key":     f.post("/v1/accounts/a1/decisions", body, idempotent("k2")),
	} {
		require.Equal(t, http.StatusOK, got.status, name)
		require.Empty(t, got.header.Get("Idempotent-Replayed"), name)
	}
	for _, bad := range []string{strings.Repeat("k", 256), "a b", "käse"} {
		field(t, f.post("/v1/accounts/a1/decisions", body, idempotent(bad)).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "Idempotency-Key")
	}
}

func TestEveryPostIsIdempotent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	all := as(f.newKey(api.Admin))
	for _, op := range f.operations() {
		if op.method != http.MethodPost || strings.HasSuffix(op.path, ":import") || strings.HasSuffix(op.path, ":reveal") || op.path == decode || op.path == "/v1/policies:impact-accounts" ||
			strings.HasSuffix(op.path, "/evidence") { // takes no JSON; see TestEvidenceIsIdempotent
			continue
		}
		path := concrete(op.path)
		first := f.post(path, object{}, idempotent("every"), all)
		require.Less(t, first.status, 500, path)
		again := f.post(path, object{}, idempotent("every"), all)
		require.Equal(t, first.status, again.status, path)
		require.Equal(t, string(first.body), string(again.body), path)
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"), path)
		f.post(path, `{ }`, idempotent("every"), all).problem(http.StatusConflict, api.CodeIdempotencyConflict)
	}
}

// TestConcurrentRequestsAreOneCommand: double clicks, with a key.
func TestConcurrentRequestsAreOneCommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	var together sync.WaitGroup
	bodies := make([]string, 16)
	for i := range bodies {
		together.Go(func() {
			got := f.post("/v1/accounts/a1/verification/start-face", consent(), idempotent("k1"))
			if got.status == http.StatusOK {
				bodies[i] = got.json()["qr"].(object)["lease_id"].(string)
			}
		})
	}
	together.Wait()
	for _, b := range bodies {
		require.Equal(t, bodies[0], b)
	}
	require.NotEmpty(t, bodies[0])
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, head.Attempts, 1)
	require.Equal(t, int64(4), head.Seq)
}

func TestConcurrentSubmitsLeaveOneRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	var together sync.WaitGroup
	for range 16 {
		together.Go(func() { f.post("/v1/accounts/a1/verification/submit", realName(), idempotent("k1")) })
	}
	together.Wait()
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 1, head.Revision)
	require.Equal(t, []string{head.Identity.Ref}, f.vault.kept())
}
