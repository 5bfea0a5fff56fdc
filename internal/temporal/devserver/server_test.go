package devserver

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const timeout = time.Minute

func started(t *testing.T, c Config) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	s, err := Start(ctx, c)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

func dial(t *testing.T, s *Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: s.Address(), Namespace: s.Namespace(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func double(_ workflow.Context, n int) (int, error) { return 2 * n, nil }

func TestEngineRunsAWorkflow(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := started(t, Config{
		Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
		SearchAttributes: map[string]enumspb.IndexedValueType{"Turn": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	c := dial(t, s)
	w := worker.New(c, "q", worker.Options{})
	w.RegisterWorkflow(double)
	require.NoError(t, w.Start())
	defer w.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, double, 21)
	require.NoError(t, err)
	var got int
	require.NoError(t, run.Get(ctx, &got))
	require.Equal(t, 42, got)

	attributes, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.Namespace()})
	require.NoError(t, err)
	require.Equal(t, enumspb.INDEXED_VALUE_TYPE_KEYWORD, attributes.GetCustomAttributes()["Turn"])

	for _, path := range []string{"/", "/api/v1/settings", "/api/v1/namespaces/verigate/workflows"} {
		require.Equal(t, http.StatusOK, get(t, s.UI()+path), path)
	}
	requireLoopbackOnly(t)
}

func get(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport, Timeout: timeout}).Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	return res.StatusCode
}

// requireLoopbackOnly reads the kernel's table of listening sockets and checks the ones of this process.
func requireLoopbackOnly(t *testing.T) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	sockets := mySockets(t)
	listening := 0
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != "0A" || !slices.Contains(sockets, f[9]) {
			continue
		}
		address, err := hex.DecodeString(f[1][:8])
		require.NoError(t, err)
		slices.Reverse(address)
		require.True(t, net.IP(address).IsLoopback(), f[1])
		listening++
	}
	require.GreaterOrEqual(t, listening, 6)
	wide, err := os.ReadFile("/proc/self/net/tcp6")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(wide)) {
		f := strings.Fields(line)
		require.False(t, len(f) > 9 && f[3] == "0A" && slices.Contains(sockets, f[9]), line)
	}
}

func mySockets(t *testing.T) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	var inodes []string
	for _, l := range links {
		target, err := os.Readlink(l)
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}

func TestRestartKeepsWhatWasStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()

	first, err := Start(ctx, Config{Dir: dir, UIPort: -1})
	require.NoError(t, err)
	require.Empty(t, first.UI())
	c, err := client.Dial(client.Options{HostPort: first.Address(), Namespace: first.Namespace(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "waits", TaskQueue: "nobody"}, double, 1)
	require.NoError(t, err)
	c.Close()
	require.NoError(t, first.Stop(ctx))

	again := started(t, Config{Dir: dir, UIPort: -1})
	description, err := dial(t, again).DescribeWorkflowExecution(ctx, "waits", "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, description.GetWorkflowExecutionInfo().GetStatus())
}

func TestTakenPortIsAnError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	_, err = Start(t.Context(), Config{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "address already in use")
}

func TestDirectoryIsRequired(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{})
	require.ErrorContains(t, err, "Dir")
	_, err = Start(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "missing")})
	require.Error(t, err)
}

// TestFilesSurvivePowerLoss asserts the pragmas themselves: no kill of a process tells FULL from NORMAL.
func TestFilesSurvivePowerLoss(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := Config{Dir: dir}.withDefaults()
	require.NoError(t, err)
	require.NoError(t, prepareFiles(t.Context(), c))
	require.NoError(t, prepareFiles(t.Context(), c), "a second start finds everything in place")
	attributes := sqlConfig(dir, engineFile).ConnectAttributes
	require.Equal(t, "wal", attributes["journal_mode"])
	require.Equal(t, "full", attributes["synchronous"])

	db, err := sql.Open("sqlite", filepath.Join(dir, engineFile))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var mode string
	require.NoError(t, db.QueryRowContext(t.Context(), `PRAGMA journal_mode`).Scan(&mode))
	require.Equal(t, "wal", mode)
}

// TestHalfASchemaIsNeverLeft: a first start that dies while the schema is written must not spoil the directory.
func TestHalfASchemaIsNeverLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), engineFile)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE tasks (x)`) // stops the schema in its middle
	require.NoError(t, err)
	require.Error(t, prepareFile(t.Context(), path))
	var tables int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE type = 'table'`).Scan(&tables))
	require.Equal(t, 1, tables)
}

// TestAPortThatAnotherTook: ports are chosen again, and the engine runs as if nothing had been.
func TestAPortThatAnotherTook(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	chosen := 0
	s, err := startOn(t.Context(), Config{Dir: t.TempDir(), UIPort: -1}, func(c Config) (ports, error) {
		p, err := choosePorts(c)
		if chosen++; chosen == 1 {
			p.history = taken.Addr().(*net.TCPAddr).Port
		}
		return p, err
	})
	require.NoError(t, err)
	require.Equal(t, 2, chosen)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err = dial(t, s).ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, "anything")
	require.NoError(t, err)
	require.NoError(t, s.Stop(ctx))
}
