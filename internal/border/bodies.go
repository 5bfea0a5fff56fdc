package border

import (
	"io"
	"net/http"
	"time"
)

const (
	// leftover is how much of a body that its handler did not read is read for it, so that the connection can go on.
	leftover = 64 << 10
	// leftoverWait is how long that may take.
	leftoverWait = 2 * time.Second
)

// bodies ends the reading of bodies that do not arrive. Handlers bound the whole of what they read; this bounds each
// wait of theirs, and what net/http waits for after them, which it does without an end.
//
// A connection ends with its first body of chunks: if a proxy has read the request otherwise than we did, what follows
// it is not taken for another one.
func bodies(next http.Handler, wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		// A deadline in the past wakes whoever reads, so no clock is read.
		control := http.NewResponseController(w)
		end := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }
		body := &arriving{ReadCloser: r.Body, wait: wait, timer: time.AfterFunc(wait, end)}
		// The server looks at its own request when it answers: whether a body was asked for is written on that one's body.
		inner := r.WithContext(r.Context())
		inner.Body = body
		defer func() {
			if body.ended || !body.begun && r.Header.Get("Expect") != "" { // nobody was asked to send it
				body.timer.Stop()
				return
			}
			body.wait = 0 // reading no longer earns more time
			body.timer.Reset(leftoverWait)
			_, _ = io.CopyN(io.Discard, body.ReadCloser, leftover)
			if n, _ := body.ReadCloser.Read(make([]byte, 1)); n > 0 {
				end()
			}
			body.timer.Stop()
		}()
		next.ServeHTTP(w, inner)
	})
}

// arriving is a body that somebody waits for.
type arriving struct {
	io.ReadCloser
	wait  time.Duration
	timer *time.Timer
	begun bool
	ended bool
}

func (a *arriving) Read(p []byte) (int, error) {
	a.begun = true
	n, err := a.ReadCloser.Read(p)
	switch {
	case err != nil: // its end, or why there will be none
		a.ended = true
		a.timer.Stop()
	case n > 0 && a.wait > 0:
		a.timer.Reset(a.wait)
	}
	return n, err
}
