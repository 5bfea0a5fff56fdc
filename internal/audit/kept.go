package audit

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/base64url"
	"github.com/verigate/verigate/internal/store"
)

// ErrCheckpoint means that a text is no checkpoint as the API answers it.
var ErrCheckpoint = errors.New("audit: not a checkpoint as GET /v1/audit/checkpoints answers it")

// Written is a checkpoint as the API answers it, verigate audit checkpoints prints it and exports of accounts hold it.
type Written struct {
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Entries   int64     `json:"entries"`
	Hash      string    `json:"hash"` // hex
	Position  int64     `json:"position"`
	Accounts  int64     `json:"accounts"`
	Digest    string    `json:"digest"` // hex
	KeyID     string    `json:"key_id"`
	Signature string    `json:"signature"` // base64url
}

// Write is the inverse of ReadCheckpoint.
func Write(c store.Checkpoint) Written {
	return Written{
		Number: c.Number, At: c.At, Entries: c.Entries, Hash: hex.EncodeToString(c.Hash), Position: c.Position, Accounts: c.Accounts,
		Digest: hex.EncodeToString(c.Digest), KeyID: c.KeyID, Signature: base64url.Encode(c.Signature),
	}
}

// ReadCheckpoint reads what is written as a Written.
func ReadCheckpoint(text []byte) (store.Checkpoint, error) {
	var in Written
	if json.Unmarshal(text, &in) != nil || in.Number < 1 {
		return store.Checkpoint{}, ErrCheckpoint
	}
	c := store.Checkpoint{Number: in.Number, At: in.At, KeyID: in.KeyID}
	c.Entries, c.Position, c.Accounts = in.Entries, in.Position, in.Accounts
	for _, part := range []struct {
		into   *[]byte
		text   string
		decode func(string) ([]byte, error)
	}{
		{&c.Hash, in.Hash, hex.DecodeString}, {&c.Digest, in.Digest, hex.DecodeString}, {&c.Signature, in.Signature, base64url.Decode},
	} {
		var err error
		if *part.into, err = part.decode(part.text); err != nil {
			return store.Checkpoint{}, ErrCheckpoint
		}
	}
	return c, nil
}

// Kept holds exported checkpoints against public keys and against each other, without a database: logs only grow, and
// what two checkpoints say of the same moment is the same. MACs of the time before there were public keys count as
// signatures that do not hold.
func Kept(keys Sealed, kept []store.Checkpoint) *Result {
	result := &Result{Checkpoints: len(kept)}
	sorted := slices.Clone(kept)
	slices.SortStableFunc(sorted, func(a, b store.Checkpoint) int { return cmp.Compare(a.Number, b.Number) })
	for _, c := range sorted {
		switch {
		case !keys.Sealed(c.KeyID, signed(c), c.Signature):
			result.fault(store.Fault{Log: nameOf(c.Number), Kind: store.FaultSignature})
			continue
		case result.Newest.Number > 0 && !follows(result.Newest, c):
			result.fault(store.Fault{Log: nameOf(c.Number), Kind: store.FaultRewritten})
		}
		result.Newest = c
	}
	return result
}

// follows reports whether logs that were as a says can have become what c says.
func follows(a, c store.Checkpoint) bool {
	switch {
	case a.Number == c.Number:
		return bytes.Equal(signed(a), signed(c))
	case c.At.Before(a.At), c.Entries < a.Entries, c.Position < a.Position:
		return false
	case c.Entries == a.Entries && !bytes.Equal(c.Hash, a.Hash):
		return false
	default:
		return c.Position != a.Position || bytes.Equal(c.Digest, a.Digest)
	}
}
