package alipay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/verigate/verigate/activities/face"
)

const (
	// maxBody bounds an answer, in bytes. Answers without images are far below a
	// kilobyte, and images are never asked for.
	maxBody = 1 << 20
	// maxRetryAfter bounds what a Retry-After header can make us wait.
	maxRetryAfter = time.Hour
)

// Codes for ends without an answer, beside those of answer.go.
const (
	codeNetwork  = "network"
	codeTimeout  = "timeout"
	codeCanceled = "canceled"
	codeCutBody  = "cut_body"
	codeHuge     = "body_too_large"
	codeHTTP     = "http_status"
)

// reply is what came back: a body, or how the exchange ended without one.
type reply struct {
	body       []byte
	fault      string // "" if body is complete and the status 200
	cause      error
	status     int // 0 if no answer came
	retryAfter time.Duration
	sent       bool // bytes of the request may have left
}

// newClient returns a client that follows no redirect: a redirected POST would
// carry the name and number to an address that nobody configured.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends one call. Errors of net/http are dropped, not wrapped: they quote
// the URL.
func (p *Provider) post(ctx context.Context, query, body string) reply {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	var sent atomic.Bool // the hook runs on a goroutine of the transport
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Writing starts right after; a later hook could miss a partial write.
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.Gateway+"?"+query, strings.NewReader(body))
	if err != nil {
		return reply{fault: codeNetwork}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	req.Header.Set("Accept", "application/json")

	resp, err := p.client.Do(req)
	if err != nil {
		fault, cause := ending(ctx, codeNetwork)
		return reply{fault: fault, cause: cause, sent: sent.Load()}
	}
	defer func() { _ = resp.Body.Close() }()
	r := reply{status: resp.StatusCode, sent: true, retryAfter: retryAfter(resp.Header)}
	if resp.StatusCode != http.StatusOK {
		r.fault = codeHTTP
		return r
	}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		r.fault, r.cause = ending(ctx, codeCutBody)
	case len(r.body) > maxBody:
		r.fault = codeHuge
	}
	return r
}

// ending names why a call ended: the caller's or our own clock, else otherwise.
func ending(ctx context.Context, otherwise string) (code string, cause error) {
	switch err := ctx.Err(); {
	case errors.Is(err, context.Canceled):
		return codeCanceled, context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codeTimeout, context.DeadlineExceeded
	default:
		return otherwise, nil
	}
}

// retryAfter reads the header in its form of seconds; dates are ignored, since
// judging them needs the sender's clock.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	if seconds > int(maxRetryAfter/time.Second) {
		return maxRetryAfter
	}
	return time.Duration(seconds) * time.Second
}

// class of a reply without a usable body.
func (r reply) class(method string) error {
	switch {
	case r.status == http.StatusTooManyRequests:
		return face.ErrRateLimited
	case method != methodInitialize:
		return face.ErrTransient
	case r.status >= 300 && r.status < 500:
		// Something in front of the gateway turned the call away.
		return face.ErrTransient
	case r.sent:
		return face.ErrUncertain
	default:
		return face.ErrTransient
	}
}
