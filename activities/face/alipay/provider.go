package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/verigate/verigate/activities/face"
)

const (
	providerName = "alipay.certify"

	// attemptTTL: a certify_id can be passed for 23 hours (Alipay support, 2020).
	attemptTTL = 23 * time.Hour
	// resultTTL: results can be queried for three months; the shortest three
	// months in a row have 89 days.
	resultTTL = 89 * 24 * time.Hour

	maxName  = 50 // characters of cert_name
	maxDocNo = 30 // characters of cert_no

	opStart  = "start"
	opLaunch = "launch"
	opQuery  = "query"
)

// Deps are what a Provider needs from the process.
type Deps struct {
	// Now is the clock of timestamps and of the quota. Required. It must run; a
	// clock that stands still never refills the quota.
	Now func() time.Time
	// Transport carries the calls and must honour httptrace, as *http.Transport
	// does: that is how a lost start is told from one never sent. Nil makes one.
	Transport http.RoundTripper
	// Logger gets one line a call: operation, codes, order number, nothing
	// personal. Nil is silence.
	Logger *slog.Logger
}

// Provider implements face.Provider for Alipay.
type Provider struct {
	cfg      Config
	keys     keys
	verifier verifier
	now      func() time.Time
	client   *http.Client
	quota    *rate.Limiter
	log      *slog.Logger
}

// New returns a provider, or every fault of cfg and deps.
func New(cfg Config, deps Deps) (*Provider, error) {
	k, keyFaults := loadKeys(cfg)
	faults := append(cfg.faults(), keyFaults...)
	if deps.Now == nil {
		faults = append(faults, errors.New("alipay: deps.now is required"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if cfg.PageGateway == "" {
		cfg.PageGateway = cfg.Gateway
	}
	if deps.Transport == nil {
		deps.Transport = newTransport()
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	limit := rate.Inf
	if cfg.RatePerSecond > 0 {
		limit = rate.Limit(cfg.RatePerSecond)
	}
	return &Provider{
		cfg: cfg, keys: k, verifier: verifier{key: k.alipay, certSN: k.alipayCertSN},
		now: deps.Now, client: newClient(deps.Transport),
		quota: rate.NewLimiter(limit, cfg.Burst), log: deps.Logger.With("provider", providerName),
	}, nil
}

// newTransport keeps enough idle connections for a burst of polls.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// Close drops idle connections. Calls in flight are not disturbed.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Name implements face.Provider.
func (p *Provider) Name() string { return providerName }

// Capabilities implements face.Provider.
func (p *Provider) Capabilities() face.Capabilities {
	return face.Capabilities{
		AttemptTTL: attemptTTL,
		ResultTTL:  resultTTL,
		MinPoll:    p.cfg.MinPoll,
		DocTypes:   docTypes(),
	}
}

func docTypes() []face.DocType { return []face.DocType{face.DocCNID} }

// Start implements face.Provider with initialize.
func (p *Provider) Start(ctx context.Context, r face.StartRequest) (face.Session, error) {
	class, code := r.Check(docTypes())
	if class == nil {
		class, code = checkSubject(r.Subject)
	}
	if class != nil {
		return face.Session{}, p.refuse(opStart, class, code)
	}
	started := p.now()
	a, err := p.call(ctx, methodInitialize, opStart, r.OrderNo, newInitialize(p.cfg.BizCode, r), checkInitialized)
	if err != nil {
		return face.Session{}, err
	}
	id, _ := a.text("certify_id")
	return face.Session{
		Ref:       face.Ref{ProviderRef: id, OrderNo: r.OrderNo},
		StartedAt: started,
		ExpiresAt: started.Add(attemptTTL),
		ResultBy:  started.Add(resultTTL),
	}, nil
}

// checkInitialized is the contentCheck of initialize.
func checkInitialized(a answer) (class, code error) {
	if id, ok := a.text("certify_id"); !ok || !validCertifyID(id) {
		return face.ErrSignature, errWrongNode
	}
	return nil, nil
}

// checkSubject adds Alipay's limits. Numbers of residence permits look like
// identity cards but are another cert_type, which works in the app only.
func checkSubject(s face.Subject) (class error, code string) {
	for _, prefix := range []string{"810000", "820000", "830000"} {
		if strings.HasPrefix(s.DocNo, prefix) {
			return face.ErrUnsupported, face.CodeDocType
		}
	}
	if utf8.RuneCountInString(s.Name) > maxName {
		return face.ErrUserInput, face.CodeSubjectName
	}
	if !docNo.MatchString(s.DocNo) || len(s.DocNo) > maxDocNo {
		return face.ErrUserInput, face.CodeSubjectDoc
	}
	return nil, ""
}

var (
	docNo     = regexp.MustCompile(`^[0-9A-Za-z]+$`)
	certifyID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
)

func validCertifyID(id string) bool { return certifyID.MatchString(id) }

// Launch implements face.Provider; it makes no call.
func (p *Provider) Launch(_ context.Context, ref face.Ref, o face.LaunchOptions) (face.Launch, error) {
	if !validCertifyID(ref.ProviderRef) {
		return face.Launch{}, p.refuse(opLaunch, face.ErrUnknownRef, "certify_id_invalid")
	}
	if !face.ValidReturnURL(o.ReturnURL) {
		return face.Launch{}, p.refuse(opLaunch, face.ErrConfig, face.CodeReturnURL)
	}
	at := o.At
	if at.IsZero() {
		at = p.now()
	}
	params, err := p.signed(methodCertify, certifyIDContent{ref.ProviderRef}, o.ReturnURL, at)
	if err != nil {
		return face.Launch{}, p.refuse(opLaunch, face.ErrConfig, "sign")
	}
	page := pageURL(p.cfg.PageGateway, params)
	return face.Launch{
		QRContent: page, WebURL: page, DeepLink: deepLink(page),
		FreshTill: at.Add(p.cfg.LaunchFresh),
	}, nil
}

// Query implements face.Provider with query. "F" is face.StateNotPassed.
func (p *Provider) Query(ctx context.Context, ref face.Ref) (face.Outcome, error) {
	if !validCertifyID(ref.ProviderRef) {
		return face.Outcome{}, p.refuse(opQuery, face.ErrUnknownRef, "certify_id_invalid")
	}
	a, err := p.call(ctx, methodQuery, opQuery, ref.OrderNo, certifyIDContent{ref.ProviderRef}, checkQueried(ref.ProviderRef))
	if err != nil {
		return face.Outcome{}, err
	}
	out := face.Outcome{
		State: face.StatePending, Code: face.SafeCode(a.code), CheckedAt: p.now(),
		EvidenceID: ref.ProviderRef, Digest: a.digest,
	}
	if a.code == codeSuccess {
		out.State = face.StateNotPassed
		if passed(a.fields["passed"]) == "T" {
			out.State = face.StatePassed
		}
	}
	return out, nil
}

// checkQueried is the contentCheck of query for one order.
func checkQueried(certifyID string) contentCheck {
	return func(a answer) (class, code error) {
		// Today's answers do not repeat the id; if one does, it must be ours.
		if _, present := a.fields["certify_id"]; present {
			if id, _ := a.text("certify_id"); id != certifyID {
				return face.ErrSignature, errOtherOrder
			}
		}
		raw, present := a.fields["passed"]
		if !present {
			return face.ErrSignature, errWrongNode
		}
		if value := passed(raw); value != "T" && value != "F" {
			return face.ErrConfig, errPassedValue
		}
		return nil, nil
	}
}

// passed reads "T" and, as the official SDK's types and one sample have it, ["T"].
func passed(raw json.RawMessage) string {
	if s, ok := textOf(raw); ok {
		return s
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
		return list[0]
	}
	return ""
}
