package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/erasure"
	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// Store is what the API needs of the database.
type Store interface {
	PutAccount(ctx context.Context, p store.PutAccount, allowChange bool) (store.Account, store.PutResult, error)
	PutAccounts(ctx context.Context, puts []store.PutAccount, allowChange bool) ([]store.PutOutcome, error)
	Account(ctx context.Context, id string) (store.Account, error)
	store.Extensions
	store.Versions
	logs
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
	Events(ctx context.Context, accountID string, after int64, limit int) ([]store.Entry, error)
	Written(ctx context.Context, accountID, changeID string) ([]lifecycle.Change, error)
	store.Lists
	Lease(ctx context.Context, leaseID string) (accountID string, lease lifecycle.Lease, err error)
	Attempt(ctx context.Context, attemptID string) (accountID string, attempt lifecycle.Attempt, err error)
	Changed(ctx context.Context, accountID string) (<-chan struct{}, error)
	MarkReturned(ctx context.Context, attemptID string, at time.Time) error
	ObservedRules(ctx context.Context, policyName string) ([]store.ObservedRule, error)
	Observed(ctx context.Context, f store.ObservedFilter) ([]store.CountedBlock, error)
	store.Reviews
	rulebook.DeskStore
	Restrictions(ctx context.Context, accountID string) ([]store.Restriction, error)
	Sweep(ctx context.Context, id string) (store.Sweep, error)
	Sweeps(ctx context.Context, before string, limit int) ([]store.Sweep, error)
	SaveSweep(ctx context.Context, p store.SweepProgress) (store.Sweep, error)
	PutLink(ctx context.Context, l store.Link) (store.Link, error)
	RevokeLinks(ctx context.Context, accountID string, at time.Time) (links, sessions int, err error)
	BeginRequest(ctx context.Context, key, bodyHash string, now time.Time) (saved store.SavedResponse, claimed bool, err error)
	FinishRequest(ctx context.Context, key string, r store.SavedResponse) error
	AccessStore
	Ping(ctx context.Context) error
	PutContact(ctx context.Context, accountID, ref string) (replaced string, err error)
	Contact(ctx context.Context, accountID string) (ref string, err error)
	DeleteContact(ctx context.Context, accountID string) error
	NoticesOf(ctx context.Context, accountID string) ([]store.Notice, error)
	PutPromptEvent(ctx context.Context, accountID string, number int, event store.PromptEvent, at time.Time) (first bool, err error)
	Prompts(ctx context.Context, accountID string, after, limit int) ([]store.Prompt, error)
	store.Details
	Blocks(ctx context.Context, accountID string) ([]store.CountedBlock, error)
	population
	figures.Store
	store.Evidences
	store.Erasures
}

// logs is what the audit log is written to and proved by, and where receipts are found.
type logs interface {
	store.Audit
	Blocks(ctx context.Context, accountID string) ([]store.CountedBlock, error)
}

// population is what previews and reports read of every account.
type population interface {
	impact.Source
	campaign.Source
	campaign.Sweeps
	rulebook.Store
}

// Vault is what the API needs of the vault: it puts in and takes back what was put in for nothing.
type Vault interface {
	PutSubject(ctx context.Context, accountID string, s realname.Subject) (lifecycle.Identity, error)
	PutText(ctx context.Context, accountID string, kind vault.Kind, text string) (ref string, err error)
	Delete(ctx context.Context, accountID, ref string) error
	// Subject is read to be shown masked, or to whom the audit log says; Text opens what reviewers look at.
	Subject(ctx context.Context, accountID, ref string) (realname.Subject, error)
	Text(ctx context.Context, accountID, ref string) (string, error)
	evidence.Vault
	erasure.Vault
}

// Gate answers decisions.
type Gate interface {
	Decide(ctx context.Context, accountID, action string) (gate.Answer, error)
	DecideBatch(ctx context.Context, accountIDs []string, action string) ([]gate.Outcome, error)
	DecideAt(ctx context.Context, accountID, action string, at time.Time, basis store.Basis) (gate.Answer, error)
	Preview(ctx context.Context, accountID string) (store.Facts, map[string]gate.Answer, error)
	Zone(ctx context.Context) (*time.Location, error)
	Rules(ctx context.Context) ([]string, error)
	Outlook(ctx context.Context) (*gate.Outlook, error)
	ReadReceipt(receipt string) (said gate.Receipt, words gate.Message, keyID string, err error)
	PublicKeys() signing.Set
	audit.Seals
}

// Rate is how much one caller may ask for.
type Rate = limit.Rate

// QRContent says what a QR code holds.
type QRContent string

const (
	// QRScanLink: our own link, which marks the scan and leads on to the provider. Opened with a phone's camera or
	// any app that opens web addresses.
	QRScanLink QRContent = "scan_link"
	// QRProviderURL: the provider's address, for apps that open no others. The scan itself is then not seen.
	QRProviderURL QRContent = "provider_url"
)

// Config is what a Server is made of. All fields without a default are required.
type Config struct {
	Store     Store
	Vault     Vault
	Gate      Gate
	Engine    Engine
	Sweeps    Sweeps
	Launcher  Launcher
	Reminders Reminders
	Tokens    *Tokens
	Webhooks  Webhooks
	Now       func() time.Time // the business clock
	Logger    *slog.Logger

	Limits    lifecycle.Limits // attempts and leases; default lifecycle.DefaultLimits
	QRContent QRContent        // default QRScanLink
	Version   string           // of the program, for the OpenAPI document; default "dev"

	Reviews ReviewRules // of the queues of reviewers

	// PublishAlone lets one key bring a policy into force; otherwise another key has to approve it.
	PublishAlone bool
	// Evidence says what a review without a face cannot do without, and how long it is kept.
	Evidence evidence.Rules
	// NeedEvidence refuses to approve a verification without a face while evidence is missing.
	NeedEvidence bool
	// SandboxNumbers are document numbers that are accepted without validation, for a provider's test environment.
	SandboxNumbers []string
	// Settler follows changes of facts and extensions; nil: nothing does before the next sweep.
	Settler Settler
	// Schedules tells what begins by itself; nil: nothing does.
	Schedules Schedules
	// OneApprover lets the key that requested an extension approve it; by default another one has to.
	OneApprover bool
	// PromptLink returns the address that a login prompt leads to; nil leaves it out.
	PromptLink func(accountID string) string
	// Ready names the parts that do not work, each with the cause, and says whether requests are still to be sent here. Nil: all work.
	Ready func(ctx context.Context) (failing map[string]error, usable bool)
	// Payloads opens payloads of workflows for Temporal's web UI; nil: it is not offered.
	Payloads Payloads
	// ProviderHealth tells what this process has seen of the provider; nil: it does not call it.
	ProviderHealth func(zone *time.Location) *figures.ProviderFigures
	// NextSweep tells when the next sweep begins by itself; nil: that is not known here.
	NextSweep func(ctx context.Context) (time.Time, error)
	// Commands bounds the merchant's commands for one account; the merchant pages may share it. Default 1/s and 30 at once.
	Commands *limit.Limiter
	// Processor names, in a language, who asks for consents and answers for what is done under them; nil leaves it out.
	Processor func(language string) lifecycle.Processor
	// ClientIP returns the caller's address, for rates and for the record of consents; default the connection's peer.
	ClientIP func(r *http.Request) string

	LinkLife     time.Duration // of a link to the merchant pages, until it is opened; default 10 min
	KeyAge       time.Duration // for which a key that was read is trusted to be enabled still; default 1 s
	KeyRate      Rate          // requests per API key; default 20,000/s and 40,000 at once
	FailureRate  Rate          // bad keys and bad links per address; default 1/s and 30 at once
	LinkRate     Rate          // opened links per address; default 20/s and 100 at once
	FiguresWait  time.Duration // for figures that are being counted, where there are older ones; default 300 ms
	LiveWait     time.Duration // for a run's own view of itself; default 1.5 s
	LoginWait    time.Duration // for the number of a login prompt; default 1.5 s
	BodyWait     time.Duration // for a request body, or one line of an import; default 20 s
	PingEvery    time.Duration // between comments on a quiet event stream; default 15 s
	StreamFor    time.Duration // until a stream ends and its reader comes again with its key; default 30 min
	MaxStreams   int           // event streams at once; default 10,000
	MaxRefreshes int           // refreshes at once that returning phones ask for; default 32
}

func (c Config) withDefaults() Config {
	if c.Limits == (lifecycle.Limits{}) {
		c.Limits = lifecycle.DefaultLimits()
	}
	set(&c.QRContent, QRScanLink)
	set(&c.Version, "dev")
	if c.ClientIP == nil {
		c.ClientIP = limit.Peer
	}
	set(&c.LinkLife, 10*time.Minute)
	set(&c.KeyAge, time.Second)
	set(&c.KeyRate, Rate{PerSecond: 20_000, Burst: 40_000})
	if c.Commands == nil {
		c.Commands = limit.New(Rate{PerSecond: 1, Burst: 30}, c.Now)
	}
	set(&c.FailureRate, Rate{PerSecond: 1, Burst: 30})
	set(&c.LinkRate, Rate{PerSecond: 20, Burst: 100})
	set(&c.FiguresWait, 300*time.Millisecond)
	set(&c.LiveWait, 1500*time.Millisecond)
	set(&c.LoginWait, 1500*time.Millisecond)
	set(&c.BodyWait, 20*time.Second)
	set(&c.PingEvery, 15*time.Second)
	set(&c.StreamFor, 30*time.Minute)
	set(&c.MaxStreams, 10_000)
	set(&c.MaxRefreshes, 32)
	c.Reviews = c.Reviews.withDefaults()
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
		"Store": c.Store == nil, "Vault": c.Vault == nil, "Gate": c.Gate == nil, "Engine": c.Engine == nil, "Reminders": c.Reminders == nil, "Sweeps": c.Sweeps == nil,
		"Launcher": c.Launcher == nil, "Tokens": c.Tokens == nil, "Webhooks": c.Webhooks == nil, "Now": c.Now == nil, "Logger": c.Logger == nil,
	} {
		if missing {
			return errors.New("api: " + name + " is required")
		}
	}
	if c.QRContent != QRScanLink && c.QRContent != QRProviderURL {
		return errors.New("api: QRContent must be scan_link or provider_url")
	}
	return c.Reviews.validate()
}
