package engine

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	before := processorTime(b, cmd.Process.Pid)
	require.NoError(b, pause.For(b.Context(), resting))
	used := processorTime(b, cmd.Process.Pid) - before
	return map[string]float64{"s": started.Seconds(), "MiB": resident(b, cmd.Process.Pid), "%": 100 * used.Seconds() / resting.Seconds()}
}

func resident(b *testing.B, pid int) float64 {
	b.Helper()
	_, after, _ := strings.Cut(process(b, pid, "status"), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(b, err)
	return float64(n) / 1024
}

// processorTime is in hundredths of a second.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	_, after, _ := strings.Cut(process(b, pid, "stat"), ") ") // behind the program's name
	var ticks int
	for _, text := range strings.Fields(after)[11:13] {
		n, err := strconv.Atoi(text)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func process(b *testing.B, pid int, file string) string {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("only Linux tells what a process weighs")
	}
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	require.NoError(b, err)
	return string(text)
}
