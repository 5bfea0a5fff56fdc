package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// unlimited lets one key ask as often as a benchmark does while the clock stands still.
func unlimited(c *api.Config) { c.KeyRate = api.Rate{PerSecond: 1e9, Burst: 1e9} }

// BenchmarkDecision compares a decision over HTTP with a bare handler that reads the same row and writes a fixed
// answer. Run both for the ratio; loopback costs both the same.
func BenchmarkDecision(b *testing.B) {
	f := newFixture(b, "2020-12-03 10:00:00", unlimited)
	f.account("a1")
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := f.store.Account(r.Context(), "a1"); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"account_id":"a1","effect":"allow"}`))
	}))
	b.Cleanup(bare.Close)
	for name, url := range map[string]string{"bare": bare.URL, "decision": f.server.URL} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/v1/accounts/a1/decisions", strings.NewReader(`{"action":"create_label"}`))
				require.NoError(b, err)
				r.Header.Set("Authorization", "Bearer "+f.key)
				r.Header.Set("Content-Type", "application/json")
				response, err := f.server.Client().Do(r)
				require.NoError(b, err)
				require.Equal(b, http.StatusOK, response.StatusCode)
				require.NoError(b, response.Body.Close())
			}
		})
	}
}

// BenchmarkHandler is a decision without the network.
func BenchmarkHandler(b *testing.B) {
	f := newFixture(b, "2020-12-03 10:00:00", unlimited)
	f.account("a1")
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/accounts/a1/decisions", strings.NewReader(`{"action":"create_label"}`))
		r.Header.Set("Authorization", "Bearer "+f.key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		f.api.ServeHTTP(w, r)
		require.Equal(b, http.StatusOK, w.Code)
	}
}
