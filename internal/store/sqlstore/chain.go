package sqlstore

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// chain returns the hash of an entry: over the hash before it (of the account's id before the first), the instant of
// recording and the stored text. Who edits, drops or reorders entries breaks it; the head's hash, kept in the
// account's row, tells when the end is missing.
func chain(accountID string, previous []byte, recordedAt time.Time, body []byte) []byte {
	if previous == nil {
		first := sha256.Sum256([]byte(accountID))
		previous = first[:]
	}
	text := make([]byte, 0, len(previous)+8+len(body))
	text = append(text, previous...)
	text = binary.BigEndian.AppendUint64(text, uint64(recordedAt.UnixNano()))
	text = append(text, body...)
	hash := sha256.Sum256(text)
	return hash[:]
}
