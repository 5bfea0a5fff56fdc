package browser

import (
	"flag"
	"os"
	"os/exec"
	"testing"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

const (
	binEnv      = "VERIGATE_BIN"
	axeEnv      = "VERIGATE_AXE"
	chromiumEnv = "VERIGATE_CHROMIUM"
)

var screenshots = flag.String("screenshots", "", "directory to write a picture of each page and state to; relative to the package")

func TestMain(m *testing.M) { goleak.VerifyTestMain(clustertest.Tests{M: m}) }

// binary returns the path in an environment variable; without one the test is skipped.
func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv(binEnv)
	if path == "" {
		t.Skipf("%s is not set; make browser builds the binary and sets it", binEnv)
	}
	return path
}

// chromium returns the browser. A machine without one does not pass.
func chromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(chromiumEnv); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	require.FailNow(t, "no Chromium in PATH", "install chromium, or name one in %s", chromiumEnv)
	return ""
}

// axe returns the source of axe-core.
func axe(t testing.TB) string {
	t.Helper()
	path := os.Getenv(axeEnv)
	require.NotEmpty(t, path, "%s is not set; make browser fetches axe-core and sets it", axeEnv)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(source)
}
