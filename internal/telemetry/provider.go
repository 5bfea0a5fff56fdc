package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/figures"
)

// Provider counts the calls of this process to a face provider, and their failures. It is safe for concurrent use.
type Provider struct {
	face.Provider
	now   func() time.Time
	since time.Time
	trace trace.Tracer
	took  *prometheus.HistogramVec

	mu          sync.Mutex
	calls       map[string]*figures.ProviderCalls
	lastSuccess time.Time
	lastFailure time.Time
	lastFault   string
	inRow       int64
}

// NewProvider returns the provider with a count of its calls, which tracer makes spans of. It is a prometheus.Collector.
func NewProvider(p face.Provider, now func() time.Time, tracer trace.Tracer) *Provider {
	counted := &Provider{
		Provider: p, now: now, since: now(), trace: tracer, calls: map[string]*figures.ProviderCalls{},
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "verigate_provider_request_duration_seconds",
			Help: "Calls of this process to the face provider, by operation and result: ok, refused (it works, and says no), " +
				"or what is wrong with it: transient, rate_limited, configuration, signature, uncertain; local_quota: it was not asked, because " +
				"provider.alipay.rate_per_second was used up.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "result"}),
	}
	for _, operation := range operations() {
		for _, result := range []string{faultConfiguration, faultSignature} { // an alert has to see the first one
			counted.took.WithLabelValues(operation, result)
		}
	}
	return counted
}

const (
	faultConfiguration = "configuration"
	faultSignature     = "signature"
)

// Describe implements prometheus.Collector.
func (p *Provider) Describe(to chan<- *prometheus.Desc) { p.took.Describe(to) }

// Collect implements prometheus.Collector.
func (p *Provider) Collect(to chan<- prometheus.Metric) { p.took.Collect(to) }

// operations are those that are counted, in the order of an attempt. Launch asks nobody.
func operations() []string { return []string{"start", "query"} }

// Start implements face.Provider.
func (p *Provider) Start(ctx context.Context, r face.StartRequest) (face.Session, error) {
	ctx, done := p.begin(ctx, "start")
	s, err := p.Provider.Start(ctx, r)
	done(err)
	return s, err
}

// Query implements face.Provider.
func (p *Provider) Query(ctx context.Context, ref face.Ref) (face.Outcome, error) {
	ctx, done := p.begin(ctx, "query")
	o, err := p.Provider.Query(ctx, ref)
	done(err)
	return o, err
}

// begin begins a call; done ends it, with what it came to.
func (p *Provider) begin(ctx context.Context, operation string) (_ context.Context, done func(error)) {
	begun := p.now()
	ctx, span := p.trace.Start(ctx, "face provider "+operation, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String(keyProvider, p.Name())))
	return ctx, func(err error) {
		result := "ok"
		switch fault := faultOf(err); {
		case errors.Is(err, context.Canceled):
			result = "cancelled"
		case fault != "":
			result = fault
			span.SetStatus(codes.Error, "")
		case err != nil:
			result = "refused"
		}
		span.SetAttributes(attribute.String(keyResult, result))
		span.End()
		p.took.WithLabelValues(operation, result).Observe(p.now().Sub(begun).Seconds())
		p.count(operation, err)
	}
}

func (p *Provider) count(operation string, err error) {
	if errors.Is(err, context.Canceled) {
		return // we gave up, and know nothing of the provider
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.calls[operation]
	if c == nil {
		c = &figures.ProviderCalls{Operation: operation}
		p.calls[operation] = c
	}
	c.Calls++
	fault := faultOf(err)
	if fault == "" {
		p.lastSuccess, p.inRow = p.now(), 0
		return
	}
	c.Failures++
	p.lastFailure, p.lastFault = p.now(), fault
	p.inRow++
}

// faultOf names what is wrong with the provider or our contract with it. An answer that says something of the person or
// of the order is no fault: the provider works.
func faultOf(err error) string {
	if err == nil {
		return ""
	}
	switch class := face.ClassOf(err); {
	case errors.Is(class, face.ErrUserInput), errors.Is(class, face.ErrUnknownRef), errors.Is(class, face.ErrRefExpired), errors.Is(class, face.ErrUnsupported):
		return ""
	case errors.Is(class, face.ErrRateLimited):
		var typed *face.Error
		if errors.As(err, &typed) && typed.Code == face.CodeLocalQuota {
			return face.CodeLocalQuota
		}
		return "rate_limited"
	case errors.Is(class, face.ErrConfig):
		return faultConfiguration
	case errors.Is(class, face.ErrSignature):
		return faultSignature
	case errors.Is(class, face.ErrUncertain):
		return "uncertain"
	default:
		return "transient"
	}
}

// Figures tells what was counted, its instants in a zone.
func (p *Provider) Figures(zone *time.Location) *figures.ProviderFigures {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &figures.ProviderFigures{
		Name: p.Name(), Since: p.since.In(zone), Calls: []figures.ProviderCalls{}, LastFault: p.lastFault, FailuresInRow: p.inRow,
	}
	for _, operation := range operations() {
		if c := p.calls[operation]; c != nil {
			f.Calls = append(f.Calls, *c)
		}
	}
	if at := p.lastSuccess.In(zone); !p.lastSuccess.IsZero() {
		f.LastSuccess = &at
	}
	if at := p.lastFailure.In(zone); !p.lastFailure.IsZero() {
		f.LastFailure = &at
	}
	return f
}
