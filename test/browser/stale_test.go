package browser

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/verigate/verigate/internal/store/sqlstore" // brings the driver
)

// TestStaleProjection: when the record of an account is not what its running workflow knows, the page of the account says
// so, names the fields, and says so no longer when the record is right again.
func TestStaleProjection(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.account(t).approved()
	db, err := sql.Open("sqlite", filepath.Join(s.data, "verigate.db")+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	var fold string
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT fold FROM verifications WHERE account_id = ?`, a.id).Scan(&fold))

	b := s.device(t, computer("en"))
	b.signInAs("viewer", "/admin/accounts/"+a.id)
	b.awaitElement("#account-live [data-run=same]")
	_, err = db.ExecContext(t.Context(), `UPDATE verifications SET fold = json_set(fold, '$.state', 'under_review', '$.seq', seq - 1)
		WHERE account_id = ?`, a.id)
	require.NoError(t, err)
	b.open(s.API + "/admin/accounts/" + a.id)
	b.awaitElement("#account-live [data-run=differs]")
	shown := eval[[]string](b, `[...document.querySelectorAll('#account-live tbody tr')].map(r => [...r.cells].map(c => c.innerText).join(' | '))`)
	require.Contains(t, shown, "State | approved | under_review")
	require.True(t, b.says("⚠"), "a run that knows more than the record is a fault to look into")

	_, err = db.ExecContext(t.Context(), `UPDATE verifications SET fold = ? WHERE account_id = ?`, fold, a.id)
	require.NoError(t, err)
	b.open(s.API + "/admin/accounts/" + a.id)
	b.awaitElement("#account-live [data-run=same]")
}
