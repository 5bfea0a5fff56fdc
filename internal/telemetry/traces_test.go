package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/telemetry"
)

const (
	theirTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	theirs     = "00-" + theirTrace + "-00f067aa0ba902b7-01"
)

func tracing(ratio float64) (*telemetry.Traces, *tracetest.InMemoryExporter) {
	kept := tracetest.NewInMemoryExporter()
	return telemetry.TracesTo(sdktrace.NewSimpleSpanProcessor(telemetry.Cleaned(kept, telemetry.NewLogger(io.Discard, "info", telemetry.JSON))),
		telemetry.TracesConfig{Ratio: ratio, Version: "test"}), kept
}

func TestTracesTellRoutesAndNothingElse(t *testing.T) {
	t.Parallel()
	traces, kept := tracing(1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("traceparent") != "" {
			t.Error("others are told of our traces")
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer elsewhere.Close()
	client := http.Client{Transport: traces.Client("webhook", http.DefaultTransport)}
	h := traces.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, elsewhere.URL+"/canary?canary=1", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		_ = answer.Body.Close()
		span := trace.SpanFromContext(r.Context())
		span.RecordError(errors.New("canary"))
		span.SetStatus(codes.Error, "canary")
		span.SetAttributes(attribute.String("note", "canary"))
	}), telemetry.NewRoutes("/s/{token}"), func(*http.Request) bool { return true })
	r := httptest.NewRequest(http.MethodGet, "http://canary.example.com/s/canary?canary=1", http.NoBody)
	r.Header.Set("User-Agent", "canary")
	r.Header.Set("X-Forwarded-For", "canary")
	r.Header.Set("traceparent", theirs)
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(requestid.With(r.Context(), "r1")))

	spans := kept.GetSpans()
	require.Len(t, spans, 2)
	require.Equal(t, "webhook", spans[0].Name)
	require.Equal(t, "GET /s/{}", spans[1].Name)
	require.Equal(t, spans[1].SpanContext.SpanID(), spans[0].Parent.SpanID())
	require.Equal(t, theirTrace, spans[0].SpanContext.TraceID().String(), "a proxy of ours continues its trace")
	require.Contains(t, spans[1].Attributes, attribute.String("verigate.request_id", "r1"))
	require.Contains(t, spans[1].Attributes, attribute.String("http.request.method", "GET"))
	require.Contains(t, spans[0].Attributes, attribute.Int("http.response.status_code", http.StatusTeapot))
	require.Equal(t, codes.Error, spans[1].Status.Code)
	require.NotContains(t, fmt.Sprintf("%+v", spans), "canary")
	require.NotContains(t, fmt.Sprintf("%+v", spans), "127.0.0.1")
}

func TestStrangersDoNotDecideWhatIsTraced(t *testing.T) {
	t.Parallel()
	traces, kept := tracing(0)
	for _, trusted := range []bool{false, true} {
		h := traces.Server(http.NotFoundHandler(), telemetry.NewRoutes(), func(*http.Request) bool { return trusted })
		for _, path := range []string{"/", "/healthz"} {
			r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
			r.Header.Set("traceparent", theirs)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	require.Len(t, kept.GetSpans(), 1, "the proxy's, and no look at health")
}

func TestTracesAreOffByDefault(t *testing.T) {
	t.Parallel()
	traces, err := telemetry.NewTraces(t.Context(), telemetry.TracesConfig{Ratio: 1})
	require.NoError(t, err)
	require.False(t, traces.On())
	require.Equal(t, http.DefaultTransport, traces.Client("x", http.DefaultTransport))
	_, span := traces.Tracer().Start(t.Context(), "x")
	require.False(t, span.SpanContext().IsValid())
	require.NoError(t, traces.Close(t.Context()))
}
