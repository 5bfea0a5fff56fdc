package temporal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/verigate/verigate/internal/temporal"
)

// scraped is what Prometheus would read of a collector.
func scraped(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(c))
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	return rec.Body.String()
}

func TestMetricsOfTheSDK(t *testing.T) {
	t.Parallel()
	m := temporal.NewMetrics(time.Now)
	h := m.WithTags(map[string]string{"namespace": "canary", "workflow_type": "Verification", "activity_type": "none", "task_queue": "verigate"})
	h.Counter("temporal_request").Inc(2)
	h.WithTags(map[string]string{"operation": "UpdateWorkflowExecution"}).Counter("temporal_request").Inc(1)
	h.Timer("temporal_workflow_endtoend_latency").Record(1500 * time.Millisecond)
	h.Gauge("temporal_sticky_cache_size").Update(7)
	text := scraped(t, m)
	for _, line := range []string{
		`temporal_request_total{activity_type="",failure_reason="",operation="",poller_type="",status_code="",task_queue="verigate",worker_type="",workflow_type="Verification"} 2`,
		`operation="UpdateWorkflowExecution",poller_type="",status_code="",task_queue="verigate",worker_type="",workflow_type="Verification"} 1`,
		`temporal_workflow_endtoend_latency_seconds_sum{activity_type="",failure_reason="",operation="",poller_type="",status_code="",task_queue="verigate",worker_type="",workflow_type="Verification"} 1.5`,
		"\ntemporal_sticky_cache_size{",
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "canary", "tags that nobody asked for are dropped")
}

// TestLabelsAreBounded: whoever can write to the task queue cannot fill Prometheus with names.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := temporal.NewMetrics(time.Now)
	for i := range 200 {
		m.WithTags(map[string]string{"workflow_type": fmt.Sprintf("made-up-%d", i)}).Counter("temporal_x").Inc(1)
	}
	text := scraped(t, m)
	require.Contains(t, text, `workflow_type="made-up-63"`)
	require.NotContains(t, text, `workflow_type="made-up-64"`)
	require.Contains(t, text, `workflow_type="other"} 136`)
}

func TestPolling(t *testing.T) {
	t.Parallel()
	now := time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC)
	m := temporal.NewMetrics(func() time.Time { return now })
	waiting := func(poller string, n float64) {
		m.WithTags(map[string]string{"task_queue": "verigate", "poller_type": poller}).Gauge("temporal_num_pollers").Update(n)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Polling(t.Context()), temporal.ErrNotPolling, "nothing is expected")
	m.Expect(temporal.Polls([]string{"verigate", "verigate-waiting"})...)
	m.WithTags(map[string]string{"task_queue": "verigate-waiting", "poller_type": "activity_task"}).Gauge("temporal_num_pollers").Update(1)
	m.WithTags(map[string]string{"task_queue": "other", "poller_type": "activity_task"}).Gauge("temporal_num_pollers").Update(1)
	require.ErrorIs(t, m.Polling(t.Context()), temporal.ErrNotPolling)
	waiting("workflow_task", 1)
	require.ErrorIs(t, m.Polling(t.Context()), temporal.ErrNotPolling, "nobody asks for activities")
	require.ErrorIs(t, m.AwaitPolling(over), temporal.ErrNotPolling)
	waiting("activity_task", 2)
	require.NoError(t, m.Polling(t.Context()))
	require.NoError(t, m.AwaitPolling(t.Context()))
	waiting("workflow_sticky_task", 1)
	waiting("workflow_task", 0)
	now = now.Add(time.Hour)
	require.NoError(t, m.Polling(t.Context()), "sticky tasks are workflow tasks")
	waiting("workflow_sticky_task", 0)
	now = now.Add(9 * time.Second)
	require.NoError(t, m.Polling(t.Context()), "between two requests there is none for a moment")
	now = now.Add(time.Second)
	require.ErrorIs(t, m.Polling(t.Context()), temporal.ErrNotPolling)
	waiting("workflow_task", 2)
	require.NoError(t, m.Polling(t.Context()), "it recovers")
}

// queue answers as a server does.
type queue struct {
	err   error
	asked int
}

func (q *queue) DescribeTaskQueue(_ context.Context, in *workflowservice.DescribeTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	q.asked++
	if q.err != nil {
		return nil, q.err
	}
	if in.Namespace != "ns" || !strings.HasPrefix(in.TaskQueue.Name, "verigate") || !in.ReportStats {
		return nil, errors.New("asked for something else")
	}
	answer := &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{Identity: "canary"}}, Stats: &taskqueuepb.TaskQueueStats{ApproximateBacklogCount: 4}}
	if in.TaskQueueType == enumspb.TASK_QUEUE_TYPE_ACTIVITY {
		answer.Stats.ApproximateBacklogAge = durationpb.New(90 * time.Second)
	}
	return answer, nil
}

func TestBacklogOfTheTaskQueue(t *testing.T) {
	t.Parallel()
	now, server := time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC), &queue{}
	b := temporal.NewBacklog(server, "ns", func() time.Time { return now })
	text := scraped(t, b)
	for _, line := range []string{
		`verigate_task_queue_backlog{task_queue="verigate",task_type="workflow"} 4`,
		`verigate_task_queue_backlog_age_seconds{task_queue="verigate-provider",task_type="activity"} 90`,
		`verigate_task_queue_pollers{task_queue="verigate-waiting",task_type="activity"} 1`,
		`verigate_task_queue_pollers{task_queue="verigate-enforcement",task_type="workflow"} 1`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "canary")
	require.Equal(t, 6, server.asked)
	server.err = errors.New("away")
	require.Equal(t, text, scraped(t, b), "an answer holds for a while")
	now = now.Add(15 * time.Second)
	require.NotContains(t, scraped(t, b), "verigate_task_queue_backlog{", "what is not known is not told")
}
