package store

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// EntryHash returns the hash of an entry of a log: over the hash before it (of the log's name, which is the account's
// id, before the first), the instant of recording and the stored text. Whoever has the texts can make it again.
func EntryHash(log string, previous []byte, recordedAt time.Time, text []byte) []byte {
	if previous == nil {
		first := sha256.Sum256([]byte(log))
		previous = first[:]
	}
	b := make([]byte, 0, len(previous)+8+len(text))
	b = append(b, previous...)
	b = binary.BigEndian.AppendUint64(b, uint64(recordedAt.UnixNano()))
	b = append(b, text...)
	hash := sha256.Sum256(b)
	return hash[:]
}
