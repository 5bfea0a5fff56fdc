package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

// identityView is who the real-name information of record is of, as far as everybody of the operator may see it.
type identityView struct {
	AccountID    string  `json:"account_id"`
	Known        bool    `json:"known" doc:"There is information of record. An imported standing may have none."`
	Revision     int     `json:"revision" doc:"Counts the times that information was saved."`
	DocumentType *string `json:"document_type" enum:"cn_id"`
	Name         *string `json:"name" example:"张*三" doc:"The name with its middle hidden."`
	Number       *string `json:"number" example:"110***********1234" doc:"The document's number with its middle hidden."`
}

type attemptsListView struct {
	AccountID string            `json:"account_id"`
	Attempts  []attemptItemView `json:"attempts" nullable:"false" doc:"Oldest first; the newest 500 at most."`
}

// attemptItemView is one attempt with its clocks.
type attemptItemView struct {
	ID         string      `json:"id"`
	Number     int         `json:"number" doc:"1, 2, 3 … of the account."`
	Provider   string      `json:"provider"`
	OrderNo    string      `json:"order_no" doc:"Our number of the order at the provider, to ask the provider about it."`
	Revision   int         `json:"revision" doc:"Of the real-name information."`
	Generation int         `json:"generation" doc:"Of the consent."`
	Counts     bool        `json:"counts" doc:"A pass would verify: it is of the present information and consent."`
	StartedAt  time.Time   `json:"started_at"`
	EndsAt     time.Time   `json:"ends_at" doc:"Until then the provider accepts the face. A QR code may end much earlier."`
	ResultBy   time.Time   `json:"result_by" doc:"Until then the provider answers questions about it."`
	Watched    bool        `json:"watched" doc:"The provider is still asked: it may pass late, also after it failed."`
	ReturnedAt *time.Time  `json:"returned_at" doc:"When the phone came back from the provider, which proves nothing."`
	Result     *string     `json:"result" enum:"passed,failed"`
	ResultAt   *time.Time  `json:"result_at"`
	Leases     []leaseView `json:"leases" nullable:"false" doc:"The QR codes that were shown for it, oldest first."`
}

type leaseView struct {
	ID        string     `json:"id"`
	IssuedAt  time.Time  `json:"issued_at"`
	ExpiresAt time.Time  `json:"expires_at" doc:"The instant from which the code no longer works."`
	ScannedAt *time.Time `json:"scanned_at"`
}

type consentsView struct {
	AccountID string            `json:"account_id"`
	Consents  []consentItemView `json:"consents" nullable:"false" doc:"Oldest first; the newest 500 at most."`
	Refusals  []consentItemView `json:"refusals" nullable:"false" doc:"When a text was refused: the first time of each version and Beijing day. That there is no second one shows that nobody was asked again."`
}

type consentItemView struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind" enum:"face-separate,provide-to-third-party,sensitive-id,id-pictures"`
	TextVersion  string     `json:"text_version" doc:"Of the text that was shown; GET /v1/consent-texts/{version} shows it."`
	TextSHA256   *string    `json:"text_sha256" doc:"Digest of that text; null for a consent from before digests were kept."`
	Language     string     `json:"language" doc:"It was shown in."`
	ShownAt      *time.Time `json:"shown_at"`
	AgreedAt     time.Time  `json:"agreed_at" doc:"Of a refusal: when it was refused."`
	Action       *string    `json:"action" enum:"ticked,stated,declined" doc:"How: a box that was ticked, stated by an account service, declined."`
	Channel      *string    `json:"channel" doc:"Where: page: and the page, or api."`
	By           *string    `json:"by" doc:"Id of the API key, or link: and that of the link."`
	Processor    *string    `json:"processor" doc:"Who asked for it."`
	EndedAt      *time.Time `json:"ended_at" doc:"When it was withdrawn, or ended with a revocation; null while it is in force."`
	EndedVia     *string    `json:"ended_via" enum:"page,api,revoke"`
	SupersededBy *string    `json:"superseded_by" doc:"Id of the next consent of the same kind."`
	Generation   int        `json:"generation"`
	HasEvidence  bool       `json:"has_evidence" doc:"Address and browser of the agreement lie in the vault."`
}

type blocksView struct {
	AccountID string      `json:"account_id"`
	Blocks    []blockView `json:"blocks" nullable:"false" doc:"Oldest first."`
}

// blockView is a refusal of the gate as it is remembered.
type blockView struct {
	Action        string     `json:"action"`
	Policy        string     `json:"policy"`
	PolicyVersion int        `json:"policy_version"`
	Rule          string     `json:"rule"`
	Reason        string     `json:"reason"`
	Since         *time.Time `json:"since" doc:"From when the rule blocks."`
	At            time.Time  `json:"at" doc:"Of the first refusal."`
	Repeats       int        `json:"repeats" doc:"How often it was refused again. Counted within seconds."`
	Observed      bool       `json:"observed" doc:"It would have been refused by a rule under observation, and was not."`
	Receipt       *string    `json:"receipt" doc:"Signed proof of the first refusal."`
}

func (s *Server) accountDetailRoutes() {
	get := func(id, what, summary, words string, scopes ...Scope) operation {
		return operation{
			id: id, method: http.MethodGet, path: "/v1/accounts/{account_id}/" + what, tag: tagOperations, summary: summary, words: words, scopes: scopes,
		}
	}
	handle(s, get("account-identity", "identity", "Whose real-name information it is, masked",
		"Type, name and number of the document of record with their middle hidden.", VerificationsRead, IdentitiesRead), s.identity)
	handle(s, get("account-attempts", "attempts", "List an account's attempts", "Every face verification with its clocks and QR codes.",
		VerificationsRead, AuditRead), s.attempts)
	handle(s, get("account-consents", "consents", "List an account's consents", "What was agreed to, when, and when it ended; and what was refused.",
		VerificationsRead, AuditRead), s.consents)
	handle(s, get("account-blocks", "blocks", "List what the gate refused an account",
		"The first refusal of each action by each rule and version, with its receipt, and how often since.", DecisionsRead, AuditRead), s.blocks)
}

func (s *Server) identity(ctx context.Context, c *call, _ none) (int, identityView, error) {
	view := identityView{AccountID: c.account}
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	view.Revision = head.Revision
	if head.Identity == nil {
		return http.StatusOK, view, nil
	}
	subject, err := s.cfg.Vault.Subject(ctx, c.account, head.Identity.Ref)
	if errors.Is(err, vault.ErrNotFound) { // deleted as the law wants it, or not yet there again after a restore
		return http.StatusOK, view, nil
	}
	if err != nil {
		return 0, view, err
	}
	view.Known = true
	view.DocumentType, view.Name, view.Number = orNil(string(subject.DocType())), orNil(subject.MaskedName()), orNil(subject.MaskedNumber())
	return http.StatusOK, view, nil
}

func (s *Server) attempts(ctx context.Context, c *call, _ none) (int, attemptsListView, error) {
	view := attemptsListView{AccountID: c.account, Attempts: []attemptItemView{}}
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.AttemptsOf(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	watched := map[string]bool{}
	for _, a := range head.Watched(c.now) {
		watched[a.ID] = true
	}
	for _, a := range all {
		item := viewAttempt(a, zone)
		item.Counts, item.Watched = head.Counts(a.Attempt), watched[a.ID]
		view.Attempts = append(view.Attempts, item)
	}
	return http.StatusOK, view, nil
}

func viewAttempt(a store.AttemptRecord, zone *time.Location) attemptItemView {
	item := attemptItemView{
		ID: a.ID, Number: a.Number, Provider: a.Provider, OrderNo: a.OrderNo, Revision: a.Revision, Generation: a.Generation,
		StartedAt: a.StartedAt.In(zone), EndsAt: a.EndsAt.In(zone), ResultBy: a.ResultBy.In(zone), ReturnedAt: instantIn(a.ReturnedAt, zone),
		Result: orNil(string(a.Result)), ResultAt: instantIn(a.ResultAt, zone), Leases: []leaseView{},
	}
	for _, l := range a.Leases {
		item.Leases = append(item.Leases, leaseView{l.ID, l.IssuedAt.In(zone), l.ExpiresAt.In(zone), instantIn(l.ScannedAt, zone)})
	}
	return item
}

func (s *Server) consents(ctx context.Context, c *call, _ none) (int, consentsView, error) {
	view := consentsView{AccountID: c.account, Consents: []consentItemView{}, Refusals: []consentItemView{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.ConsentsOf(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	for _, r := range all {
		view.Consents = append(view.Consents, viewConsent(r, zone))
	}
	notes, err := s.cfg.Store.ConsentNotes(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	for _, n := range notes {
		item := viewConsent(store.ConsentRecord{Consent: n.Consent}, zone)
		if n.Answer == store.AnswerRefused {
			view.Refusals = append(view.Refusals, item)
			continue
		}
		view.Consents = append(view.Consents, item)
	}
	slices.SortStableFunc(view.Consents, func(a, b consentItemView) int { return a.AgreedAt.Compare(b.AgreedAt) })
	return http.StatusOK, view, nil
}

func viewConsent(r store.ConsentRecord, zone *time.Location) consentItemView {
	item := consentItemView{
		ID: r.ID, Kind: string(r.Of()), TextVersion: r.TextVersion, TextSHA256: orNil(r.TextSHA256), Language: r.Language,
		ShownAt: instantIn(r.ShownAt, zone), AgreedAt: r.AgreedAt.In(zone), Action: orNil(r.Action), Channel: orNil(r.Channel), By: orNil(r.By),
		EndedAt: instantIn(r.EndedAt, zone), EndedVia: orNil(string(r.EndedVia)), SupersededBy: orNil(r.SupersededBy),
		Generation: r.Generation, HasEvidence: r.EvidenceRef != "",
	}
	if r.Processor != nil {
		item.Processor = orNil(r.Processor.Name)
	}
	return item
}

func (s *Server) blocks(ctx context.Context, c *call, _ none) (int, blocksView, error) {
	view := blocksView{AccountID: c.account, Blocks: []blockView{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.Blocks(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	for _, b := range all {
		view.Blocks = append(view.Blocks, blockView{
			Action: b.Action, Policy: b.PolicyName, PolicyVersion: b.PolicyVersion, Rule: b.RuleID, Reason: b.Reason, Since: instantIn(b.Since, zone),
			At: b.At.In(zone), Repeats: b.Repeats, Observed: b.Observed, Receipt: orNil(b.Receipt),
		})
	}
	return http.StatusOK, view, nil
}
