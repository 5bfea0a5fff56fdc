package policytest

import (
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
)

// Run asks policy.Decide every case of the file, as a parallel subtest each.
func Run(t *testing.T, fsys fs.FS, name string) {
	t.Helper()
	s, err := Load(fsys, name)
	require.NoError(t, err)
	for _, c := range s.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			require.True(t, s.Set.Declares(c.Action), "action %s is not declared", c.Action)
			c.Check(t, policy.Decide(s.Set, c.Account, c.Standing, c.Extensions, c.Action, c.At))
		})
	}
}

// Check fails the test unless the decision is what the case expects.
func (c Case) Check(t testing.TB, d policy.Decision) {
	t.Helper()
	require.Equal(t, c.Effect, d.Effect, "effect, with reason %s", d.Reason)
	require.Equal(t, c.Reason, d.Reason, "reason, with effect %s", d.Effect)
	expect(t, "since", c.Since, d.Since)
	expect(t, "deadline", c.Deadline, d.Deadline)
	expect(t, "next_change_at", c.NextChangeAt, d.NextChangeAt)
}

func expect(t testing.TB, name string, want *time.Time, got time.Time) {
	t.Helper()
	if want != nil {
		require.True(t, got.Equal(*want), "%s: want %s, got %s", name, want, got)
	}
}
