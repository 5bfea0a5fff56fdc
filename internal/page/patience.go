package page

import (
	"io"
	"net/http"
	"time"
)

// Patience ends the reading of a body that does not arrive within a time: a connection must not be held by somebody who
// announces a form and never sends it. A deadline in the past wakes the reader, so no clock is read. Once the body was
// read the handler may take as long as it needs.
func Patience(w http.ResponseWriter, r *http.Request, wait time.Duration) (stop func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return func() {}
	}
	control := http.NewResponseController(w)
	timer := time.AfterFunc(wait, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	r.Body = &awaited{r.Body, timer}
	return func() { timer.Stop() }
}

// awaited is a body that somebody waits for.
type awaited struct {
	io.ReadCloser
	timer *time.Timer
}

func (a *awaited) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil { // its end, or why there will be none
		a.timer.Stop()
	}
	return n, err
}
