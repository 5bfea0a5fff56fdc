//go:build failpoints

package failpoint_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/failpoint"
)

// TestMain is also the victim: started with the variable set, it hits one place three times and another once.
func TestMain(m *testing.M) {
	spec := os.Getenv(failpoint.Env)
	if spec == "" {
		os.Exit(m.Run())
	}
	p, err := failpoint.Parse(spec)
	if err != nil {
		os.Exit(2)
	}
	for range 3 {
		p.Hit("a")
	}
	p.Hit("b")
}

func TestDiesAtThePlace(t *testing.T) {
	t.Parallel()
	for spec, killed := range map[string]bool{
		"a": true, "a#3": true, "a#4": false, "b": true, "b#2": false, "c": false, "c,b": true,
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			victim := exec.CommandContext(t.Context(), os.Args[0])
			victim.Env = append(os.Environ(), failpoint.Env+"="+spec)
			err := victim.Run()
			if !killed {
				require.NoError(t, err)
				return
			}
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
		})
	}
}

func TestBadSpecs(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{",", "a,", "#1", "a#", "a#0", "a#x"} {
		_, err := failpoint.Parse(spec)
		require.Error(t, err, spec)
	}
}
