package e2e

import (
	"flag"
	"os"
	"testing"
	_ "time/tzdata"

	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

const (
	binEnv       = "VERIGATE_BIN"
	failpointEnv = "VERIGATE_FAILPOINT_BIN"
	allEnv       = "VERIGATE_E2E_ALL"
)

// side is how many tests run side by side. Nearly all of them wait nearly all the time: for a QR code to end, for a
// grace, for an engine to notice that its worker is gone. What costs is running a demonstration, see slots.
const side = "64"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", side); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(withServers{m})
}

// withServers stops the servers of the tests before goroutines are counted.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return clustertest.Main(m.M, lookAtDatabases) }

// slots bounds how many demonstrations run at once.
var slots = make(chan struct{}, 8)

// binary returns the path in an environment variable; without one the test is skipped.
func binary(t testing.TB, env string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		t.Skipf("%s is not set; make e2e builds the binary and sets it", env)
	}
	return path
}
