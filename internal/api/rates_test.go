package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/limit"
)

// TestCommandsAreBoundedByAccount: whichever keys send them. Reading, logins and the withdrawal of a consent go on.
func TestCommandsAreBoundedByAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.Commands = limit.New(limit.Rate{PerSecond: 1, Burst: 4}, c.Now)
	})
	f.approved("a1") // takes one, as a1's submit
	f.approved("a2")
	first, second := as(f.newKey(api.VerificationsWrite, api.VerificationsRead)), as(f.newKey(api.VerificationsWrite))
	path := "/v1/accounts/a1/"
	f.post(path+"verification/refresh", nil, first)
	f.post(path+"links", object{"purpose": "verify"}, second).is(http.StatusCreated)
	f.post(path+"verification/start-face", consent(), first).is(http.StatusOK)
	for _, step := range []string{"verification/submit", "verification/start-face", "verification/refresh", "verification/correct", "verification/choose-manual", "links"} {
		got := f.post(path+step, object{}, second)
		got.problem(http.StatusTooManyRequests, api.CodeRateLimited)
		require.Equal(t, "1", got.header.Get("Retry-After"))
	}
	f.get(path+"verification", first).is(http.StatusOK)
	f.post(path+"logins", object{}, first).is(http.StatusOK)
	f.post(path+"verification/withdraw-consent", object{}, first).is(http.StatusOK)
	f.post("/v1/accounts/a2/links", object{"purpose": "verify"}, first).is(http.StatusCreated)
	f.clock.advance(time.Second)
	f.post(path+"links", object{"purpose": "verify"}, second).is(http.StatusCreated)
}
