package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// balancer stands in front of several API processes, as a platform's load balancer does: those that say that they are ready
// take turns, and who meets none is told to come again.
type balancer struct {
	*httptest.Server
	transport *http.Transport

	mu       sync.Mutex
	backends []string // host:port

	next    atomic.Int64
	answers atomic.Int64 // all that were given
	refused atomic.Int64 // of them those that no backend gave
	fault   atomic.Value // text of the last of them
}

func newBalancer(t testing.TB) *balancer {
	t.Helper()
	// A connection for each request: one that a stopping process closes while a request is on its way is nobody's fault.
	b := &balancer{transport: &http.Transport{DisableKeepAlives: true}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "backend"})
			r.Out.Host = r.In.Host
		},
		Transport: b,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			b.refused.Add(1)
			b.fault.Store(err.Error())
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r)
		b.answers.Add(1)
	}))
	t.Cleanup(b.Close)
	return b
}

// RoundTrip sends a request to the backend whose turn it is, or to the next one that takes connections.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	all := b.backends
	b.mu.Unlock()
	err := errors.New("no backend")
	first := b.next.Add(1)
	for i := range all {
		host := all[(int(first)+i)%len(all)]
		if err = b.ready(r.Context(), host); err != nil {
			continue
		}
		attempt := r.Clone(r.Context())
		attempt.URL.Host = host
		attempt.Body = io.NopCloser(bytes.NewReader(body))
		var res *http.Response
		if res, err = b.transport.RoundTrip(attempt); err == nil {
			return res, nil
		}
		var failed *net.OpError
		if !errors.As(err, &failed) || failed.Op != "dial" {
			return nil, err // it may have done what it was asked
		}
	}
	return nil, err
}

// ready asks a backend whether it goes on. Other balancers ask now and then; so it depends on no time. What else a process may
// lack is its own to answer: on a busy machine its database takes seconds, and that shall not look like a process that is gone.
func (b *balancer) ready(ctx context.Context, host string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := b.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	var told struct{ Parts []string }
	err = json.NewDecoder(res.Body).Decode(&told)
	if slices.Contains(told.Parts, "process") {
		err = errors.New("it is about to stop")
	}
	return errors.Join(err, res.Body.Close())
}

// before has the balancer stand before backends from now on.
func (b *balancer) before(t testing.TB, addresses ...string) {
	t.Helper()
	hosts := make([]string, len(addresses))
	for i, address := range addresses {
		u, err := url.Parse(address)
		require.NoError(t, err)
		hosts[i] = u.Host
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = hosts
}
