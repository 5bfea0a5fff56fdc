package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	number = "11010519491231002X"
	key    = "vg_k1_0123456789abcdefghij"
)

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("doc_no", "x-canary")) }

func TestNothingSensitiveIsLogged(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*slog.Logger){
		"key":               func(l *slog.Logger) { l.Info("m", "Authorization", "canary") },
		"key with dash":     func(l *slog.Logger) { l.Info("m", "legal-name", "canary") },
		"key inside":        func(l *slog.Logger) { l.Info("m", "request_body_text", "canary") },
		"group":             func(l *slog.Logger) { l.Info("m", slog.Group("g", "token", "canary")) },
		"with":              func(l *slog.Logger) { l.With("cookie", "canary").Info("m") },
		"with group":        func(l *slog.Logger) { l.WithGroup("g").With("sub_msg", "canary").Info("m") },
		"number":            func(l *slog.Logger) { l.Info("m", "x", "canary is "+number+".") },
		"number of 15":      func(l *slog.Logger) { l.Info("m", "x", "canary 110105491231002") },
		"number as integer": func(l *slog.Logger) { l.Info("m", "x", 110105194912310020) },
		"number in message": func(l *slog.Logger) { l.Info("canary " + number) },
		"number in error":   func(l *slog.Logger) { l.Error("m", "error", errors.New("canary "+number)) },
		"number in struct":  func(l *slog.Logger) { l.Info("m", "x", struct{ A, B string }{"canary", number}) },
		"api key":           func(l *slog.Logger) { l.Info("m", "x", "canary "+key) },
		"bearer":            func(l *slog.Logger) { l.Info("m", "x", "canary Bearer abcdefgh1234") },
		"log valuer":        func(l *slog.Logger) { l.Info("m", "x", valuer{}) },
	} {
		for _, format := range []telemetry.Format{telemetry.Text, telemetry.JSON} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				var out bytes.Buffer
				write(telemetry.NewLogger(&out, "debug", format))
				require.Contains(t, out.String(), telemetry.Redacted)
				for _, leak := range []string{"canary", number, number[:17], key} {
					require.NotContains(t, out.String(), leak)
				}
			})
		}
	}
}

func TestOrdinaryValuesStay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "info", telemetry.Text)
	log.Debug("not at this level")
	log.Info("started", "listen", "127.0.0.1:8080", "took", time.Second, "n", 12, "ok", true, "f", 1.5,
		"run_id", "0198c1c4-1111-7111-8111-123456789012", "unix_nano", int64(1605542400000000000), "error", io.EOF,
		"at", time.Date(2020, 12, 4, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{"127.0.0.1:8080", "took=1s", "n=12", "ok=true", "f=1.5", "0198c1c4", "1605542400000000000", "EOF", "2020-12-04"} {
		require.Contains(t, out.String(), want)
	}
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestRequestsAreLoggedByRoute(t *testing.T) {
	t.Parallel()
	clock := time.Date(2020, 12, 4, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	routes := telemetry.NewRoutes("/v1/accounts/{account_id}/decisions", "/s/{token}")
	for name, c := range map[string]struct {
		target, route, level string
		status               int
	}{
		"route":        {"/v1/accounts/zhang-san/decisions?name=zhang", "/v1/accounts/{}/decisions", "DEBUG", 200},
		"token":        {"/s/zhang-secret", "/s/{}", "DEBUG", 404},
		"unknown":      {"/zhang", "/{}", "DEBUG", 404},
		"deep":         {strings.Repeat("/zhang", 20), "/{}…", "DEBUG", 404},
		"server error": {"/v1/accounts/zhang/decisions", "/v1/accounts/{}/decisions", "WARN", 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			clockNow := now
			if name != "route" {
				clockNow = func() time.Time { return time.Time{} }
			}
			h := telemetry.LogRequests(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = fmt.Fprint(w, "12345")
			}), telemetry.NewLogger(&out, "debug", telemetry.Text), routes, clockNow)
			r := httptest.NewRequest(http.MethodPost, c.target, strings.NewReader("zhang"))
			h.ServeHTTP(httptest.NewRecorder(), r.WithContext(requestid.With(r.Context(), "r1")))
			for _, want := range []string{"level=" + c.level, "route=" + c.route, fmt.Sprintf("status=%d", c.status), "bytes=5", "request_id=r1", "method=POST"} {
				require.Contains(t, out.String(), want)
			}
			require.NotContains(t, out.String(), "zhang")
		})
	}
}

// TestStreamsStillStream: the wrapper must not hide what an event stream needs of its writer.
func TestStreamsStillStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	first := make(chan struct{})
	h := telemetry.LogRequests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "a")
		if http.NewResponseController(w).SetWriteDeadline(time.Time{}) != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-first:
			_, _ = fmt.Fprint(w, "b")
		case <-r.Context().Done():
		}
	}), telemetry.NewLogger(&out, "debug", telemetry.Text), telemetry.NewRoutes(), time.Now)
	server := httptest.NewServer(h)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	one := make([]byte, 1)
	_, err = io.ReadFull(res.Body, one)
	require.NoError(t, err, "the first byte comes before the handler ends")
	close(first)
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "b", string(rest))
}
