package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"
	"time"
)

// AuditEntry is one act of somebody of the operator, or of a program with a key that may act as one: who, when, what,
// on what, why, and what it changed. The log of an account says what happened to the account; this one says what
// people did, also where no account was touched (a sign-in, a look at a number, a policy, a key).
type AuditEntry struct {
	ID        int64     // 1, 2, 3 …, without a gap; assigned by the store
	At        time.Time // of recording, never before that of the entry before; assigned by the store
	Actor     string    // id of the person or key; empty for a sign-in that failed
	Role      string    // role of a person, empty for a key
	Action    string    // id of the API's operation, or sign_in, sign_out, sign_in_failed
	Subject   string    // what it was done to: account/a1, policy/name/2, sweep/id, key/id, operator/id
	Reason    string    // given by the actor; never personal data
	Outcome   string    // ok, or the code of the problem that refused it
	Before    json.RawMessage
	After     json.RawMessage
	RequestID string
	Address   string // of the caller
	Hash      []byte // over the entry and the hash before it; made by the store
}

// OutcomeOK is the outcome of an act that was done.
const OutcomeOK = "ok"

// AuditFilter selects entries of the audit log; empty fields do not filter.
type AuditFilter struct {
	Actor, Action, Subject, Outcome string

	Refused  bool      // every outcome but ok
	From, To time.Time // from this instant on, and before that one
	Oldest   bool      // oldest first; else newest first
	After    int64     // id of the last entry of the page before
	Limit    int       // 1 to 1000
}

// Audit is the log of what people did: append-only, each entry chained to the one before by a hash. Whoever can write
// to the database can also write hashes, so checkpoints with a signature say from time to time what the log was.
type Audit interface {
	// AppendAudit writes an entry and returns it as it is kept.
	AppendAudit(ctx context.Context, e AuditEntry) (AuditEntry, error)
	AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error)
	// CheckAudit follows the chain of the audit log from a link on, the zero one being the beginning, over up to limit
	// (1 to 1000) entries. At the end of the log it looks whether that is where the log ends.
	CheckAudit(ctx context.Context, after ChainLink, limit int) (AuditCheck, error)
	// CheckLogs follows the chains of the logs of up to limit (1 to 1000) accounts after one, by account id.
	CheckLogs(ctx context.Context, after string, limit int) (LogsCheck, error)

	// AuditProof says, as of one moment, where the audit log and the logs of all accounts end.
	AuditProof(ctx context.Context) (AuditProof, error)
	// PutCheckpoint keeps a checkpoint. Its number must be the next one: ErrConflict if it is not.
	PutCheckpoint(ctx context.Context, c Checkpoint) error
	// Checkpoints are those before a number, newest first, up to limit (1 to 1000); 0 is before no number.
	Checkpoints(ctx context.Context, before int64, limit int) ([]Checkpoint, error)
}

// ChainLink is a place in a chain: the number of an entry and its hash.
type ChainLink struct {
	Number int64
	Hash   []byte
}

// FaultKind says how a chain does not fit.
type FaultKind string

const (
	// FaultAltered: the entry does not have the content that its hash was made of.
	FaultAltered FaultKind = "altered"
	// FaultMissing: an entry of that number is not there, but later ones are.
	FaultMissing FaultKind = "missing"
	// FaultUnreadable: the entry is no longer text that can be read.
	FaultUnreadable FaultKind = "unreadable"
	// FaultEnd: the log does not end where it is recorded to end: entries were cut off, or put on.
	FaultEnd FaultKind = "end"
	// FaultRewritten: the chain fits and is not the one that a checkpoint has signed: entries were written anew.
	FaultRewritten FaultKind = "rewritten"
	// FaultSignature: the signature of a checkpoint does not hold.
	FaultSignature FaultKind = "signature"
)

// Fault is the first place of a log that does not fit.
type Fault struct {
	Log   string // audit, account/<id>, accounts or checkpoint/<number>
	Entry int64  // number of the entry, 0 where it is about the log as a whole
	Kind  FaultKind
}

// AuditCheck is what following a part of the audit log found.
type AuditCheck struct {
	Links []ChainLink // of the entries that fit, in order
	Done  bool        // the end was reached, or a fault
	Fault *Fault
}

// LogsCheck is what following some accounts' logs found.
type LogsCheck struct {
	Last     string // the account that was looked at last
	Accounts int64  // with a log
	Entries  int64
	Logs     []AccountLog // that have an entry; of one with a fault what is before it
	Faults   []Fault      // the first one of each log that has one
	Done     bool         // there are no more accounts
}

// AccountLog is the chain of one account's log.
type AccountLog struct {
	AccountID string
	Links     []PlacedLink // in order, and so are their positions
}

// PlacedLink is a link and where it stands among the entries of all logs.
type PlacedLink struct {
	ChainLink
	Position int64
}

// EndAt is where the log ended when the last entry of any log had that position, whatever was written since; number 0
// if it had no entry yet.
func (l AccountLog) EndAt(position int64) LogEnd {
	later, _ := slices.BinarySearchFunc(l.Links, position+1, func(p PlacedLink, at int64) int { return cmp.Compare(p.Position, at) })
	if later == 0 {
		return LogEnd{AccountID: l.AccountID}
	}
	return LogEnd{l.AccountID, l.Links[later-1].ChainLink}
}

// LogEnd is where the log of an account ends.
type LogEnd struct {
	AccountID string
	ChainLink
}

// AuditProof is what the logs were at one moment.
type AuditProof struct {
	Entries  int64  // of the audit log
	Hash     []byte // of its last entry, empty if there is none
	Position int64  // of the last entry of any account's log
	Accounts int64  // with a log
	Digest   []byte // over the ends of their logs
}

// Checkpoint is a proof with an instant and a signature.
type Checkpoint struct {
	Number int64 // 1, 2, 3 …
	At     time.Time
	AuditProof
	KeyID     string
	Signature []byte
}

// EndsDigest makes one hash over the ends of many logs. They are to be added in the order of their accounts.
type EndsDigest struct {
	Accounts int64
	hash     hash.Hash
	text     []byte // room for what is hashed next
}

// NewEndsDigest returns the digest of no log.
func NewEndsDigest() *EndsDigest { return &EndsDigest{hash: sha256.New()} }

// Add adds the end of one log.
func (d *EndsDigest) Add(e LogEnd) {
	d.Accounts++
	text := binary.BigEndian.AppendUint64(d.text[:0], uint64(len(e.AccountID)))
	text = append(text, e.AccountID...)
	text = binary.BigEndian.AppendUint64(text, uint64(e.Number)) //nolint:gosec // counted from 1
	text = append(text, e.Hash...)
	_, _ = d.hash.Write(text) // never fails
	d.text = text
}

// Sum is the digest of what was added.
func (d *EndsDigest) Sum() []byte { return d.hash.Sum(nil) }
