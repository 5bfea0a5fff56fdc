package portal

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func newClient(t *testing.T, s *service) *Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true} // net/http itself repeats requests on a kept connection
	return &Client{BaseURL: s.URL, Key: "key", HTTP: &http.Client{Transport: transport}}
}

func TestARequestWithoutAnAnswerIsSentOnceMoreUnderItsKey(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.answer("POST /v1/accounts/shop/decisions", 200, blockedLabel)
	s.drop(1)
	d, err := newClient(t, s).Decide(t.Context(), "shop", "create_label")
	require.NoError(t, err)
	require.Equal(t, "block", d.Effect)
	sent := s.requests()
	require.Len(t, sent, 2)
	require.NotEmpty(t, sent[0].key)
	require.Equal(t, sent[0].key, sent[1].key)

	s.drop(2)
	_, err = newClient(t, s).Decide(t.Context(), "shop", "create_label")
	require.Error(t, err)
	require.True(t, Unavailable(err))
	require.Len(t, s.requests(), 4)
	require.NotEqual(t, sent[0].key, s.requests()[2].key, "another press is another key")
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status      int
		body, code  string
		unavailable bool
	}{
		"refused":           {403, `{"code":"forbidden"}`, "forbidden", false},
		"asked too often":   {429, `{"code":"rate_limited"}`, "rate_limited", true},
		"away":              {503, `{"code":"store_unavailable"}`, "store_unavailable", true},
		"not from Verigate": {502, `<html>bad gateway</html>`, "unknown", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.answer("GET /v1/accounts/a.b", tc.status, tc.body)
			_, err := newClient(t, s).Account(t.Context(), "a.b")
			require.True(t, HasCode(err, tc.code), "%v", err)
			require.Equal(t, tc.unavailable, Unavailable(err))
			require.Len(t, s.requests(), 1, "an answer is an answer")
		})
	}
}

func TestAccountsAreEscapedInPaths(t *testing.T) {
	t.Parallel()
	s := newService(t)
	_, err := newClient(t, s).Account(t.Context(), "../policies")
	require.True(t, HasCode(err, "account_not_found"))
	require.Equal(t, "/v1/accounts/..%2Fpolicies", s.requests()[0].uri)
}

func TestACancelledRequestIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, s).Account(ctx, "shop")
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.requests())
}
