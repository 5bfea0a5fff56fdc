// Package store is the port of the read model and the log: what the API, the gate and the activities need of a
// database, in the words of the domain. Package sqlstore satisfies it, package storetest checks whoever does.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

var (
	// ErrNotFound means that no such row exists.
	ErrNotFound = errors.New("store: not found")
	// ErrUnavailable wraps whatever keeps the database from answering (locked, full, lost): retry later.
	ErrUnavailable = errors.New("store: unavailable")
	// ErrConflict means that an immutable thing was to be written differently (a published policy version, a key).
	ErrConflict = errors.New("store: conflict")
	// ErrInvalid means that a caller passed what the store cannot hold: an empty id, an instant outside the years
	// 1678 to 2261, a log entry without its detail. A retry does not mend it.
	ErrInvalid = errors.New("store: invalid")
)

// Store is everything. Consumers declare the part that they need.
type Store interface {
	Accounts
	Audit
	Log
	Details
	Hints
	Policies
	Decisions
	Idempotency
	Keys
	Links
	Operators
	Notices
	Prompts
	Webhooks
	Extensions
	Versions
	Restrictions
	Sweeps
	Campaigns
	Lists
	Figures
	Reviews
	Evidences
	Erasures
	// Now is the database's clock: the instants of decisions and recorded_at come from here.
	Now(ctx context.Context) (time.Time, error)
	Ping(ctx context.Context) error
	Close() error
}

// Account is an account's facts with the version they are recorded under.
type Account struct {
	policy.Account
	Version    int
	RecordedAt time.Time
}

// PutResult says what a registration did.
type PutResult string

const (
	Created   PutResult = "created"
	Updated   PutResult = "updated"
	Unchanged PutResult = "unchanged"
)

// PutAccount registers an account or records a new version of its facts. A zero ClosedAt says nothing about
// closing: it never reopens an account.
type PutAccount struct {
	Account policy.Account
	Actor   lifecycle.Actor
	Reason  string // required by callers when kind, region or registration time of a known account change
	// Import is written to the log together with the account: a draft of import_approved or import_verified with its
	// ChangeID. The same ChangeID again changes nothing.
	Import *lifecycle.Change
}

// PutOutcome is what became of one PutAccount of a batch. Err is ErrConflict, ErrInvalid or a *lifecycle.Refusal
// of the import; then nothing of that one was written, and the others were.
type PutOutcome struct {
	Account Account
	Result  PutResult
	Err     error
}

// Facts is what a decision needs, from one indexed read.
type Facts struct {
	Account  policy.Account
	Standing lifecycle.Standing
	Seq      int64
	// Extensions are the approved ones, by instant of approval. One that was revoked ends with its revocation.
	Extensions []policy.Extension
	// PoliciesRevision as of the same read, so that a cached policy set is known to be the one in force. Zero from
	// FactsAt.
	PoliciesRevision int64
}

// Basis chooses what a question about another instant knows.
type Basis string

const (
	// Did answers from what was recorded by that instant: what the gate said, or would have said then.
	Did Basis = "did"
	// Would answers from what is recorded now, as far as it was in effect at that instant.
	Would Basis = "would"
)

// Accounts holds the facts of accounts, as versions.
type Accounts interface {
	// PutAccount writes a new version if a fact differs. With allowChange false it returns ErrConflict instead of
	// changing kind, region or registration time of a known account.
	PutAccount(ctx context.Context, p PutAccount, allowChange bool) (Account, PutResult, error)
	// PutAccounts does the same for many, in one transaction, and answers in the order given.
	PutAccounts(ctx context.Context, puts []PutAccount, allowChange bool) ([]PutOutcome, error)
	Account(ctx context.Context, id string) (Account, error)
	Facts(ctx context.Context, id string) (Facts, error)
	// FactsOf answers in the order asked; an unknown account has a zero Facts (empty Account.ID).
	FactsOf(ctx context.Context, ids []string) ([]Facts, error)
	// FactsAt answers for another instant. ErrNotFound with Did when the account was not yet recorded.
	FactsAt(ctx context.Context, id string, at time.Time, basis Basis) (Facts, error)
	// FactsAfter answers for the accounts after one and up to another, by account id: up to limit (1 to 10,000) of them.
	// An empty last has no end.
	FactsAfter(ctx context.Context, after, last string, limit int) ([]Facts, error)
	// Split returns ids that part the accounts into about equal ranges, ascending: the last id of every range but the
	// last. There are fewer where there are few accounts.
	Split(ctx context.Context, ranges int) ([]string, error)
}

// Filter selects verifications, by account id; empty fields do not filter. Lists for people are ListAccounts.
type Filter struct {
	State lifecycle.State
	After string // account id of the last row of the page before
	Limit int    // 1 to 500
}

// Log holds every account's append-only log and its fold.
type Log interface {
	// Append writes log entries, projection, attempts, leases, consents and outbox rows in one transaction. Drafts
	// that do not fit the state are refused with lifecycle.ErrBrokenLog; ErrNotFound if the account is not registered;
	// a *lifecycle.Refusal for what a closed account cannot have any more.
	Append(ctx context.Context, a lifecycle.Append) (lifecycle.AppendResult, error)
	// AppendAll does what Append does for many, in one transaction and as if one after the other, and answers in the order
	// given. ErrConflict means that nothing of all of them was written.
	AppendAll(ctx context.Context, appends []lifecycle.Append) ([]AppendAnswer, error)
	// Head returns the fold of the whole log. ErrNotFound if the account is not registered.
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
	// Heads answers in the order asked; an unknown account has a zero Verification (empty AccountID).
	Heads(ctx context.Context, accountIDs []string) ([]lifecycle.Verification, error)
	// Events returns up to limit (1 to 1000) entries after a sequence number, oldest first.
	Events(ctx context.Context, accountID string, after int64, limit int) ([]Entry, error)
	// Written returns the entries of one append, ErrNotFound if it was never written.
	Written(ctx context.Context, accountID, changeID string) ([]lifecycle.Change, error)
	Verifications(ctx context.Context, f Filter) ([]lifecycle.Verification, error)
	// VerifiedElsewhere reports whether another account's real-name information with the same identity digest is
	// accepted: it is approved, verified, or anywhere between the two.
	VerifiedElsewhere(ctx context.Context, accountID, digest string) (bool, error)
	// Lease finds a QR lease and the account it belongs to.
	Lease(ctx context.Context, leaseID string) (accountID string, lease lifecycle.Lease, err error)
	// Attempt finds an attempt and the account it belongs to.
	Attempt(ctx context.Context, attemptID string) (accountID string, attempt lifecycle.Attempt, err error)
	// Changed returns a channel that gets a value, coalesced, after entries were appended to the account's log by
	// this or (within a second) another process. It is closed when ctx ends. Subscribe first, then read.
	Changed(ctx context.Context, accountID string) (<-chan struct{}, error)
}

// AppendAnswer is what became of one append of several. Err is what keeps this one from being written, whatever becomes
// of the others: ErrNotFound, ErrInvalid, lifecycle.ErrBrokenLog or a *lifecycle.Refusal.
type AppendAnswer struct {
	lifecycle.AppendResult
	Err error
}

// Entry is a log entry with the instant at which the database recorded it.
type Entry struct {
	lifecycle.Change
	RecordedAt time.Time
}

// Hints are news that prove nothing: the phone came back from the provider, so ask now.
type Hints interface {
	// MarkReturned remembers the first return of an attempt. ErrNotFound if there is no such attempt.
	MarkReturned(ctx context.Context, attemptID string, at time.Time) error
	// Returned gets the instant of the first return, zero if there was none.
	Returned(ctx context.Context, attemptID string) (time.Time, error)
	// ReturnedChanged works like Changed, for MarkReturned.
	ReturnedChanged(ctx context.Context, attemptID string) (<-chan struct{}, error)
}

// Block is a refusal as it is remembered: the first one of an account under a rule and version, and how often since.
type Block struct {
	AccountID, Action, PolicyName, RuleID, Reason string
	PolicyVersion                                 int
	Since, At                                     time.Time
	Receipt                                       string
	Observed                                      bool // would have blocked, under an observing rule
}

// Decisions remembers refusals.
type Decisions interface {
	// RecordBlock writes the first block of a key; first is false if it was there.
	RecordBlock(ctx context.Context, b Block) (first bool, err error)
	// CountBlocks adds repeats, in one transaction.
	CountBlocks(ctx context.Context, repeats map[BlockKey]int) error
	Blocks(ctx context.Context, accountID string) ([]CountedBlock, error)
	// ObservedRules counts what observing rules of a policy would have blocked, by version, rule and action.
	ObservedRules(ctx context.Context, policyName string) ([]ObservedRule, error)
	// Observed returns what observing rules of a policy would have blocked, in the order of ObservedPlace.
	Observed(ctx context.Context, f ObservedFilter) ([]CountedBlock, error)
}

// BlockKey identifies a remembered refusal.
type BlockKey struct {
	AccountID, Action, PolicyName, RuleID string
	PolicyVersion                         int
	Observed                              bool
}

// Key is what a block is remembered under.
func (b Block) Key() BlockKey {
	return BlockKey{
		AccountID: b.AccountID, Action: b.Action, PolicyName: b.PolicyName, RuleID: b.RuleID,
		PolicyVersion: b.PolicyVersion, Observed: b.Observed,
	}
}

// CountedBlock is a remembered refusal with the number of its repeats.
type CountedBlock struct {
	Block
	Repeats int
}

// SavedResponse is the first answer given under an Idempotency-Key.
type SavedResponse struct {
	BodyHash string
	Status   int // 0 while the first request is still running
	Header   map[string]string
	Body     []byte
	SavedAt  time.Time
}

// Idempotency remembers answers for at least a day.
type Idempotency interface {
	// BeginRequest claims key for a body. claimed is true for the first caller; otherwise saved is what the first one
	// left (Status 0: still running or died before answering; then the caller may run again, commands being idempotent).
	BeginRequest(ctx context.Context, key, bodyHash string, now time.Time) (saved SavedResponse, claimed bool, err error)
	// FinishRequest saves the answer of a claimed key; the first answer stays. ErrNotFound if nobody claimed it.
	FinishRequest(ctx context.Context, key string, r SavedResponse) error
	// ForgetRequests deletes what was saved before an instant and returns how many.
	ForgetRequests(ctx context.Context, before time.Time) (int, error)
}

// Key is an API key; only a hash of its secret is stored.
type Key struct {
	ID        string
	Hash      []byte // sha256 of the secret (256 random bits, so a plain hash suffices)
	Label     string
	Scopes    []string
	Accounts  AccountSet // that it may reach; set once, by PutKey of a new key
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	Disabled  bool

	// Old are secrets from before a rotation that may still open. PutKey leaves them alone.
	Old []OldSecret

	LastUsedAt time.Time // to the minute; zero: never. PutKey leaves it alone.
}

// OldSecret is a secret from before a rotation: it opens before an instant.
type OldSecret struct {
	Hash  []byte
	Until time.Time
}

// MaxOldSecrets bounds the old secrets of a key. Beyond it those that end first end at once.
const MaxOldSecrets = 4

// KeyChange changes a key.
type KeyChange struct {
	ExpiresAt time.Time // zero: it stays
	Disable   bool      // for good
	Hash      []byte    // of another secret; nil: it stays
	At        time.Time // with Hash: now
	OldUntil  time.Time // with Hash: until when the present secret opens as well; not after At, every old one ends now
}

// Keys holds API keys.
type Keys interface {
	// PutKey writes a key, or the label, scopes, expiry and Disabled of a known one. Another hash is ErrConflict.
	PutKey(ctx context.Context, k Key) error
	Key(ctx context.Context, id string) (Key, error)
	AllKeys(ctx context.Context) ([]Key, error)
	// ChangeKey returns the key before and after.
	ChangeKey(ctx context.Context, id string, c KeyChange) (before, after Key, err error)
	// TouchKey moves LastUsedAt forward.
	TouchKey(ctx context.Context, id string, at time.Time) error
}
