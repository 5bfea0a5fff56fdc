package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// events is one open stream.
type events struct {
	t      *testing.T
	lines  *bufio.Reader
	cancel context.CancelFunc
}

type event struct {
	id   int64
	name string
	data object
}

func (f *fixture) follow(t *testing.T, id string, options ...option) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL+"/v1/accounts/"+id+"/verification/events", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+f.key)
	for _, o := range options {
		o(r)
	}
	response, err := f.server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return &events{t, bufio.NewReader(response.Body), cancel}
}

// block returns the lines up to the next empty one.
func (e *events) block() ([]string, error) {
	var block []string
	for {
		line, err := e.lines.ReadString('\n')
		if err != nil {
			return block, err
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return block, nil
		}
		block = append(block, line)
	}
}

// next returns the next event and skips comments.
func (e *events) next() event {
	e.t.Helper()
	for {
		block, err := e.block()
		require.NoError(e.t, err)
		if !strings.HasPrefix(block[0], "id: ") {
			continue
		}
		require.Len(e.t, block, 3)
		var got event
		got.id, err = strconv.ParseInt(strings.TrimPrefix(block[0], "id: "), 10, 64)
		require.NoError(e.t, err)
		got.name = strings.TrimPrefix(block[1], "event: ")
		require.NoError(e.t, json.Unmarshal([]byte(strings.TrimPrefix(block[2], "data: ")), &got.data))
		return got
	}
}

func TestEventsFollowTheVerification(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	stream := f.follow(t, "a1")
	first := stream.next()
	require.Equal(t, int64(0), first.id)
	require.Equal(t, "state", first.name)
	require.Equal(t, f.get("/v1/accounts/a1/verification").is(http.StatusOK), first.data)

	last := first.id
	until := func(state string) {
		for {
			e := stream.next()
			require.Greater(t, e.id, last)
			require.InEpsilon(t, float64(e.id), e.data["seq"], 0.001)
			last = e.id
			if e.data["state"] == state {
				return
			}
		}
	}
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK)
	until("under_review")
	f.post("/v1/reviews/a1", object{"decision": "approve"}).is(http.StatusOK)
	until("approved")
	f.qr("a1")
	until("qr_issued")
}

// rumours is a store that says more often than is true that something changed.
type rumours struct {
	api.Store
	changed chan struct{}
}

func (r *rumours) Changed(context.Context, string) (<-chan struct{}, error) { return r.changed, nil }

func TestEventsOnlyGrow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	store := &rumours{f.store, make(chan struct{})}
	g := f.over(store)
	stream := g.follow(t, "a1")
	require.Equal(t, int64(3), stream.next().id)
	for range 3 {
		store.changed <- struct{}{}
	}
	f.qr("a1")
	store.changed <- struct{}{}
	require.Equal(t, int64(4), stream.next().id, "what is known already is not said again")
}

func TestLastEventID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1") // seq 3
	missed := f.follow(t, "a1", header("Last-Event-ID", "1")).next()
	require.Equal(t, int64(3), missed.id, "what was missed, as the state that it led to")

	current := f.follow(t, "a1", header("Last-Event-ID", "3"))
	f.qr("a1")
	require.Equal(t, int64(4), current.next().id, "nothing that the reader has already")

	ahead := f.follow(t, "a1", header("Last-Event-ID", "4"))
	f.post("/v1/accounts/a1/verification/choose-manual", object{}).is(http.StatusOK)
	require.Equal(t, int64(5), ahead.next().id)

	for _, bad := range []string{"x", "-1", "1e3", "99999999999999999999"} {
		field(t, f.get("/v1/accounts/a1/verification/events", header("Last-Event-ID", bad)).
			problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "Last-Event-ID")
	}
	f.get("/v1/accounts/nobody/verification/events").problem(http.StatusNotFound, api.CodeAccountNotFound)
}

func TestQuietStreamsArePinged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.PingEvery = time.Millisecond })
	f.account("a1")
	stream := f.follow(t, "a1")
	retry, err := stream.block()
	require.NoError(t, err)
	require.Equal(t, []string{"retry: 2000"}, retry)
	stream.next()
	for range 3 {
		ping, err := stream.block()
		require.NoError(t, err)
		require.Equal(t, []string{": ping"}, ping)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.MaxStreams = 1 })
	f.account("a1")
	first := f.follow(t, "a1")
	first.next()
	got := f.get("/v1/accounts/a1/verification/events")
	got.problem(http.StatusTooManyRequests, api.CodeRateLimited)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.StreamFor = 20 * time.Millisecond })
	f.account("a1")
	old := f.follow(t, "a1")
	old.next()
	_, err := old.block()
	require.ErrorIs(t, err, io.EOF, "an old stream ends; its reader comes again with its key")

	g := newFixture(t, "2020-12-05 10:00:00")
	g.account("a1")
	stream := g.follow(t, "a1")
	stream.next()
	require.NoError(t, g.api.Close(t.Context()))
	_, err = stream.block()
	require.ErrorIs(t, err, io.EOF, "streams end with the server")
	g.get("/v1/accounts/a1/verification/events").problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
}

func TestReadersThatLeave(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.MaxStreams = 1; c.PingEvery = time.Millisecond })
	f.account("a1")
	stream := f.follow(t, "a1")
	stream.next()
	stream.cancel()
	for range 3 {
		// The place is free again once the server has noticed; until then a reader is told to come again.
		status := f.events("a1")
		for ; status == http.StatusTooManyRequests; status = f.events("a1") {
			require.NoError(t, t.Context().Err())
		}
		require.Equal(t, http.StatusOK, status)
	}
}

// events opens a stream, leaves it and returns its status.
func (f *fixture) events(id string) int {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL+"/v1/accounts/"+id+"/verification/events", nil)
	require.NoError(f.t, err)
	r.Header.Set("Authorization", "Bearer "+f.key)
	response, err := f.server.Client().Do(r)
	require.NoError(f.t, err)
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}
