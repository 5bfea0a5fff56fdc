package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

// Store is what the pages need of the database.
type Store interface {
	store.Links
	store.Evidences
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
	Written(ctx context.Context, accountID, changeID string) ([]lifecycle.Change, error)
	Changed(ctx context.Context, accountID string) (<-chan struct{}, error)
	NoteConsent(ctx context.Context, n store.ConsentNote) (first bool, err error)
	ConsentNotes(ctx context.Context, accountID string) ([]store.ConsentNote, error)
}

// Vault is what the pages need of the vault. Subject is read only to be shown masked.
type Vault interface {
	PutSubject(ctx context.Context, accountID string, s realname.Subject) (lifecycle.Identity, error)
	Subject(ctx context.Context, accountID, ref string) (realname.Subject, error)
	PutText(ctx context.Context, accountID string, kind vault.Kind, text string) (ref string, err error)
	evidence.Vault
}

// Engine takes the merchant's commands. It fails as api.Engine does.
type Engine interface {
	Submit(ctx context.Context, accountID, changeID string, in contract.Submit) (contract.Status, error)
	Correct(ctx context.Context, accountID, changeID string, in contract.Correct) (contract.Status, error)
	StartFace(ctx context.Context, accountID, changeID string, in contract.StartFace) (contract.Status, error)
	Refresh(ctx context.Context, accountID, changeID string, in contract.Refresh) (contract.Status, error)
	ChooseManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	CancelManual(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
	WithdrawConsent(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)
}

// Links knows the tokens of links; api.Tokens is one.
type Links interface {
	LinkID(token string) (id string, ok bool)
	ScanURL(leaseID string) string
}

// Launch is how a phone gets to the provider with an attempt.
type Launch struct {
	QR  string // text of a QR code that leads to the provider itself
	App string // opens the provider's app on the same phone, "" if there is none
}

// Launcher prepares launches, freshly signed.
type Launcher interface {
	Open(ctx context.Context, accountID string, attempt lifecycle.Attempt) (Launch, error)
}

// Rules says what right the policy grants to correct approved information.
type Rules interface {
	Correction(ctx context.Context, accountID string, at time.Time) (policy.Correction, error)
}

// Operator is who asks for the real name and answers for it: the processor that the terms name.
type Operator struct {
	NameZh, NameEn string
	Contact        string // mail address or telephone number
}

// Config is what a Server is made of. All fields without a default are required.
type Config struct {
	Store    Store
	Vault    Vault
	Engine   Engine
	Links    Links
	Launcher Launcher
	Rules    Rules
	Now      func() time.Time // the business clock
	Logger   *slog.Logger
	Operator Operator

	Evidence     evidence.Rules   // of the route without a face
	Limits       lifecycle.Limits // default lifecycle.DefaultLimits
	ProviderQR   bool             // the QR code holds the provider's address and not our scan link
	HTTPS        bool             // browsers reach the pages by https: cookies are bound to it
	Sandbox      []string         // document numbers that are accepted without validation
	SessionLife  time.Duration    // default 30 min
	SessionIdle  time.Duration    // without an act of the person; default 15 min
	PingEvery    time.Duration    // on a quiet event stream; default 10 s
	MaxStreams   int              // event streams at once; default 10,000
	RefreshEvery time.Duration    // one session may ask the provider three times at once, then so often; default 2 s
	// Commands bounds the commands for one account; the API may share it. Default 1/s and 30 at once.
	Commands *limit.Limiter
	// ClientIP returns the address that a consent is recorded with; default the connection's peer.
	ClientIP func(r *http.Request) string
	// Told hears how long after a verdict was recorded an open page was led to it; nil: nobody does.
	Told func(verdict lifecycle.State, took time.Duration)
}

func (c Config) withDefaults() Config {
	if c.Limits == (lifecycle.Limits{}) {
		c.Limits = lifecycle.DefaultLimits()
	}
	set(&c.SessionLife, 30*time.Minute)
	set(&c.SessionIdle, 15*time.Minute)
	set(&c.PingEvery, 10*time.Second)
	set(&c.MaxStreams, 10_000)
	set(&c.RefreshEvery, 2*time.Second)
	if c.Commands == nil {
		c.Commands = limit.New(limit.Rate{PerSecond: 1, Burst: 30}, c.Now)
	}
	if c.Told == nil {
		c.Told = func(lifecycle.State, time.Duration) {}
	}
	if c.ClientIP == nil {
		c.ClientIP = limit.Peer
	}
	return c
}

func set[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

func (c Config) validate() error {
	for name, missing := range map[string]bool{
		"Store": c.Store == nil, "Vault": c.Vault == nil, "Engine": c.Engine == nil, "Links": c.Links == nil,
		"Launcher": c.Launcher == nil, "Rules": c.Rules == nil, "Now": c.Now == nil, "Logger": c.Logger == nil,
		"Operator": strings.TrimSpace(c.Operator.NameZh) == "" || strings.TrimSpace(c.Operator.NameEn) == "" || c.Operator.Contact == "",
	} {
		if missing {
			return errors.New("web: " + name + " is required")
		}
	}
	return nil
}
