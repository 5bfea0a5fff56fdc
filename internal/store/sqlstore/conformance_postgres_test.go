package sqlstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/store/storetest"
)

func TestConformanceOnPostgres(t *testing.T) {
	t.Parallel()
	var urls sync.Map // of databases, by the folder that would have the file
	storetest.Run(t, func(t *testing.T, dir string, now func() time.Time) store.Store {
		url, known := urls.Load(dir)
		if !known {
			url = sqlstoretest.Postgres(t)
			urls.Store(dir, url)
		}
		return sqlstoretest.OpenURL(t, url.(string), sqlstoretest.WithNow(now))
	})
}
