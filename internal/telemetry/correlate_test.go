package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/testsuite"

	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/telemetry"
)

func TestLinesSayWhatTheyBelongTo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "info", telemetry.JSON).With("part", "x")
	said := func() map[string]any {
		line := map[string]any{}
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		out.Reset()
		return line
	}
	log.InfoContext(t.Context(), "alone")
	alone := said()
	for _, key := range []string{"request_id", "trace_id", "span_id", "workflow_id"} {
		require.NotContains(t, alone, key)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(requestid.With(trace.ContextWithSpanContext(t.Context(), span), "r1"), "request")
	line := said()
	require.Equal(t, "r1", line["request_id"])
	require.Equal(t, span.TraceID().String(), line["trace_id"])
	require.Equal(t, span.SpanID().String(), line["span_id"])
	require.NotContains(t, line, "workflow_id")

	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	act := func(ctx context.Context) error {
		log.InfoContext(ctx, "activity")
		return nil
	}
	env.RegisterActivity(act)
	_, err := env.ExecuteActivity(act)
	require.NoError(t, err)
	require.NotEmpty(t, said()["workflow_id"])
}
