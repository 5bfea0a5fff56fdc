package alipay

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/verigate/verigate/activities/face"
)

// contentCheck judges a signed success by the fields that its method owes; a nil
// class accepts it. Without it the answer of one method could pass for another's.
type contentCheck func(answer) (class, code error)

// call makes one API call and returns its authenticated answer: a success that
// check accepts, or "pending" of a query. Every other end is a *face.Error.
func (p *Provider) call(ctx context.Context, method, op, orderNo string, content any, check contentCheck) (answer, error) {
	if wait := p.quotaWait(); wait > 0 {
		return answer{}, &face.Error{Class: face.ErrRateLimited, Provider: providerName, Op: op, Code: face.CodeLocalQuota, RetryAfter: wait}
	}
	params, err := p.signed(method, content, "", p.now())
	if err != nil {
		return answer{}, p.refuse(op, face.ErrConfig, "sign")
	}
	query, body := wire(params, p.cfg.Layout)
	begun := p.now()
	a, err := p.judge(method, op, p.post(ctx, query, body), check)
	p.record(ctx, op, orderNo, a, err, p.now().Sub(begun))
	return a, err
}

// quotaWait takes a token, or says how long until there is one. It never waits
// itself: a waiting activity would hold a worker's slot.
func (p *Provider) quotaWait() time.Duration {
	now := p.now()
	r := p.quota.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// judge turns a reply into an answer or an error.
func (p *Provider) judge(method, op string, r reply, check contentCheck) (answer, error) {
	fail := &face.Error{Provider: providerName, Op: op, HTTPStatus: r.status, RetryAfter: r.retryAfter, Cause: r.cause}
	if r.fault != "" {
		fail.Class, fail.Code = r.class(method), r.fault
		return answer{}, fail
	}
	a, err := p.verifier.open(method, r.body)
	switch {
	case errors.Is(err, errNotJSON):
		// Not the gateway's voice: a proxy's page, or a body that was cut unseen.
		fail.Class, fail.Code = r.class(method), err.Error()
		return answer{}, fail
	case err != nil:
		fail.Class, fail.Code = face.ErrSignature, err.Error()
		return answer{}, fail
	case a.code == codeSuccess:
		class, code := check(a)
		if class == nil {
			return a, nil
		}
		fail.Class, fail.Code = class, code.Error()
		return answer{}, fail
	}
	v := classify(method, a.code, a.sub)
	if v.pending {
		return a, nil
	}
	fail.Class, fail.Code, fail.SubCode = v.class, face.SafeCode(a.code), face.SafeCode(a.sub)
	if errors.Is(v.class, face.ErrRateLimited) && fail.RetryAfter < limitedWait {
		fail.RetryAfter = limitedWait
	}
	return answer{}, fail
}

func (p *Provider) record(ctx context.Context, op, orderNo string, a answer, err error, took time.Duration) {
	attrs := []slog.Attr{slog.String("op", op), slog.String("order_no", loggable(orderNo)), slog.Duration("took", took)}
	var fail *face.Error
	if !errors.As(err, &fail) {
		p.log.LogAttrs(ctx, slog.LevelDebug, "provider call", append(attrs, slog.String("code", face.SafeCode(a.code)))...)
		return
	}
	p.log.LogAttrs(ctx, slog.LevelWarn, "provider call failed", append(attrs,
		slog.String("class", fail.Class.Error()), slog.String("code", fail.Code),
		slog.String("sub_code", fail.SubCode), slog.Int("http_status", fail.HTTPStatus))...)
}

// loggable is an order number if it is one.
func loggable(orderNo string) string {
	if !face.ValidOrderNo(orderNo) {
		return ""
	}
	return orderNo
}

// refuse is an error of our own making: nothing of an answer is to blame.
func (p *Provider) refuse(op string, class error, code string) error {
	return &face.Error{Class: class, Provider: providerName, Op: op, Code: code}
}
