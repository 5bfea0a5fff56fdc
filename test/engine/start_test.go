package engine

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/bench"
	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/internal/temporal/devserver"
)

// aloneEnv makes the test program an engine with nothing beside it: it names the folder of its files, in which the file
// ready appears when it can be used.
const aloneEnv = "VERIGATE_ENGINE_ALONE"

// alone runs the engine until the process is told to end.
func alone(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server, err := devserver.Start(ctx, devserver.Config{Dir: dir, SearchAttributes: temporal.SearchAttributes(), Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600)
	}
	if err == nil {
		<-ctx.Done()
		err = server.Stop(context.Background())
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return 0
}

// resting is how long a process is left alone, and how long it is then looked at.
const resting = 10 * time.Second

// BenchmarkStart starts the demonstration and the engine alone in turn, and lets each rest: seconds until it can be used,
// MiB that it is then resident with, and percent of a core that it uses.
func BenchmarkStart(b *testing.B) {
	binary := os.Getenv("VERIGATE_BIN")
	if binary == "" {
		b.Skip("VERIGATE_BIN is not set; make binaries builds it")
	}
	self, err := os.Executable()
	require.NoError(b, err)
	took := map[string][]float64{}
	for b.Loop() {
		for _, name := range []string{"engine", "demo"} {
			dir := b.TempDir()
			ready := filepath.Join(dir, "ready")
			cmd := exec.CommandContext(b.Context(), self)
			cmd.Env = append(os.Environ(), aloneEnv+"="+dir)
			if name == "demo" {
				cmd = exec.CommandContext(b.Context(), binary, "demo", "--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0", "--no-browser", "--ready-file", ready)
			}
			for what, n := range weigh(b, cmd, ready) {
				took[name+"-"+what] = append(took[name+"-"+what], n)
			}
		}
	}
	for name, values := range took {
		b.ReportMetric(median(values), name)
	}
	b.ReportMetric(0, "ns/op") // the sum says nothing
}

// weigh runs a process until it was looked at.
func weigh(b *testing.B, cmd *exec.Cmd, ready string) map[string]float64 {
	b.Helper()
	begun := time.Now()
	require.NoError(b, cmd.Start())
	defer func() {
		require.NoError(b, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait()
	}()
	require.Eventually(b, func() bool {
		_, err := os.Stat(ready)
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	started := time.Since(begun)
	require.NoError(b, pause.For(b.Context(), resting))
	process := strconv.Itoa(cmd.Process.Pid)
	before := bench.ProcessorTime(process)
	require.NoError(b, pause.For(b.Context(), resting))
	used := bench.ProcessorTime(process) - before
	return map[string]float64{
		"s": started.Seconds(), "MiB": float64(bench.Resident(process)), "%": 100 * used.Seconds() / resting.Seconds(),
	}
}
