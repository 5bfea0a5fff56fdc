package archtest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/archtest"
)

// TestHouseRules judges this module.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	m, err := archtest.Load(os.DirFS("../.."))
	require.NoError(t, err)
	require.Equal(t, "github.com/verigate/verigate", m.Path)

	t.Run("closed packages", func(t *testing.T) {
		t.Parallel()
		for _, rule := range archtest.ClosedRules() {
			require.NotEmpty(t, rule.Why)
			report(t, rule.Check(m))
		}
	})
	t.Run("unreachable packages", func(t *testing.T) {
		t.Parallel()
		for _, rule := range archtest.UnreachableRules() {
			require.NotEmpty(t, rule.Why)
			report(t, rule.Check(m))
		}
	})
	t.Run("held packages", func(t *testing.T) {
		t.Parallel()
		for _, rule := range archtest.HeldRules() {
			require.NotEmpty(t, rule.Why)
			report(t, rule.Check(m))
		}
	})
	t.Run("package comments", func(t *testing.T) {
		t.Parallel()
		report(t, archtest.PackageComments(m))
	})
	t.Run("no init", func(t *testing.T) {
		t.Parallel()
		report(t, archtest.InitFunctions(m))
	})
	t.Run("no mutable package variables", func(t *testing.T) {
		t.Parallel()
		report(t, archtest.PackageVariables(m))
	})
	t.Run("time is a parameter", func(t *testing.T) {
		t.Parallel()
		report(t, archtest.Clock(m, archtest.ClockAllowed()))
	})
}

func report(t *testing.T, found []archtest.Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}
