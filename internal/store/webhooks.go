package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// WebhookState says whether a webhook is delivered to.
type WebhookState string

const (
	WebhookEnabled  WebhookState = "enabled"
	WebhookDisabled WebhookState = "disabled"
)

// Webhook is an address of an account service that hears of changes.
type Webhook struct {
	ID          string
	URL         string
	Description string
	Types       []string // of events; empty: all
	State       WebhookState
	Reason      string // why it is disabled: a code
	CreatedAt   time.Time
	CreatedBy   string    // id of the API key
	ChangedAt   time.Time // of State
	Health      WebhookHealth
}

// WebhookHealth is how a webhook's deliveries went of late. The zero value is good health.
type WebhookHealth struct {
	FailingSince  time.Time // first failure since the last success
	LastFailureAt time.Time
	PausedUntil   time.Time // nothing is claimed before
}

// WebhookSecret is one signing secret of a webhook. The store sees no secret in clear.
type WebhookSecret struct {
	ID        string // of the command that made it
	Sealed    []byte
	CreatedAt time.Time
	EndsAt    time.Time // zero while it is the newest one
}

// WebhookSecretName is what the seal of a webhook's secret is bound to: one that is moved to another webhook does not open.
func WebhookSecretName(webhookID, secretID string) string {
	return "webhook/" + webhookID + "/" + secretID
}

// WebhookChange changes a webhook; nil leaves a field as it is.
type WebhookChange struct {
	Description *string
	Types       *[]string
	State       *WebhookState
	Reason      string // for State disabled
	At          time.Time
}

// DeliveryState is where one delivery stands.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"   // to be tried, now or later
	DeliveryDelivered DeliveryState = "delivered" // the receiver answered 2xx
	DeliveryFailed    DeliveryState = "failed"    // given up after the last try
)

// Announcement is what one log entry becomes: a message with an id that is always the same for it.
type Announcement struct {
	MessageID string
	Type      string
}

// Announce says what a log entry becomes; false if nobody is told of it.
type Announce func(lifecycle.Change) (Announcement, bool)

// Delivery is one message on its way to one webhook.
type Delivery struct {
	ID        int64 // grows with the time of creation
	WebhookID string
	MessageID string
	Type      string
	AccountID string // empty for a test
	Seq       int64  // of the log entry, 0 for a test
	State     DeliveryState
	Attempts  int
	CreatedAt time.Time
	DueAt     time.Time // of the next try; zero when there is none, or another message of the account goes first
	LastAt    time.Time // of the last try
	Status    int       // HTTP status of the last try, 0 if there was no answer
	Fault     string    // class of the last try's failure
}

// Claimed is a delivery that this process may try until its claim ends, with the entry that it tells of.
type Claimed struct {
	Delivery
	Entry lifecycle.Change // zero for a test
}

// Claim takes due deliveries of one webhook.
type Claim struct {
	WebhookID string
	Token     string    // of the claimant; results are taken only under it
	Now       time.Time // deliveries due by then
	Until     time.Time // whatever is not recorded by then may be claimed again
	Limit     int
}

// DeliveryResult is what became of one claimed delivery.
type DeliveryResult struct {
	ID      int64
	Token   string        // of the claim
	State   DeliveryState // pending: to be tried again at DueAt
	Counted bool          // it was a try; false: it was broken off, by us
	At      time.Time
	DueAt   time.Time
	Status  int
	Fault   string
}

// WebhookOutcome is how a webhook fared in a batch of results.
type WebhookOutcome struct {
	WebhookID string
	Health    WebhookHealth
	Disable   string // reason to disable it for, "" to leave it
	At        time.Time
}

// DeliveryFilter selects deliveries for a list, newest first.
type DeliveryFilter struct {
	WebhookID string
	State     DeliveryState // empty: all
	Before    int64         // id of the last delivery of the page before, 0 for the first page
	Limit     int           // 1 to 500
}

// LogPlace is a place in the order in which the log was recorded.
type LogPlace struct {
	RecordedAt time.Time
	Position   int64
}

// LogRange is a part of the log by time of recording, from From on and before To, after a place.
type LogRange struct {
	From, To time.Time
	After    LogPlace // where the page before ended; zero for the first
	Limit    int      // entries to look at, 1 to 1000
}

// Backlog is what is not delivered yet.
type Backlog struct {
	Oldest  time.Time // recording of the oldest log entry that is not fanned out, zero if there is none
	Pending int       // deliveries that are not finished
}

// Webhooks holds the addresses that hear of changes, and the queue of deliveries to them. Of an account's messages to
// one webhook at most one has a DueAt: the next waits until the one before is delivered or given up.
type Webhooks interface {
	// PutWebhook writes a new webhook with its first secret. The same id again writes nothing and answers the webhook as it
	// stands; ErrConflict if more than most exist that are not disabled.
	PutWebhook(ctx context.Context, w Webhook, secret WebhookSecret, most int) (Webhook, error)
	Webhook(ctx context.Context, id string) (Webhook, error)
	// AllWebhooks lists every webhook, oldest first.
	AllWebhooks(ctx context.Context) ([]Webhook, error)
	// ChangeWebhook changes a webhook. ErrNotFound, or ErrConflict if it would enable more than most.
	ChangeWebhook(ctx context.Context, id string, c WebhookChange, most int) (Webhook, error)
	// RotateWebhookSecret makes a secret the newest one; those before it end at overlap at the latest. The same secret id
	// again writes nothing.
	RotateWebhookSecret(ctx context.Context, id string, s WebhookSecret, overlap time.Time) error
	// WebhookSecrets returns the newest secrets that have not ended by now, newest first, three at most.
	WebhookSecrets(ctx context.Context, id string, now time.Time) ([]WebhookSecret, error)

	// FanOut turns up to limit log entries, oldest first, into deliveries to the webhooks that are enabled and want them,
	// exactly once each. It returns how many entries it took.
	FanOut(ctx context.Context, announce Announce, now time.Time, limit int) (int, error)
	// Redeliver queues again, for one webhook, the entry of an account. ErrNotFound if there is no such entry or nobody is
	// told of it. A delivery that is pending is tried at once.
	Redeliver(ctx context.Context, webhookID, accountID string, seq int64, announce Announce, now time.Time) error
	// RedeliverRange does so for the entries of a range that the webhook wants; next is zero when the range is done.
	RedeliverRange(ctx context.Context, webhookID string, r LogRange, announce Announce, now time.Time) (queued int, next LogPlace, err error)
	// PutTestDelivery queues a message that tells of nothing. The same message id again changes nothing.
	PutTestDelivery(ctx context.Context, webhookID string, a Announcement, now time.Time) error
	// ClaimDeliveries takes due deliveries of an enabled webhook, the longest due first.
	ClaimDeliveries(ctx context.Context, c Claim) ([]Claimed, error)
	// RecordDeliveries writes what became of claimed deliveries. A result under a claim that was lost is passed over.
	RecordDeliveries(ctx context.Context, results []DeliveryResult, outcomes []WebhookOutcome) error
	Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	Backlog(ctx context.Context) (Backlog, error)
	// ForgetDeliveries deletes deliveries that were finished before an instant, and pending ones of disabled webhooks that
	// are as old; up to limit of each. It returns how many.
	ForgetDeliveries(ctx context.Context, before time.Time, limit int) (int, error)
}
