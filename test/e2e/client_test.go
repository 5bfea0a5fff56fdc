package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// web returns a client that follows no redirects and leaves nothing running.
func web(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// caller is somebody with an API key, or without one.
type caller struct {
	t    testing.TB
	d    *demo
	key  string
	http *http.Client
}

// service is the platform's account service; reviewer is who decides reviews and runs operations.
func (d *demo) service(t testing.TB) caller  { return caller{t, d, d.ready.APIKey, web(t)} }
func (d *demo) reviewer(t testing.TB) caller { return caller{t, d, d.ready.ReviewerKey, web(t)} }
func (d *demo) operator(t testing.TB) caller { return caller{t, d, d.ready.OperatorKey, web(t)} }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request is one request; body is marshalled unless it is text already.
type request struct {
	method, path string
	body         any
	header       map[string]string
}

// try sends a request and returns what keeps it from being answered. Everything that is answered is searched for
// personal data: no answer of the API repeats any.
func (c caller) try(r request) (answer, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, c.d.ready.API+r.path, bodyOf(c.t, r.body))
	if err != nil {
		return answer{}, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	if found := append(leaks(body, canaries()), leaks(headerText(res.Header), canaries())...); len(found) > 0 {
		c.t.Errorf("personal data in the answer to a %s: %v", r.method, found) // not require: this may be another goroutine
	}
	return answer{res.StatusCode, res.Header, body}, nil
}

// headerText is a header as it travels.
func headerText(h http.Header) []byte {
	var text bytes.Buffer
	_ = h.Write(&text)
	return text.Bytes()
}

func bodyOf(t testing.TB, body any) io.Reader {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return bytes.NewReader([]byte(b))
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		return bytes.NewReader(text)
	}
}

func (c caller) send(r request) answer {
	c.t.Helper()
	if c.d.patient {
		return c.insist(r)
	}
	a, err := c.try(r)
	require.NoError(c.t, err, "%s %s", r.method, r.path)
	return a
}

// ask sends a request and decodes its answer, which must have the status.
func ask[T any](c caller, want int, r request) T {
	c.t.Helper()
	a := c.send(r)
	require.Equal(c.t, want, a.status, "%s %s: %s", r.method, r.path, a.body)
	return decoded[T](c.t, a.body)
}

func get[T any](c caller, path string) T {
	c.t.Helper()
	return ask[T](c, http.StatusOK, request{method: http.MethodGet, path: path})
}

// post sends a command as an account service should: under a key of its own, and again under the same one when the
// engine was too busy to answer.
func post[T any](c caller, path string, body any) T {
	c.t.Helper()
	r := request{method: http.MethodPost, path: path, body: body, header: map[string]string{"Idempotency-Key": rand.Text()}}
	var a answer
	eventually(c.t, patience, "answer to POST "+path, func() bool {
		a = c.send(r)
		return a.status != http.StatusServiceUnavailable
	})
	require.Equal(c.t, http.StatusOK, a.status, "%s %s: %s", r.method, r.path, a.body)
	return decoded[T](c.t, a.body)
}

// refused posts and expects a problem with the status and code.
func refused(c caller, want int, code, path string, body any) refusal {
	c.t.Helper()
	return refusedRequest(c, want, code, request{method: http.MethodPost, path: path, body: body})
}

func refusedRequest(c caller, want int, code string, r request) refusal {
	c.t.Helper()
	a := c.send(r)
	require.Equal(c.t, want, a.status, "%s %s: %s", r.method, r.path, a.body)
	require.Equal(c.t, "application/problem+json", a.header.Get("Content-Type"))
	p := decoded[refusal](c.t, a.body)
	require.Equal(c.t, code, p.Code)
	require.Equal(c.t, want, p.Status)
	return p
}

// decoded reads one JSON value that has only members that we know.
func decoded[T any](t testing.TB, text []byte) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&v), "%s", text)
	_, err := dec.Token()
	require.ErrorIs(t, err, io.EOF, "more than one value: %s", text)
	return v
}

// insist repeats a command under its Idempotency-Key for as long as the program says that it cannot tell, as a
// careful account service does. It returns the first answer that is one.
func (c caller) insist(r request) answer {
	c.t.Helper()
	if r.method == http.MethodPost {
		require.NotEmpty(c.t, r.header["Idempotency-Key"], "repeating needs a key")
	}
	var a answer
	eventually(c.t, patience, r.method+" "+r.path+" is answered", func() bool {
		var err error
		a, err = c.try(r)
		return err == nil && a.status < http.StatusInternalServerError
	})
	return a
}

func keyed(path, key string, body any) request {
	return request{method: http.MethodPost, path: path, body: body, header: map[string]string{"Idempotency-Key": key}}
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at
}
