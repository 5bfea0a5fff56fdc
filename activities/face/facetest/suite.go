package facetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
)

// The suite's person. Name and number occur nowhere else, so that finding either
// anywhere is a leak.
const (
	CanaryName = "金丝雀·验名"
	CanaryNo   = "11010119900307109X"
)

// Factory makes a fresh adapter with a fresh service for one case; it cleans up
// through t.
type Factory func(t *testing.T) (face.Provider, Control)

// Run runs the whole suite.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, face.Provider, Control)
	}{
		{"describes itself", describes},
		{"session clocks", sessionClocks},
		{"start, undone, pass", passes},
		{"F is not failure", failureIsNotFinalUnlessKnown},
		{"late pass", latePass},
		{"expiry of the attempt", attemptExpires},
		{"expiry of the result", resultExpires},
		{"unknown reference", unknownRef},
		{"launch", launches},
		{"refused before sending", refusedUnsent},
		{"order number is spent", orderNumberIsSpent},
		{"cancelled by the caller", cancelled},
		{"concurrent queries", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, control := factory(t)
			c.run(t, p, control)
			requireNoCanary(t, control, nil)
		})
	}
	runFaults(t, factory)
}

// Request returns a good request with the n-th order number.
func Request(n int) face.StartRequest {
	return face.StartRequest{
		AttemptID: fmt.Sprintf("attempt-%d", n),
		OrderNo:   fmt.Sprintf("FT%030d", n),
		Subject:   face.Subject{Name: CanaryName, DocType: face.DocCNID, DocNo: CanaryNo},
		ReturnURL: fmt.Sprintf("https://idv.example.com/r/%d", n),
		ConsentID: "consent-1",
	}
}

// RequireNoCanary fails if text holds the person's name or number in a form that
// a log line or an error could hold it.
func RequireNoCanary(t testing.TB, text string) {
	t.Helper()
	quoted, _ := json.Marshal(CanaryName)
	for _, leak := range []string{
		CanaryName, CanaryNo, url.QueryEscape(CanaryName), fmt.Sprintf("%+q", CanaryName), string(quoted), "金丝雀", CanaryNo[:17],
	} {
		require.NotContains(t, text, strings.Trim(leak, `"`))
	}
}

func requireNoCanary(t testing.TB, c Control, err error) {
	t.Helper()
	if err != nil {
		RequireNoCanary(t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	if c.Logs != nil {
		RequireNoCanary(t, c.Logs())
	}
}

// requireClass checks an error of an adapter: its class, its type, and that it
// says nothing about the person.
func requireClass(t testing.TB, c Control, err, class error) *face.Error {
	t.Helper()
	require.ErrorIs(t, err, class)
	require.Equal(t, class, face.ClassOf(err), "an error has one class")
	var typed *face.Error
	require.ErrorAs(t, err, &typed)
	require.NotEmpty(t, typed.Provider)
	require.NotEmpty(t, typed.Op)
	require.Equal(t, typed.Code, face.SafeCode(typed.Code))
	require.Equal(t, typed.SubCode, face.SafeCode(typed.SubCode))
	requireNoCanary(t, c, err)
	return typed
}

func start(t testing.TB, p face.Provider, n int) face.Session {
	t.Helper()
	s, err := p.Start(t.Context(), Request(n))
	require.NoError(t, err)
	require.NotEmpty(t, s.Ref.ProviderRef)
	require.Equal(t, Request(n).OrderNo, s.Ref.OrderNo)
	return s
}

func query(t testing.TB, p face.Provider, ref face.Ref) face.Outcome {
	t.Helper()
	out, err := p.Query(t.Context(), ref)
	require.NoError(t, err)
	require.Contains(t, face.States(), out.State)
	require.False(t, out.CheckedAt.IsZero())
	return out
}

func describes(t *testing.T, p face.Provider, _ Control) {
	require.NotEmpty(t, p.Name())
	c := p.Capabilities()
	require.Positive(t, c.AttemptTTL)
	require.Positive(t, c.MinPoll)
	require.GreaterOrEqual(t, c.ResultTTL, c.AttemptTTL, "a result outlives its attempt")
	require.Contains(t, c.DocTypes, face.DocCNID)
}

func sessionClocks(t *testing.T, p face.Provider, _ Control) {
	s, c := start(t, p, 1), p.Capabilities()
	require.Equal(t, c.AttemptTTL, s.ExpiresAt.Sub(s.StartedAt))
	require.Equal(t, c.ResultTTL, s.ResultBy.Sub(s.StartedAt))
}

// undone is what a query must say of an order that nobody has finished.
func undone(p face.Provider) face.State {
	if p.Capabilities().DistinguishesUndone {
		return face.StatePending
	}
	return face.StateNotPassed
}

func passes(t *testing.T, p face.Provider, c Control) {
	ref := start(t, p, 1).Ref
	require.Equal(t, undone(p), query(t, p, ref).State)
	c.Pass(t, ref)
	for range 2 { // queries may be repeated
		out := query(t, p, ref)
		require.Equal(t, face.StatePassed, out.State)
		require.NotEmpty(t, out.EvidenceID)
		require.Empty(t, out.Reason)
		require.Regexp(t, `^([0-9a-f]{64})?$`, out.Digest)
	}
}

func failureIsNotFinalUnlessKnown(t *testing.T, p face.Provider, c Control) {
	ref := start(t, p, 1).Ref
	c.Fail(t, ref)
	out := query(t, p, ref)
	if p.Capabilities().DistinguishesUndone {
		require.Equal(t, face.StateFailed, out.State)
		return
	}
	require.Equal(t, face.StateNotPassed, out.State)
	require.False(t, out.State.Terminal())
	c.Pass(t, ref)
	require.Equal(t, face.StatePassed, query(t, p, ref).State, "a pass after a failed scan counts")
}

func latePass(t *testing.T, p face.Provider, c Control) {
	s := start(t, p, 1)
	ttl := p.Capabilities().AttemptTTL
	c.Advance(ttl - time.Minute)
	require.Equal(t, undone(p), query(t, p, s.Ref).State)
	c.Pass(t, s.Ref)
	c.Advance(2 * time.Minute)
	require.Equal(t, face.StatePassed, query(t, p, s.Ref).State, "asked after the attempt's end")
}

// requireDead accepts both ways of saying that an order is over.
func requireDead(t *testing.T, p face.Provider, c Control, ref face.Ref) {
	t.Helper()
	out, err := p.Query(t.Context(), ref)
	if err == nil {
		require.Equal(t, face.StateExpired, out.State)
		return
	}
	requireClass(t, c, err, face.ErrRefExpired)
}

func attemptExpires(t *testing.T, p face.Provider, c Control) {
	s := start(t, p, 1)
	c.Advance(p.Capabilities().AttemptTTL + time.Minute)
	requireDead(t, p, c, s.Ref)
}

func resultExpires(t *testing.T, p face.Provider, c Control) {
	s := start(t, p, 1)
	c.Pass(t, s.Ref)
	c.Advance(p.Capabilities().ResultTTL - time.Minute)
	require.Equal(t, face.StatePassed, query(t, p, s.Ref).State)
	c.Advance(p.Capabilities().ResultTTL)
	requireDead(t, p, c, s.Ref)
}

func unknownRef(t *testing.T, p face.Provider, c Control) {
	known := start(t, p, 1).Ref
	for name, ref := range map[string]face.Ref{
		"empty":       {},
		"well-formed": {ProviderRef: strings.Repeat("0", len(known.ProviderRef)), OrderNo: known.OrderNo},
		"hostile":     {ProviderRef: `x","a":"` + CanaryNo, OrderNo: CanaryName},
	} {
		_, err := p.Query(t.Context(), ref)
		require.Error(t, err, name)
		requireClass(t, c, err, face.ErrUnknownRef)
	}
}

func launches(t *testing.T, p face.Provider, c Control) {
	s := start(t, p, 1)
	l, err := p.Launch(t.Context(), s.Ref, face.LaunchOptions{At: s.StartedAt})
	require.NoError(t, err)
	for _, link := range []string{l.QRContent, l.WebURL} {
		u, err := url.Parse(link)
		require.NoError(t, err)
		require.True(t, u.IsAbs())
	}
	require.True(t, l.FreshTill.After(s.StartedAt))
	RequireNoCanary(t, l.QRContent+l.WebURL+l.DeepLink)
	again, err := p.Launch(t.Context(), s.Ref, face.LaunchOptions{At: l.FreshTill})
	require.NoError(t, err)
	require.True(t, again.FreshTill.After(l.FreshTill))
	require.Equal(t, 1, c.Orders(), "a launch makes no order")
}

func refusedUnsent(t *testing.T, p face.Provider, c Control) {
	for name, tc := range map[string]struct {
		change func(*face.StartRequest)
		class  error
	}{
		"no consent":             {func(r *face.StartRequest) { r.ConsentID = "" }, face.ErrConfig},
		"no order number":        {func(r *face.StartRequest) { r.OrderNo = "" }, face.ErrConfig},
		"order number too long":  {func(r *face.StartRequest) { r.OrderNo = strings.Repeat("A", 33) }, face.ErrConfig},
		"order number with dash": {func(r *face.StartRequest) { r.OrderNo = "A-1" }, face.ErrConfig},
		"order number not ASCII": {func(r *face.StartRequest) { r.OrderNo = "单1" }, face.ErrConfig},
		"return url with query":  {func(r *face.StartRequest) { r.ReturnURL = "https://h/r?x=" + CanaryNo }, face.ErrConfig},
		"return url relative":    {func(r *face.StartRequest) { r.ReturnURL = "/r/x" }, face.ErrConfig},
		"no name":                {func(r *face.StartRequest) { r.Subject.Name = "" }, face.ErrUserInput},
		"no number":              {func(r *face.StartRequest) { r.Subject.DocNo = "" }, face.ErrUserInput},
		"unknown document":       {func(r *face.StartRequest) { r.Subject.DocType = "passport" }, face.ErrUnsupported},
	} {
		r := Request(1)
		tc.change(&r)
		_, err := p.Start(t.Context(), r)
		require.Error(t, err, name)
		requireClass(t, c, err, tc.class)
	}
	require.Zero(t, c.Orders())
	start(t, p, 1) // the number was not spent by refusals
}

func orderNumberIsSpent(t *testing.T, p face.Provider, c Control) {
	first := start(t, p, 1)
	second, err := p.Start(t.Context(), Request(1))
	require.Equal(t, 1, c.Orders())
	if err == nil {
		require.Equal(t, first.Ref, second.Ref)
	} else {
		requireNoCanary(t, c, err)
	}
	require.NotEqual(t, first.Ref, start(t, p, 2).Ref)
}

func cancelled(t *testing.T, p face.Provider, c Control) {
	ref := start(t, p, 1).Ref
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Query(ctx, ref)
	require.ErrorIs(t, err, context.Canceled)
	requireClass(t, c, err, face.ErrTransient)
	_, err = p.Start(ctx, Request(2))
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, errors.Is(err, face.ErrTransient) || errors.Is(err, face.ErrUncertain))
}

func concurrent(t *testing.T, p face.Provider, c Control) {
	const n = 8
	refs := make([]face.Ref, n)
	for i := range refs {
		refs[i] = start(t, p, i).Ref
		if i%2 == 0 {
			c.Pass(t, refs[i])
		}
	}
	outcomes, errs := make([]face.Outcome, n), make([]error, n)
	var all sync.WaitGroup
	for i, ref := range refs {
		all.Go(func() { outcomes[i], errs[i] = p.Query(t.Context(), ref) })
	}
	all.Wait()
	for i := range refs {
		require.NoError(t, errs[i])
		want := undone(p)
		if i%2 == 0 {
			want = face.StatePassed
		}
		require.Equal(t, want, outcomes[i].State, "answers must not be mixed up")
	}
}
