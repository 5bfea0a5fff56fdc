package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, dir string, now func() time.Time) store.Store {
		return sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(dir, "verigate.db")), sqlstoretest.WithNow(now))
	})
}
