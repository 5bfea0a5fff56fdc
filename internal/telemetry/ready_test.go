package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/telemetry"
)

func TestReadinessNamesWhatFails(t *testing.T) {
	t.Parallel()
	faults := map[string]error{}
	var parts []telemetry.Part
	for _, name := range []string{"store", "clock", "engine", "worker"} {
		parts = append(parts, telemetry.Part{Name: name, Ask: func(context.Context) error { return faults[name] }})
	}
	var logged bytes.Buffer
	r := telemetry.NewReadiness(telemetry.NewLogger(&logged, "info", telemetry.JSON), time.Minute, parts...)
	m := telemetry.NewMetrics(telemetry.NewRoutes(), time.Now)
	m.Register(r)
	watch := telemetry.Watch(m, r)
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		watch.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return rec.Code, rec.Body.String()
	}
	for name, p := range map[string]string{"store": "store", "clock": "clock", "engine": "engine", "worker": "worker"} {
		status, body := get("/readyz")
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"status":"ok"}`, body)
		faults[p] = errors.New("canary")
		status, body = get("/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.JSONEq(t, `{"status":"failing","parts":["`+name+`"]}`, body)
		require.Contains(t, logged.String(), "canary", "the cause is logged")
		_, text := get("/metrics")
		require.Contains(t, text, `verigate_part_works{part="`+name+`"} 0`)
		status, _ = get("/healthz")
		require.Equal(t, http.StatusOK, status, "the process is alive")
		delete(faults, p)
		_, text = get("/metrics")
		require.Contains(t, text, `verigate_part_works{part="`+name+`"} 1`)
	}
}

// TestReadinessWithoutWhatCanBeSpared: what a process can do without is told and takes it out of no balancer.
func TestReadinessWithoutWhatCanBeSpared(t *testing.T) {
	t.Parallel()
	away := func(context.Context) error { return errors.New("away") }
	for want, parts := range map[string][]telemetry.Part{
		`200 {"status":"degraded","parts":["engine"]}`:        {{Name: "engine", Ask: away, Spare: true}},
		`503 {"status":"failing","parts":["engine","store"]}`: {{Name: "engine", Ask: away, Spare: true}, {Name: "store", Ask: away}},
	} {
		rec := httptest.NewRecorder()
		telemetry.NewReadiness(telemetry.NewLogger(&bytes.Buffer{}, "info", telemetry.JSON), time.Minute, parts...).
			Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		require.Equal(t, want, fmt.Sprint(rec.Code, " ", strings.TrimSpace(rec.Body.String())))
	}
}

func TestAPartThatDoesNotAnswerDoesNotWork(t *testing.T) {
	t.Parallel()
	hangs := telemetry.Part{Name: "engine", Ask: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	r := telemetry.NewReadiness(telemetry.NewLogger(&bytes.Buffer{}, "info", telemetry.JSON), time.Millisecond, hangs)
	require.ErrorIs(t, r.Failing(t.Context())["engine"], context.DeadlineExceeded)
}
