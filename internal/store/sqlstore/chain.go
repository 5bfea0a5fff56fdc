package sqlstore

import (
	"time"

	"github.com/verigate/verigate/internal/store"
)

// chain returns the hash of an entry. Who edits, drops or reorders entries breaks the chain; the head's hash, kept in
// the account's row, tells when the end is missing.
func chain(accountID string, previous []byte, recordedAt time.Time, body []byte) []byte {
	return store.EntryHash(accountID, previous, recordedAt, body)
}
