package facetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face"
)

// runFaults runs each fault against each operation.
func runFaults(t *testing.T, factory Factory) {
	t.Helper()
	for _, c := range []struct {
		op    Op
		fault Fault
		class error
	}{
		{Start, Unavailable, face.ErrTransient},
		{Start, Limited, face.ErrRateLimited},
		{Start, Misconfigured, face.ErrConfig},
		{Start, Unheard, face.ErrConfig},
		{Start, SubjectRefused, face.ErrUserInput},
		{Start, Forged, face.ErrSignature},
		{Start, AnswerLost, face.ErrUncertain},
		{Query, Unavailable, face.ErrTransient},
		{Query, Limited, face.ErrRateLimited},
		{Query, Misconfigured, face.ErrConfig},
		{Query, Unheard, face.ErrConfig},
		{Query, Forged, face.ErrSignature},
		{Query, AnswerLost, face.ErrTransient},
	} {
		t.Run("fault/"+string(c.op)+"/"+string(c.fault), func(t *testing.T) {
			t.Parallel()
			p, control := factory(t)
			if c.op == Start {
				startFault(t, p, control, c.fault, c.class)
			} else {
				queryFault(t, p, control, c.fault, c.class)
			}
		})
	}
}

func arm(t *testing.T, c Control, op Op, f Fault) {
	t.Helper()
	if c.Break == nil || !c.Break(t, op, f) {
		t.Skipf("this service has no fault %q at %s", f, op)
	}
}

func startFault(t *testing.T, p face.Provider, c Control, f Fault, class error) {
	arm(t, c, Start, f)
	session, err := p.Start(t.Context(), Request(1))
	typed := requireClass(t, c, err, class)
	require.Zero(t, session)
	if f == Limited {
		require.Positive(t, typed.RetryAfter)
	}
	if f == AnswerLost {
		require.Equal(t, 1, c.Orders(), "the order exists, which is why the start is uncertain")
	}
	// A fresh number works at once: no retry was left running, nothing is stuck.
	require.Equal(t, undone(p), query(t, p, start(t, p, 2).Ref).State)
}

func queryFault(t *testing.T, p face.Provider, c Control, f Fault, class error) {
	ref := start(t, p, 1).Ref
	c.Pass(t, ref)
	arm(t, c, Query, f)
	out, err := p.Query(t.Context(), ref)
	typed := requireClass(t, c, err, class)
	require.Zero(t, out, "a failed query says nothing about the order")
	if f == Limited {
		require.Positive(t, typed.RetryAfter)
	}
	require.Equal(t, face.StatePassed, query(t, p, ref).State, "the truth is still there afterwards")
}
