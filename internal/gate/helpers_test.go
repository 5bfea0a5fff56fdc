package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// observing is the founding policy as version 2 under observation.
func observing(t testing.TB, text string) string {
	t.Helper()
	changed := strings.Replace(text, "mode: enforce", "mode: observe", 1)
	require.NotEqual(t, text, changed)
	again := strings.Replace(changed, "version: 1", "version: 2", 1)
	require.NotEqual(t, changed, again)
	return again
}

// reopened is a store on another clock.
func reopened(t testing.TB, now func() time.Time) *sqlstore.Store {
	t.Helper()
	return sqlstoretest.Open(t, sqlstoretest.WithNow(now))
}
