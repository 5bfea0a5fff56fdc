package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/verigate/verigate/internal/requestid"
)

// Attributes of our own.
const (
	keyProvider = "verigate.provider"
	keyResult   = "verigate.result"
	keyRequest  = "verigate.request_id"
)

// told are the attributes that leave the process. Everything else that a library thinks of (addresses, agents, queries,
// texts of errors) stays here: a list of what is harmless cannot be outgrown by one of what is not.
func told() []attribute.Key {
	return []attribute.Key{
		keyProvider, keyResult, keyRequest, "http.request.method", "http.response.status_code", "http.response.body.size",
		"temporalWorkflowID", "temporalRunID", "temporalActivityID",
	}
}

// Traces makes spans. Without a collector it makes none, and costs nothing.
type Traces struct {
	provider trace.TracerProvider
	close    func(context.Context) error
}

// TracesConfig says where spans go.
type TracesConfig struct {
	Endpoint string  // base URL of an OTLP collector (gRPC); empty: nowhere
	Ratio    float64 // share of new traces that is kept, 0 to 1
	Version  string  // of the program
	Logger   *slog.Logger
}

// NewTraces returns traces. A collector that is away is no error: what it does not take is lost, and the log says so.
func NewTraces(ctx context.Context, c TracesConfig) (*Traces, error) {
	if c.Endpoint == "" {
		return &Traces{provider: noop.NewTracerProvider(), close: func(context.Context) error { return nil }}, nil
	}
	to, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("telemetry.traces.endpoint: %w", err)
	}
	return TracesTo(sdktrace.NewBatchSpanProcessor(cleaned{to, c.Logger}), c), nil
}

// TracesTo returns traces that a processor of spans gets.
func TracesTo(processor sdktrace.SpanProcessor, c TracesConfig) *Traces {
	p := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(processor),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Ratio))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "verigate"), attribute.String("service.version", c.Version))),
	)
	return &Traces{provider: p, close: p.Shutdown}
}

// Cleaned returns an exporter that passes on spans without what must not leave the process.
func Cleaned(to sdktrace.SpanExporter, log *slog.Logger) sdktrace.SpanExporter {
	return cleaned{to, log}
}

// Tracer returns what makes spans.
func (t *Traces) Tracer() trace.Tracer { return t.provider.Tracer("github.com/verigate/verigate") }

// On reports whether spans are made.
func (t *Traces) On() bool {
	_, off := t.provider.(noop.TracerProvider)
	return !off
}

// Close sends what was not sent yet.
func (t *Traces) Close(ctx context.Context) error { return t.close(ctx) }

// Server makes a span of each request that next answers, named by its method and route. Only callers that are trusted
// continue a trace of theirs: others begin one, whatever they send.
func (t *Traces) Server(next http.Handler, routes Routes, trusted func(*http.Request) bool) http.Handler {
	if !t.On() {
		return next
	}
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := requestid.Of(r.Context()); id != "" {
			trace.SpanFromContext(r.Context()).SetAttributes(attribute.String(keyRequest, id))
		}
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(named, "", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(r *http.Request) bool { return !trusted(r) }),
		otelhttp.WithFilter(func(r *http.Request) bool {
			return r.URL.Path != "/healthz" && r.URL.Path != "/readyz" && r.URL.Path != "/metrics"
		}),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return method(r.Method) + " " + routes.Of(r.URL.Path) }))
}

// Client makes a span of each request that next carries, of the name given. Where it goes to is not told, and the other
// side is not told of the trace.
func (t *Traces) Client(name string, next http.RoundTripper) http.RoundTripper {
	if !t.On() {
		return next
	}
	return otelhttp.NewTransport(next, otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return name }))
}

// cleaned takes from spans what is not told. What cannot be sent is logged and forgotten.
type cleaned struct {
	to  sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans implements sdktrace.SpanExporter.
func (c cleaned) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		clean[i] = cleanSpan{s}
	}
	if err := c.to.ExportSpans(ctx, clean); err != nil {
		c.log.Warn("traces could not be sent", "spans", len(spans), "error", err)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (c cleaned) Shutdown(ctx context.Context) error { return c.to.Shutdown(ctx) }

type cleanSpan struct{ sdktrace.ReadOnlySpan }

func (s cleanSpan) Attributes() []attribute.KeyValue {
	return slices.DeleteFunc(slices.Clone(s.ReadOnlySpan.Attributes()), func(a attribute.KeyValue) bool { return !slices.Contains(told(), a.Key) })
}

// Events are texts of errors and stacks.
func (s cleanSpan) Events() []sdktrace.Event { return nil }

func (s cleanSpan) Links() []sdktrace.Link {
	links := slices.Clone(s.ReadOnlySpan.Links())
	for i := range links {
		links[i].Attributes = nil
	}
	return links
}

func (s cleanSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	if status.Code == codes.Error {
		status.Description = ""
	}
	return status
}
