package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// news is what the script of a page is told: nothing but whether, and where to, it has to move.
type news struct {
	Seq     int64  `json:"seq"`
	Version string `json:"version"`
	Go      string `json:"go"` // address of the page that fits, "" if the asking one does
}

func (v *visit) news(p site) news {
	n := news{Seq: v.head.Seq, Version: v.version()}
	if !v.fits(p) {
		n.Go = v.main().path()
	}
	return n
}

// asked is the page that a script asks for. An unknown one is told of the page that fits.
func asked(r *http.Request) site { return site(r.URL.Query().Get("page")) }

// state answers a poll; unchanged answers are empty.
func (s *Server) state(v *visit) error {
	n := v.news(asked(v.r))
	tag := `"` + n.Version + "+" + strconv.FormatBool(n.Go != "") + `"`
	h := v.w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache, private")
	if v.r.Header.Get("If-None-Match") == tag {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	if _, err := v.w.Write(body); err == nil {
		s.told(v, n)
	}
	return nil
}

// told measures how late a page hears of a verdict. A page that fits already has nothing to hear.
func (s *Server) told(v *visit, n news) {
	if n.Go == "" {
		return
	}
	switch v.head.State {
	case lifecycle.Verified, lifecycle.FaceFailed, lifecycle.Rejected, lifecycle.Locked:
		s.cfg.Told(v.head.State, max(0, s.cfg.Now().Sub(v.head.Since)))
	case lifecycle.Unverified, lifecycle.Submitted, lifecycle.UnderReview, lifecycle.Approved, lifecycle.QRIssued, lifecycle.Scanned,
		lifecycle.ManualReview: // no verdict
	}
}

// events streams news until the reader leaves, the session or the server ends.
func (s *Server) events(v *visit) error {
	if !s.tasks.Begin() {
		v.w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	}
	defer s.tasks.Done()
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.retryAfter(v.w, 10*time.Second)
		v.w.WriteHeader(http.StatusServiceUnavailable) // the script polls
		return nil
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	defer context.AfterFunc(s.tasks.Context(), cancel)()
	changed, err := s.cfg.Store.Changed(ctx, v.session.AccountID) // before the read below, or a change between is missed
	if err != nil {
		return err
	}
	out := &stream{w: v.w, control: http.NewResponseController(v.w)}
	if out.open() != nil {
		return nil
	}
	s.pump(ctx, v, out, changed)
	return nil
}

// pump sends news that differ from the last. Errors end the stream: the script comes again and is told then.
func (s *Server) pump(ctx context.Context, v *visit, out *stream, changed <-chan struct{}) {
	ping := time.NewTicker(s.cfg.PingEvery)
	defer ping.Stop()
	var last news
	for {
		session, err := s.cfg.Store.Session(ctx, v.session.Hash)
		if err != nil || !s.good(session) || s.look(ctx, v) != nil {
			return
		}
		v.session = session
		if n := v.news(asked(v.r)); n != last && n.Seq >= last.Seq {
			if out.send(n) != nil {
				return
			}
			s.told(v, n)
			last = n
		} else if out.ping() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ping.C:
		case _, open := <-changed:
			if !open {
				return
			}
		}
	}
}

// stream writes server-sent events to a reader that may have stopped reading.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// patience is how long a reader that takes nothing is waited for.
const patience = 20 * time.Second

func (o *stream) open() error {
	_ = o.control.SetWriteDeadline(time.Time{}) // the server's own is meant for answers that end
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	o.w.WriteHeader(http.StatusOK)
	return o.write("retry: 2000\n\n")
}

func (o *stream) send(n news) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return o.write(fmt.Sprintf("id: %d\nevent: state\ndata: %s\n\n", n.Seq, data))
}

// ping is an event and no comment: the script cannot see comments and has to know that the line is up.
func (o *stream) ping() error { return o.write("event: ping\ndata: 1\n\n") }

// write waits for a reader so long, and then ends: a deadline in the past wakes the writer.
func (o *stream) write(text string) error {
	expired := time.AfterFunc(patience, func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer expired.Stop()
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.control.Flush()
}
