package store

import (
	"context"
	"time"
)

// NoticeState is what became of a notice. The strings are stored.
type NoticeState string

const (
	NoticePending   NoticeState = "pending"    // to be sent, now or at NextAt
	NoticeSending   NoticeState = "sending"    // somebody sends it, or did and nobody knows whether it was taken
	NoticeSent      NoticeState = "sent"       // the provider took it
	NoticeDelivered NoticeState = "delivered"  // and says that it arrived
	NoticeFailed    NoticeState = "failed"     // it will not arrive; Code says why
	NoticeNoContact NoticeState = "no_contact" // nobody knows where to send it
	NoticeOutdated  NoticeState = "outdated"   // it ceased to be true before it could be sent
	NoticeOff       NoticeState = "off"        // no provider is configured
)

// NoticeStates lists every state.
func NoticeStates() []NoticeState {
	return []NoticeState{
		NoticePending, NoticeSending, NoticeSent, NoticeDelivered, NoticeFailed, NoticeNoContact, NoticeOutdated, NoticeOff,
	}
}

// ChannelSMS is the one channel of notices so far.
const ChannelSMS = "sms"

// Notice is one reminder to one merchant by one channel. It is written together with the remind entry of the log that
// it belongs to, and holds no number and no text.
type Notice struct {
	ID        string // derived from the entry; also the provider's reference of ours
	AccountID string
	Seq       int64 // of the remind entry
	Channel   string
	Policy    string
	Rule      string
	Milestone string
	Deadline  time.Time
	NoticeOutcome
	Attempts    int
	AttemptedAt time.Time // when the last attempt began, zero before the first
	CreatedAt   time.Time
	ChangedAt   time.Time
}

// NoticeOutcome is what an attempt came to.
type NoticeOutcome struct {
	State      NoticeState
	Code       string    // why, as the provider or we name it; never a text
	ProviderID string    // the provider's id of the message
	NextAt     time.Time // when to try again; zero: it is settled
}

// NoticeTry is an attempt on a notice: the number of those before it as the caller saw it, or with it and what it came to.
type NoticeTry struct {
	ID       string
	Attempts int
	NoticeOutcome
}

// Notices holds contacts and what became of reminders.
type Notices interface {
	// PutContact remembers where a merchant's contact lies in the vault and returns the reference that it replaces, ""
	// if there was none. ErrNotFound if the account is not registered.
	PutContact(ctx context.Context, accountID, ref string) (replaced string, err error)
	// Contact returns the reference, ErrNotFound if there is none.
	Contact(ctx context.Context, accountID string) (ref string, err error)
	// Contacts returns the references of some accounts, without those that have none.
	Contacts(ctx context.Context, accountIDs []string) (map[string]string, error)
	// DeleteContact forgets the reference; one that is not there is no error.
	DeleteContact(ctx context.Context, accountID string) error
	// OpenNotices returns up to limit (1 to 1,000) notices of a policy whose NextAt has come, the longest waiting first.
	OpenNotices(ctx context.Context, policy string, now time.Time, limit int) ([]Notice, error)
	Notice(ctx context.Context, id string) (Notice, error)
	// NoticesOf returns an account's notices, oldest first.
	NoticesOf(ctx context.Context, accountID string) ([]Notice, error)
	// OpenNoticesOf returns the notices of some accounts that are not settled, by account and oldest first.
	OpenNoticesOf(ctx context.Context, accountIDs []string) ([]Notice, error)
	// BeginNotices claims the next attempts on open notices, in one transaction: of several who saw the same number of
	// attempts, one gets true. A notice is NoticeSending then, and comes up again at retry unless SettleNotices says
	// otherwise. The outcomes are not read.
	BeginNotices(ctx context.Context, tries []NoticeTry, now, retry time.Time) ([]bool, error)
	// SettleNotices writes outcomes, in one transaction, each if nobody has begun another attempt meanwhile.
	SettleNotices(ctx context.Context, tries []NoticeTry, now time.Time) ([]bool, error)
	// ReportNotice writes what the provider says of the arrival of a notice that was sent: NoticeDelivered or
	// NoticeFailed. Others, and a second report, change nothing.
	ReportNotice(ctx context.Context, id string, o NoticeOutcome, now time.Time) (bool, error)
	// Reminded returns, of some accounts, those whose log has an append of this change id.
	Reminded(ctx context.Context, changeID string, accountIDs []string) (map[string]bool, error)
}

// PromptEvent is what a merchant did with a login prompt.
type PromptEvent string

const (
	PromptShown     PromptEvent = "shown"
	PromptDismissed PromptEvent = "dismissed"
	PromptActed     PromptEvent = "acted" // went on to the verification
)

// PromptEvents lists every event.
func PromptEvents() []PromptEvent { return []PromptEvent{PromptShown, PromptDismissed, PromptActed} }

// Prompt is one counted login prompt with what is known of it.
type Prompt struct {
	Number  int
	At      time.Time
	Level   string
	Policy  string
	Version int
	Rule    string
	Events  map[PromptEvent]time.Time // the first of each kind
}

// Prompts holds what merchants did with login prompts; the prompts themselves are entries of the log.
type Prompts interface {
	// PutPromptEvent remembers the first event of its kind; first is false if there was one. ErrNotFound if the account
	// has no prompt of this number.
	PutPromptEvent(ctx context.Context, accountID string, number int, event PromptEvent, at time.Time) (first bool, err error)
	// Prompts returns up to limit (1 to 500) prompts after a number, by number.
	Prompts(ctx context.Context, accountID string, after, limit int) ([]Prompt, error)
}
