package worker_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/verigate/verigate/worker"
)

// histories are the recorded runs: those of the present code, and in one-queue those of before work was split over several
// task queues.
func histories(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, folder := range []string{"", "one-queue"} {
		files, err := filepath.Glob(filepath.Join("..", "testdata", "histories", folder, "*.json"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(files), 15, "recorded histories are missing")
		all = append(all, files...)
	}
	return all
}

func read(t *testing.T, file string) *historypb.History {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(file))
	require.NoError(t, err)
	var h historypb.History
	require.NoError(t, protojson.Unmarshal(data, &h))
	return &h
}

// TestReplay: every recorded run must go the same way under the present code. Where it does not, a running
// workflow would break: use workflow.GetVersion and record a new history beside the old one.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		t.Run(strings.TrimPrefix(filepath.ToSlash(file), "../testdata/histories/"), func(t *testing.T) {
			t.Parallel()
			replayer := sdkworker.NewWorkflowReplayer()
			worker.RegisterWorkflows(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), read(t, file)))
		})
	}
}

// TestReplayTraced: traces change nothing of what a workflow does, also of runs that began without them.
func TestReplayTraced(t *testing.T) {
	t.Parallel()
	kept := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	traced, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: provider.Tracer("test"), DisableBaggage: true})
	require.NoError(t, err)
	for _, file := range histories(t) {
		replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{traced}})
		require.NoError(t, err)
		worker.RegisterWorkflows(replayer)
		require.NoError(t, replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), read(t, file)), file)
	}
}

// TestReplayNoticesAChange proves the detector: a history with one command taken out must not replay.
func TestReplayNoticesAChange(t *testing.T) {
	t.Parallel()
	h := read(t, filepath.Join("..", "testdata", "histories", "verified.json"))
	for _, e := range h.Events {
		if e.EventType == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			e.GetActivityTaskScheduledEventAttributes().ActivityType.Name = "SomethingElse"
			break
		}
	}
	replayer := sdkworker.NewWorkflowReplayer()
	worker.RegisterWorkflows(replayer)
	require.Error(t, replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h))
}
