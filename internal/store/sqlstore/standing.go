package sqlstore

import (
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// standing is what an account's row tells of its log: enough for the gate, and for the next append.
type standing struct {
	seq                          int64
	state                        lifecycle.State
	since, turnSince, verifiedAt time.Time
	digest                       string
	recordedAt                   time.Time
	hash                         []byte
}

func standingOf(v lifecycle.Verification, recordedAt time.Time, hash []byte) standing {
	st := standing{
		seq: v.Seq, state: v.State, since: v.Since, turnSince: v.TurnSince, verifiedAt: v.VerifiedAt,
		recordedAt: recordedAt, hash: hash,
	}
	if v.Identity != nil {
		st.digest = v.Identity.Digest
	}
	return st
}

func standingColumns() []string {
	return []string{
		"seq", "state", "turn", "since", "turn_since", "verified_at", "identity_digest", "head_recorded_at", "head_hash",
	}
}

// columns are the values of standingColumns.
func (s standing) columns() []any {
	var digest any
	if s.digest != "" {
		digest = s.digest
	}
	return []any{
		s.seq, string(s.state), string(s.state.Turn()), instant(s.since), instant(s.turnSince), instant(s.verifiedAt),
		digest, instant(s.recordedAt), s.hash,
	}
}
