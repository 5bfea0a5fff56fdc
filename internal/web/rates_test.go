package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/web"
)

// TestCommandsOfAnAccountAreBounded: from whatever browsers they come. To look, to withdraw and to leave is never refused.
func TestCommandsOfAnAccountAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *web.Config) { c.Commands = limit.New(limit.Rate{PerSecond: 1, Burst: 2}, c.Now) })
	f.register("a1")
	first, second := f.enter("a1"), f.enter("a1")
	first.post("/m/refresh", nil)
	second.post("/m/refresh", nil)
	got := second.post("/m/refresh", nil)
	got.is(http.StatusTooManyRequests)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	first.post("/m/form", nil).is(http.StatusTooManyRequests)
	require.NotEqual(t, http.StatusTooManyRequests, first.get("/m/state").status)
	require.NotEqual(t, http.StatusTooManyRequests, first.post("/m/withdraw", nil).status)
	f.clock.Advance(time.Second)
	require.NotEqual(t, http.StatusTooManyRequests, first.post("/m/refresh", nil).status)
	require.Equal(t, http.StatusSeeOther, second.post("/m/leave", nil).status)
}
