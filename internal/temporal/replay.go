package temporal

import (
	"bytes"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows/payload"
)

// Replay runs the present workflow code against a recorded history in JSON, as the command line and the web UI of
// Temporal export it. An error means that the code would not take the same course; a worker with it must not meet
// runs like this one. The history's payloads are opened with the codec.
func Replay(codec *payload.Codec, history []byte, logger *slog.Logger) error {
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: codec.DataConverter(), FailureConverter: codec.FailureConverter(),
	})
	if err != nil {
		return fmt.Errorf("temporal: replayer: %w", err)
	}
	worker.RegisterWorkflows(replayer)
	h, err := client.HistoryFromJSON(bytes.NewReader(history), client.HistoryJSONOptions{})
	if err != nil {
		return fmt.Errorf("temporal: not a history in JSON: %w", err)
	}
	if err := replayer.ReplayWorkflowHistory(log.NewStructuredLogger(logger), h); err != nil {
		return fmt.Errorf("temporal: replay: %w", err)
	}
	return nil
}
