package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const lastEventHeader = "Last-Event-ID"

func (s *Server) eventsRoute() {
	op := operation{
		id: "verification-events", method: http.MethodGet, path: "/v1/accounts/{account_id}/verification/events", tag: tagVerification,
		summary: "Follow a verification",
		words: "Server-sent events: id is seq, event is state, data is the status. The first event is the present state, unless Last-Event-ID is its seq already; " +
			"after that seq only grows. Changes that follow each other quickly may come as one. The stream ends now and then; come again with Last-Event-ID.",
		scopes: []Scope{VerificationsRead},
	}
	schema := s.openapi.Components.Schemas
	s.document(op, false, media{}, media{kind: mediaEventStream, schema: schemaOf[statusView](schema)})
	s.serve(op, s.follow)
}

// follow streams an account's states until the caller leaves, the stream is old or the server closes.
func (s *Server) follow(c *call) error {
	seen, err := lastSeen(c.r)
	if err != nil {
		return err
	}
	if !s.tasks.Begin() {
		return problem(CodeEngineUnavailable)
	}
	defer s.tasks.Done()
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return rateLimited(10 * time.Second)
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.cfg.StreamFor)
	defer cancel()
	defer context.AfterFunc(s.tasks.Context(), cancel)()

	changed, err := s.cfg.Store.Changed(ctx, c.account) // before the first read, or a change between the two is missed
	if err != nil {
		return err
	}
	first, err := s.state(ctx, c)
	if err != nil {
		return err
	}
	out := &stream{w: c.w, control: http.NewResponseController(c.w), wait: s.cfg.BodyWait}
	if err := out.open(); err != nil || (first.Seq > seen && out.send(first) != nil) {
		return nil //nolint:nilerr // the caller is gone; there is nobody to tell
	}
	s.pump(ctx, c, out, changed, max(seen, first.Seq))
	return nil
}

// pump sends states with a growing seq. Errors end the stream: the reader comes again and is told then.
func (s *Server) pump(ctx context.Context, c *call, out *stream, changed <-chan struct{}, seq int64) {
	ping := time.NewTicker(s.cfg.PingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ping.C:
			if out.comment("ping") != nil {
				return
			}
		case _, open := <-changed:
			if !open {
				return
			}
			next, err := s.state(ctx, c)
			if err != nil {
				return
			}
			if next.Seq <= seq {
				continue
			}
			if out.send(next) != nil {
				return
			}
			seq = next.Seq
			ping.Reset(s.cfg.PingEvery)
		}
	}
}

func (s *Server) state(ctx context.Context, c *call) (statusView, error) {
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return statusView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return statusView{}, err
	}
	return s.statusOf(head, zone, s.cfg.Now()), nil
}

// lastSeen returns the seq that the reader has, -1 if it has none.
func lastSeen(r *http.Request) (int64, error) {
	given := r.Header.Get(lastEventHeader)
	if given == "" {
		return -1, nil
	}
	seq, err := strconv.ParseInt(given, 10, 64)
	if err != nil || seq < 0 {
		var f faults
		f.add(lastEventHeader, "form", "must be the id of an event of this stream", "应为该事件流中某个事件的 id")
		return 0, f.err()
	}
	return seq, nil
}

// stream writes server-sent events to a reader that may have stopped reading.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	wait    time.Duration
}

// open begins the answer; the reader comes again after two seconds when it ends.
func (o *stream) open() error {
	_ = o.control.SetWriteDeadline(time.Time{}) // the server's own is meant for answers that end
	h := o.w.Header()
	h.Set("Content-Type", mediaEventStream)
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	o.w.WriteHeader(http.StatusOK)
	return o.write("retry: 2000\n\n")
}

func (o *stream) send(v statusView) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return o.write(fmt.Sprintf("id: %d\nevent: state\ndata: %s\n\n", v.Seq, data))
}

func (o *stream) comment(text string) error { return o.write(": " + text + "\n\n") }

// write gives a reader that takes nothing so long, and then ends: a deadline in the past wakes the writer.
func (o *stream) write(text string) error {
	expired := time.AfterFunc(o.wait, func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer expired.Stop()
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.control.Flush()
}
