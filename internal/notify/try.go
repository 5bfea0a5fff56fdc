package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/verigate/verigate/internal/notify/guard"
	"github.com/verigate/verigate/internal/store"
)

// Classes of what kept a try from succeeding. They are all that is kept of an answer beside its status.
const (
	FaultStatus     = "status"      // an answer that is not 2xx
	FaultTimeout    = "timeout"     // no answer in time
	FaultName       = "name"        // the host's name does not resolve
	FaultRefused    = "refused"     // nobody listens there
	FaultTLS        = "tls"         // the certificate or the handshake
	FaultNotAllowed = "not_allowed" // the address is not a public one
	FaultConnection = "connection"  // anything else on the way
	FaultInternal   = "internal"    // of ours: the message could not be made
)

// job is one delivery to try.
type job struct {
	webhook store.Webhook
	claimed store.Claimed
	signs   signer
}

// result is what a try came to.
type result struct {
	job        job
	status     int    // 0 without an answer
	fault      string // "" for success
	retryAfter time.Duration
	brokenOff  bool // by us: it says nothing of the receiver
}

// drained is how much of an answer is read, so that its connection can be used again. Nothing of it is kept.
const drained = 16 << 10

// try sends one message once.
func (d *Dispatcher) try(ctx context.Context, j job) result {
	r := result{job: j}
	request, err := d.request(ctx, j)
	if err != nil {
		d.cfg.Logger.ErrorContext(ctx, "webhooks: a message cannot be made", "message_id", j.claimed.MessageID, "error", err)
		r.fault = FaultInternal
		return r
	}
	answer, err := d.client.Do(request)
	if err != nil {
		r.fault, r.brokenOff = classify(err), ctx.Err() != nil
		return r
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, drained)
	r.status = answer.StatusCode
	if r.status < 200 || r.status > 299 {
		r.fault = FaultStatus
		r.retryAfter = retryAfter(answer.Header.Get("Retry-After"), d.cfg.Wall())
	}
	return r
}

func (d *Dispatcher) request(ctx context.Context, j job) (*http.Request, error) {
	body, err := testBody(j.claimed.Delivery)
	if j.claimed.AccountID != "" {
		body, err = Body(j.claimed.Entry)
	}
	if err != nil {
		return nil, err
	}
	now := d.cfg.Wall()
	signature, err := j.signs.sign(j.claimed.MessageID, now, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.webhook.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Verigate-Webhooks/1")
	h.Set(standardwebhooks.HeaderWebhookID, j.claimed.MessageID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

func classify(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, guard.ErrNetwork), errors.Is(err, guard.ErrURL):
		return FaultNotAllowed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return FaultTimeout
	case errors.As(err, &name):
		return FaultName
	case errors.As(err, &certificate), errors.As(err, &alert), errors.As(err, &record):
		return FaultTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return FaultRefused
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return FaultTimeout
	}
	return FaultConnection
}

// retryAfter reads the header of that name: seconds or a date; zero if there is none.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
