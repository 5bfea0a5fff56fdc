package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store/sqlstore"
)

// spans is a collector that keeps what it gets.
type spans struct {
	collector.UnimplementedTraceServiceServer
	mu  sync.Mutex
	got []*tracepb.ResourceSpans
}

func (s *spans) Export(_ context.Context, in *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, in.ResourceSpans...)
	return &collector.ExportTraceServiceResponse{}, nil
}

// names of the spans of each trace, and everything that was sent as one text.
func (s *spans) traces(t *testing.T) (byTrace map[string][]string, text string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	byTrace = map[string][]string{}
	for _, r := range s.got {
		said, err := protojson.Marshal(r)
		require.NoError(t, err)
		text += string(said)
		for _, scope := range r.ScopeSpans {
			for _, span := range scope.Spans {
				id := string(span.TraceId)
				byTrace[id] = append(byTrace[id], span.Name)
			}
		}
	}
	return byTrace, text
}

// metricsIn are the names of ours, and of the SDK, in an expression.
var metricsIn = regexp.MustCompile(`\b(?:verigate|temporal)_[a-z_]+\b`)

// TestWatched drives one account through everything that is watched and looks at it as a collector, Prometheus and an
// orchestrator do.
func TestWatched(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	const person, number = "张三", "110101199003070011"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	kept, server := &spans{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(server, kept)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := newDemoDir(t)
	o := demoOptions(t, d, 0)
	o.Config.Telemetry.Listen = "127.0.0.1:0"
	o.Config.Telemetry.Traces.Endpoint, o.Config.Telemetry.Traces.Ratio = "http://"+listener.Addr().String(), 1
	a, keys, err := StartDemo(ctx, d, o)
	require.NoError(t, err)
	stopped := false
	defer func() {
		if !stopped {
			_ = a.Stop(ctx)
		}
	}()

	call := func(method, path, body string) string {
		r, err := http.NewRequestWithContext(ctx, method, a.API+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+keys.API)
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Less(t, answer.StatusCode, 300, path)
		require.NotEmpty(t, answer.Header.Get("X-Request-Id"))
		return answer.Header.Get("X-Request-Id")
	}
	call(http.MethodPut, "/v1/accounts/canary-account", `{"kind":"individual","region":"CN","registered_at":"2020-11-01T09:00:00+08:00"}`)
	call(http.MethodPost, "/v1/accounts/canary-account/decisions", `{"action":"create_label"}`)
	call(http.MethodPost, "/v1/accounts/canary-account/verification/submit",
		fmt.Sprintf(`{"name":%q,"document":{"type":"cn_id","number":%q},"risk_notice_version":"2020-11"}`, person, number))
	began := call(http.MethodPost, "/v1/accounts/canary-account/verification/start-face",
		`{"consent":{"text_version":"face-2026-12","language":"zh-CN","agreed":true},"provide":{"text_version":"provide-2026-12","agreed":true}}`)
	a.watch.pages.Told("verified", time.Second) // no page is open here: what tells it has tests of its own
	a.webhooks.metrics.Count("delivered")
	a.watch.sdk.Counter("temporal_workflow_task_execution_failed").Inc(1) // by the SDK's name: no workflow task fails here

	for _, base := range []string{a.API, a.Watch} {
		status, body := fetch(t, base+"/readyz")
		require.Equal(t, http.StatusOK, status, body)
	}
	_, text := fetch(t, a.Watch+"/metrics")
	for _, there := range []string{ // before the first of them: an alert on an increase sees no series that begins at one
		`verigate_webhook_tries_total{result="given_up"} 0`, `verigate_provider_request_duration_seconds_count{operation="query",result="signature"} 0`,
		`verigate_role{role="serve"} 1`, `verigate_role{role="work"} 1`, `verigate_chore_fails{chore="erasures"} 0`,
	} {
		require.Contains(t, text, "\n"+there+"\n")
	}
	for _, part := range []string{"store", "vault", "clock", "engine", "worker"} {
		require.Contains(t, text, fmt.Sprintf("verigate_part_works{part=%q} 1", part))
	}
	for _, told := range []string{"canary", person, number, keys.API, `task_queue="other"`} {
		require.NotContains(t, text, told)
	}
	t.Run("dashboard and alerts name what there is", func(t *testing.T) {
		for _, file := range []string{"grafana-dashboard.json", "alerts.yml"} {
			source, err := os.ReadFile(filepath.Join("..", "..", "deploy", file))
			require.NoError(t, err)
			named := metricsIn.FindAllString(string(source), -1)
			require.NotEmpty(t, named)
			slices.Sort(named)
			for _, name := range slices.Compact(named) {
				require.Regexp(t, `(?m)^`+name+`[{ ]`, text, "%s in %s", name, file)
			}
		}
	})
	require.NoError(t, a.Stop(ctx))
	stopped = true

	traces, sent := kept.traces(t)
	for _, told := range []string{person, number, keys.API, "127.0.0.1", "Authorization"} {
		require.NotContains(t, sent, told)
	}
	require.Contains(t, sent, began, "a request is found by its id")
	whole := false
	for _, names := range traces {
		has := func(part string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, part) })
		}
		require.False(t, has("GET /metrics"))
		whole = whole || has("POST /v1/accounts/{}/verification/start-face") && has("HandleUpdate:") && has("RunActivity:") && has("face provider start")
	}
	require.True(t, whole, "one trace leads from the request through workflow and activity to the provider: %v", traces)
}

// TestEachAlertIsExplained: whoever is woken finds what to do, and nothing is explained that does not exist.
func TestEachAlertIsExplained(t *testing.T) {
	t.Parallel()
	first := func(file, form string) (all []string) {
		source, err := os.ReadFile(filepath.Join("..", "..", file))
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(string(source), -1) {
			all = append(all, m[1])
		}
		return all
	}
	alerts := first("deploy/alerts.yml", `(?m)^ *- alert: (\w+)$`)
	require.NotEmpty(t, alerts)
	require.Equal(t, alerts, first("docs/runbook.md", `(?m)^## (\w+)\n\n- \*\*It means:\*\* .+\n- \*\*Look at:\*\* .+\n- \*\*Do:\*\* .+$`))
	for i, link := range first("deploy/alerts.yml", `runbook: docs/runbook.md#(\w+)`) {
		require.Equal(t, strings.ToLower(alerts[i]), link)
	}
}

// TestEachPartFailsAndRecovers breaks what can be broken without an engine; the engine and the worker have their own tests
// beside their checks.
func TestEachPartFailsAndRecovers(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	now := time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC)
	there := now
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "v.db"), Now: func() time.Time { return there }})
	require.NoError(t, err)
	require.ErrorIs(t, usable(t.Context(), s), ErrNotMigrated)
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	require.NoError(t, usable(t.Context(), s))

	clock := func() time.Time { return now }
	require.NoError(t, gate.CheckClock(t.Context(), s, clock))
	for _, off := range []time.Duration{2001 * time.Millisecond, -2001 * time.Millisecond} {
		there = now.Add(off)
		require.ErrorIs(t, gate.CheckClock(t.Context(), s, clock), gate.ErrClockSkew)
		there = now.Add(off / 2)
		require.NoError(t, gate.CheckClock(t.Context(), s, clock))
	}
	require.NoError(t, s.Close())
	require.Error(t, usable(t.Context(), s))
	require.ErrorIs(t, (&App{}).pingEngine(t.Context()), errNoEngine)
}
