package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stream is the page that follows an account by server push: it never asks again for what it was told.
type stream struct {
	t      testing.TB
	a      *account
	last   status // the newest state told
	closed context.CancelFunc
	body   *bufio.Reader
}

// follow opens the event stream; the present state is the first event.
func (a *account) follow() *stream {
	a.t.Helper()
	s := &stream{t: a.t, a: a, last: status{Seq: -1}}
	a.t.Cleanup(func() { s.close() })
	return s
}

func (s *stream) close() {
	if s.closed != nil {
		s.closed()
		s.closed = nil
	}
}

// open connects, naming the last event seen, as a browser does.
func (s *stream) open(ctx context.Context) bool {
	s.t.Helper()
	s.close()
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.a.d.ready.API+s.a.path("verification/events"), nil)
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer "+s.a.service.key)
	if s.last.Seq >= 0 {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(s.last.Seq, 10))
	}
	res, err := s.a.service.http.Do(req) //nolint:bodyclose // close does, when the stream is left
	if err != nil {
		cancel()
		return false
	}
	s.closed = func() { cancel(); _ = res.Body.Close() }
	if res.StatusCode != http.StatusOK {
		return false
	}
	require.Equal(s.t, "text/event-stream", res.Header.Get("Content-Type"))
	s.body = bufio.NewReader(res.Body)
	return true
}

// until reads events until one has the state, and returns it.
func (s *stream) until(want string) status {
	s.t.Helper()
	return s.untilWithin(want, patience)
}

func (s *stream) untilWithin(want string, within time.Duration) status {
	s.t.Helper()
	ctx := bounded(s.t, within)
	for s.last.State != want {
		require.NoError(s.t, ctx.Err(), "%s was not told of within the time; the last state told is %q (%d)", want, s.last.State, s.last.Seq)
		if s.closed == nil && !s.open(ctx) {
			eventually(s.t, within, "the stream opens again", func() bool { return ctx.Err() != nil || s.open(ctx) })
			continue
		}
		s.next()
	}
	return s.last
}

// next reads one event or comment; at the end of the stream it closes it.
func (s *stream) next() {
	s.t.Helper()
	event := map[string]string{}
	for {
		line, err := s.body.ReadString('\n')
		if err != nil {
			s.close()
			return
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		event[name] = value
	}
	if event["event"] == "" {
		return
	}
	require.Equal(s.t, "state", event["event"])
	told := decoded[status](s.t, []byte(event["data"]))
	require.Equal(s.t, strconv.FormatInt(told.Seq, 10), event["id"])
	require.Greater(s.t, told.Seq, s.last.Seq, "the stream goes back")
	s.last = told
}

// await is follow for those who want one state only.
func (a *account) await(want string) status {
	a.t.Helper()
	s := a.follow()
	defer s.close()
	return s.until(want)
}
