package face

import (
	"context"
	"time"
)

// Provider is one remote face-verification service. Implementations are safe for
// concurrent use and never retry by themselves: when to ask again is the
// workflow's decision, because only it knows what a repetition costs.
type Provider interface {
	// Name is a stable identifier for records and metrics, such as "alipay.certify".
	Name() string

	// Capabilities says what this service can and cannot tell.
	Capabilities() Capabilities

	// Start makes one order. It is NOT idempotent: one call spends one order
	// number, which is never used again, whatever came back. After
	// [ErrUncertain] the order may exist; drop the number and take a new one.
	// Without a ConsentID it is refused before anything leaves the process.
	Start(ctx context.Context, r StartRequest) (Session, error)

	// Launch builds what the page shows for an order that exists. It may be
	// called again for the same order, for example when FreshTill has passed.
	Launch(ctx context.Context, ref Ref, o LaunchOptions) (Launch, error)

	// Query asks for the state of an order: the only source of truth, safe to
	// repeat. Once an order is too old it fails with [ErrRefExpired].
	Query(ctx context.Context, ref Ref) (Outcome, error)
}

// Capabilities describes a service, so that callers branch on what it can do and
// not on its name.
type Capabilities struct {
	AttemptTTL          time.Duration // how long a started order can still be passed
	ResultTTL           time.Duration // how long after Start a result can surely still be queried
	MinPoll             time.Duration // shortest sensible gap between two queries of one order
	DistinguishesUndone bool          // it tells "not finished" from "refused"; if not, see StateNotPassed
	ReportsReason       bool          // Outcome.Reason is filled on refusal
	DocTypes            []DocType     // identity documents that Start accepts
}

// StartRequest asks for one order.
type StartRequest struct {
	AttemptID string  // our attempt, for logs; not sent
	OrderNo   string  // see ValidOrderNo; unique over the provider's lifetime
	Subject   Subject // who must be in front of the camera
	ReturnURL string  // absolute http(s) URL the phone is sent to afterwards; "" for none. Token in the path, no query
	ConsentID string  // record of the separate agreement to face processing; required
}

// Ref names an order at the provider.
type Ref struct {
	ProviderRef string // the provider's own id
	OrderNo     string // ours
}

// Session is a started order. Instants are of the adapter's clock.
type Session struct {
	Ref       Ref
	StartedAt time.Time // taken before the call, so that the two ends below are never late
	ExpiresAt time.Time // StartedAt + AttemptTTL: after it the person can no longer pass
	ResultBy  time.Time // StartedAt + ResultTTL: until it Query answers
}

// LaunchOptions vary one launch.
type LaunchOptions struct {
	ReturnURL string    // for an order started without one: at Alipay the one given at Start prevails
	At        time.Time // instant the launch is made for; zero means now
}

// Launch is what a page needs to get a person to the provider.
type Launch struct {
	QRContent string    // text of the QR code
	DeepLink  string    // opens the provider's app from a browser on the same phone; "" if there is none
	WebURL    string    // plain link
	FreshTill time.Time // rebuild after this instant
}
