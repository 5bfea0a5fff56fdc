package api_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// opener opens by taking a word away.
type opener struct{}

func (opener) Open(text []byte) ([]byte, error) {
	opened, sealed := bytes.CutPrefix(text, []byte("sealed "))
	switch {
	case bytes.Equal(opened, []byte("broken")):
		return nil, errors.New("broken")
	case !sealed:
		return nil, api.ErrNotPayloads
	}
	return opened, nil
}

const decode = "/codec/decode"

func TestPayloadsAreOpenedForWhoMay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	may := as(f.newKey(api.WorkflowsRead))
	got := f.do(http.MethodPost, decode+"?preserveStorageRefs=true", `sealed {"payloads":[]}`, may)
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"payloads":[]}`, string(got.body))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), "that is for the admin pages to say")

	for name, c := range map[string]struct {
		key  option
		body string
		want int
	}{
		"no key":           {as(""), `sealed {}`, http.StatusUnauthorized},
		"a bad key":        {as("vg_0123456789abcdef_x"), `sealed {}`, http.StatusUnauthorized},
		"another scope":    {as(f.newKey(api.AuditRead, api.ReviewsWrite, api.IdentitiesRead)), `sealed {}`, http.StatusForbidden},
		"not payloads":     {may, `canary`, http.StatusBadRequest},
		"too many":         {may, string(make([]byte, 4<<20+1)), http.StatusRequestEntityTooLarge},
		"what cannot fail": {may, `sealed broken`, http.StatusInternalServerError},
	} {
		got := f.do(http.MethodPost, decode, c.body, c.key)
		require.Equal(t, c.want, got.status, name)
		require.NotContains(t, string(got.body), "canary", name)
		require.NotContains(t, string(got.body), "broken", name)
	}
	require.Equal(t, http.StatusNotFound, f.do(http.MethodPost, "/codec/encode", `{}`, may).status, "nobody writes as a worker")
	require.Equal(t, http.StatusMethodNotAllowed, f.do(http.MethodGet, decode, nil, may).status)
	require.Equal(t, http.StatusBadRequest, f.do(http.MethodPost, decode+"?namespace=x", `sealed {}`, may).status)
}

// TestLooksAtPayloadsAreRecorded once an hour for each who looks: a page of the web UI asks for every event.
func TestLooksAtPayloadsAreRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f = f.over(&deaf{f.store})
	anna, ben := as(f.newKey(api.WorkflowsRead)), as(f.newKey(api.WorkflowsRead))
	looks := func() (n int) {
		entries, err := f.store.AuditEntries(t.Context(), store.AuditFilter{Action: "decode-payloads", Outcome: store.OutcomeOK, Limit: 100})
		require.NoError(t, err)
		return len(entries)
	}
	look := func(who option) int { return f.do(http.MethodPost, decode, `sealed {}`, who).status }
	for range 3 {
		require.Equal(t, http.StatusOK, look(anna))
	}
	require.Equal(t, 1, looks())
	require.Equal(t, http.StatusOK, look(ben))
	require.Equal(t, 2, looks())
	f.clock.advance(time.Hour)
	f.store.set("AppendAudit", true)
	require.Equal(t, http.StatusServiceUnavailable, look(anna), "nobody sees what nobody knows that they saw")
	f.store.set("AppendAudit", false)
	require.Equal(t, http.StatusOK, look(anna))
	require.Equal(t, 3, looks())
}

func TestPayloadsMayBeLeftOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Payloads = nil })
	require.Equal(t, http.StatusNotFound, f.do(http.MethodPost, decode, `sealed {}`, as(f.newKey(api.Admin))).status)
}
