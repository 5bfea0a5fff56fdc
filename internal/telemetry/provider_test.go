package telemetry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/telemetry"
)

// moody answers with the error that a test sets.
type moody struct {
	face.Provider
	err error
}

func (*moody) Name() string { return "moody" }

func (m *moody) Start(context.Context, face.StartRequest) (face.Session, error) {
	return face.Session{}, m.err
}

func (m *moody) Query(context.Context, face.Ref) (face.Outcome, error) { return face.Outcome{}, m.err }

func TestProviderFigures(t *testing.T) {
	t.Parallel()
	begun := time.Date(2020, 12, 1, 2, 0, 0, 0, time.UTC)
	now, inner := begun, &moody{}
	zone := time.FixedZone("+8", 8*60*60)
	p := telemetry.NewProvider(inner, func() time.Time { return now }, noop.NewTracerProvider().Tracer(""))
	require.Equal(t, &figures.ProviderFigures{Name: "moody", Since: begun.In(zone), Calls: []figures.ProviderCalls{}}, p.Figures(zone))

	ask := func(minute int, err error) {
		now, inner.err = begun.Add(time.Duration(minute)*time.Minute), err
		_, got := p.Query(t.Context(), face.Ref{})
		require.Equal(t, err, got)
	}
	ask(1, nil)
	ask(2, &face.Error{Class: face.ErrUserInput})  // the person's fault
	ask(3, &face.Error{Class: face.ErrRefExpired}) // the order's
	ask(4, &face.Error{Class: face.ErrTransient, Cause: context.Canceled})
	got := p.Figures(zone)
	require.Equal(t, []figures.ProviderCalls{{Operation: "query", Calls: 3}}, got.Calls)
	require.True(t, begun.Add(3*time.Minute).Equal(*got.LastSuccess))
	require.Nil(t, got.LastFailure)

	for minute, fault := range map[int]struct {
		class error
		name  string
	}{
		5: {face.ErrTransient, "transient"}, 6: {face.ErrRateLimited, "rate_limited"}, 7: {face.ErrConfig, "configuration"},
		8: {face.ErrSignature, "signature"}, 9: {face.ErrUncertain, "uncertain"},
	} {
		ask(minute, &face.Error{Class: fault.class})
		require.Equal(t, fault.name, p.Figures(zone).LastFault)
	}
	ask(10, &face.Error{Class: face.ErrRateLimited, Code: face.CodeLocalQuota})
	require.Equal(t, "local_quota", p.Figures(zone).LastFault, "the provider was not asked")
	_, err := p.Start(t.Context(), face.StartRequest{})
	require.Error(t, err)
	got = p.Figures(zone)
	require.Equal(t, []figures.ProviderCalls{{Operation: "start", Calls: 1, Failures: 1}, {Operation: "query", Calls: 9, Failures: 6}}, got.Calls)
	require.EqualValues(t, 7, got.FailuresInRow)
	require.NotNil(t, got.LastFailure)
	ask(20, nil)
	require.Zero(t, p.Figures(zone).FailuresInRow)

	text := scrape(t, p)
	for _, line := range []string{
		`operation="query",result="ok"} 2`, `operation="query",result="refused"} 2`, `operation="query",result="cancelled"} 1`,
		`operation="query",result="signature"} 1`, `operation="start",result="`,
	} {
		require.Contains(t, text, line)
	}
}
