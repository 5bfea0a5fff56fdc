package bench_test

import (
	"os"
	"testing"

	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
