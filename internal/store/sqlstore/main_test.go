package sqlstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Tests{M: m}) }
