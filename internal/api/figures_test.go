package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/figures"
)

// TestFigures are as documented before the deadline, with all that may be null there, and of one instant for all askers.
func TestFigures(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 12:00:00", func(c *api.Config) {
		c.FiguresWait = time.Minute
		c.NextSweep = func(context.Context) (time.Time, error) { return time.Date(2020, 12, 2, 0, 10, 0, 0, time.UTC), nil }
		c.ProviderHealth = func(zone *time.Location) *figures.ProviderFigures {
			return &figures.ProviderFigures{Name: "alipay", Since: time.Date(2020, 12, 1, 0, 0, 0, 0, zone), Calls: []figures.ProviderCalls{{Operation: "query", Calls: 3}}}
		}
	})
	f.account("a1")
	type view struct {
		At         string `json:"at"`
		Population struct {
			At          string `json:"at"`
			Covered     int    `json:"covered"`
			Enforcement struct {
				At string `json:"at"`
			} `json:"enforcement"`
		} `json:"population"`
		Provider struct {
			Name string `json:"name"`
		} `json:"provider"`
		Sweeps struct {
			NextAt string `json:"next_at"`
		} `json:"sweeps"`
	}
	var got view
	require.NoError(t, json.Unmarshal(newDocumented(f).check(http.StatusOK, http.MethodGet, "/v1/figures", nil).body, &got))
	require.Equal(t, "2020-12-01T12:00:00+08:00", got.At)
	require.Equal(t, 1, got.Population.Covered)
	require.Equal(t, "2020-12-04T00:00:00+08:00", got.Population.Enforcement.At)
	require.Equal(t, "alipay", got.Provider.Name)
	require.Equal(t, "2020-12-02T08:10:00+08:00", got.Sweeps.NextAt)

	f.account("a2")
	f.clock.advance(29 * time.Second)
	require.NoError(t, json.Unmarshal(f.get("/v1/figures").body, &got))
	require.Equal(t, "2020-12-01T12:00:29+08:00", got.At, "what is cheap is read again")
	require.Equal(t, "2020-12-01T12:00:00+08:00", got.Population.At, "the population is not")
	require.Equal(t, 1, got.Population.Covered)
	f.clock.advance(time.Second)
	require.NoError(t, json.Unmarshal(f.get("/v1/figures").body, &got))
	require.Equal(t, 2, got.Population.Covered)
	require.Equal(t, "2020-12-01T12:00:30+08:00", got.Population.At)
}
