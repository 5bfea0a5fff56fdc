package temporal

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/verigate/verigate/workflows/contract"
)

const (
	// backlogAge is how old an answer of the server may be: all processes are asked, and ask the same.
	backlogAge = 15 * time.Second
	// backlogWait bounds one question.
	backlogWait = 2 * time.Second
)

// Describer is what the server is asked by; a client's WorkflowService is one.
type Describer interface {
	DescribeTaskQueue(ctx context.Context, in *workflowservice.DescribeTaskQueueRequest, opts ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error)
}

// Backlog tells Prometheus what waits in the task queues for a worker. It is a prometheus.Collector.
type Backlog struct {
	server    Describer
	namespace string
	now       func() time.Time

	tasks, age, pollers *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	known []prometheus.Metric
}

// NewBacklog returns the backlog of the contract's queues in a namespace.
func NewBacklog(server Describer, namespace string, now func() time.Time) *Backlog {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("verigate_task_queue_"+name, help, []string{"task_queue", "task_type"}, nil)
	}
	return &Backlog{
		server: server, namespace: namespace, now: now,
		tasks:   desc("backlog", "Tasks that wait for a worker, about."),
		age:     desc("backlog_age_seconds", "How long the oldest of them has waited, about."),
		pollers: desc("pollers", "Workers of all processes that asked for tasks within the last minutes."),
	}
}

// Describe implements prometheus.Collector.
func (b *Backlog) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.tasks, b.age, b.pollers} {
		to <- d
	}
}

// Collect implements prometheus.Collector. What the server does not answer is left out of this reading.
func (b *Backlog) Collect(to chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); b.asked.IsZero() || now.Sub(b.asked) >= backlogAge {
		b.asked, b.known = now, b.ask()
	}
	for _, m := range b.known {
		to <- m
	}
}

func (b *Backlog) ask() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), backlogWait)
	defer cancel()
	var all []prometheus.Metric
	for _, queue := range contract.TaskQueues() {
		for name, kind := range kinds(queue) {
			answer, err := b.server.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
				Namespace: b.namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: kind, ReportStats: true,
			})
			if err != nil {
				return nil
			}
			gauge := func(d *prometheus.Desc, v float64) {
				all = append(all, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, queue, name))
			}
			gauge(b.tasks, float64(answer.GetStats().GetApproximateBacklogCount()))
			gauge(b.age, answer.GetStats().GetApproximateBacklogAge().AsDuration().Seconds())
			gauge(b.pollers, float64(len(answer.GetPollers())))
		}
	}
	return all
}

// kinds of tasks that a queue has.
func kinds(queue string) map[string]enumspb.TaskQueueType {
	all := map[string]enumspb.TaskQueueType{"activity": enumspb.TASK_QUEUE_TYPE_ACTIVITY}
	if queue == contract.TaskQueue || queue == contract.EnforcementQueue {
		all["workflow"] = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	return all
}
