package worker_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// heartbeats that reach the server while the happy path waits 90 seconds for the pass: the activity's own test
// (TestAwaitFindsThePass) counts exactly one. Heartbeats leave no event, so the history cannot show them.
const heartbeats = 1

// actions counts the billable Actions of a history by the rules of Temporal Cloud: start, update, signal, timer,
// search attribute upsert and activity are one each; all markers of one workflow task are one together.
func actions(h *historypb.History) (total int, by map[string]int) {
	by = map[string]int{"heartbeat": heartbeats}
	task := int64(0)
	for _, e := range h.Events {
		switch e.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			by["start"]++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			by["update"]++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			by["signal"]++
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			by["timer"]++
		case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			by["upsert"]++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			by["activity"]++
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			if completed := e.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId(); completed != task {
				by["markers"]++
				task = completed
			}
		default:
		}
	}
	for _, n := range by {
		total += n
	}
	return total, by
}

// TestBudget holds the happy path (login prompt, submit, automatic review, consent and QR, scan, pass) to its
// budget of docs/benchmarks.md: at most 16 Actions, 60 events and 12 KB of history.
func TestBudget(t *testing.T) {
	t.Parallel()
	h := read(t, filepath.Join("..", "testdata", "histories", "verified.json"))
	total, by := actions(h)
	size := proto.Size(h)
	t.Logf("%d actions %v, %d events, %d bytes", total, by, len(h.Events), size)
	require.LessOrEqual(t, total, 16, "%v", by)
	require.LessOrEqual(t, len(h.Events), 60)
	require.LessOrEqual(t, size, 12*1024)
}

// TestLoginBudget: every further login prompt costs at most two Actions.
func TestLoginBudget(t *testing.T) {
	t.Parallel()
	h := read(t, filepath.Join("..", "testdata", "histories", "prompts.json"))
	total, by := actions(h)
	further := by["update"] - 1
	require.Positive(t, further)
	require.LessOrEqual(t, total-heartbeats-by["start"], 2*(further+1), "%v", by)
}

// TestRefusedCommandLeavesNoEvent: a plain refusal on a running verification is not in the history at all.
func TestRefusedCommandLeavesNoEvent(t *testing.T) {
	t.Parallel()
	h := read(t, filepath.Join("..", "testdata", "histories", "prompts.json"))
	for _, e := range h.Events {
		accepted := e.GetWorkflowExecutionUpdateAcceptedEventAttributes()
		if accepted != nil {
			require.Equal(t, "login", accepted.GetAcceptedRequest().GetInput().GetName())
		}
	}
}

// TestNothingPersonalInHistories: the recorded runs were made with a name and a number in the vault.
func TestNothingPersonalInHistories(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		data, err := proto.Marshal(read(t, file))
		require.NoError(t, err)
		require.NotContains(t, string(data), "张三", file)
		require.NotContains(t, string(data), "110101199003070011", file)
	}
}
