package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// maxExtension bounds an extension; a longer one is another policy.
const maxExtension = 366 * 24 * time.Hour

type extensionIn struct {
	Until  string `json:"until" format:"date-time" doc:"The extension ends at this instant; at most 366 days from now."`
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"For the approver. Kept in the vault."`
	Rule   string `json:"rule,omitempty" doc:"The rule to extend; left out, every rule."`
}

// approvalIn is why somebody approves.
type approvalIn struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
}

// refusalIn is why somebody rejects or revokes.
type refusalIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
}

type extensionBatchIn struct {
	BatchID string `json:"batch_id" doc:"Of the import."`
	Count   *int   `json:"count,omitempty" doc:"How many extensions you expect to decide. Another number is refused, so that nothing is decided that was added after you looked."`
	Reason  string `json:"reason" doc:"A code."`
}

type extensionView struct {
	ID          string              `json:"id"`
	AccountID   string              `json:"account_id"`
	Rule        *string             `json:"rule" doc:"The rule that is extended; null for every rule."`
	Until       time.Time           `json:"until" doc:"The extension ends at this instant, if it is not revoked before."`
	State       string              `json:"state" enum:"requested,approved,rejected,revoked,lapsed" doc:"lapsed: its end passed while it was requested or approved."`
	BatchID     *string             `json:"batch_id"`
	RequestedAt time.Time           `json:"requested_at"`
	GrantedAt   *time.Time          `json:"granted_at" doc:"When it was approved. It counts from then on."`
	RevokedAt   *time.Time          `json:"revoked_at" doc:"When it was revoked. It no longer counts from then on."`
	Steps       []extensionStepView `json:"steps" nullable:"false" doc:"Who did what, when and why; oldest first."`
}

type extensionStepView struct {
	State      string    `json:"state" enum:"requested,approved,rejected,revoked"`
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Actor      actorView `json:"actor"`
	Reason     *string   `json:"reason"`
	HasNote    bool      `json:"has_note" doc:"Free text lies in the vault."`
}

type extensionsView struct {
	Extensions []extensionView `json:"extensions" nullable:"false" doc:"By instant of request."`
	Cursor     *string         `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type extensionBatchView struct {
	BatchID string `json:"batch_id"`
	Decided int    `json:"decided" doc:"Extensions that were decided now."`
	Left    int    `json:"left" doc:"Extensions of the batch that are in another state: decided before, or lapsed."`
}

func (s *Server) extensionRoutes() {
	page := []parameter{
		{name: "cursor", words: "Where the page before ended, from its answer."},
		{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
	}
	filters := append([]parameter{
		{name: "state", words: "Only this state, as of now.", values: names(store.ExtensionStates())},
		{name: "rule", words: "Only extensions of this rule."}, {name: "batch_id", words: "Only extensions of this batch."},
	}, page...)
	readers := []Scope{ExtensionsWrite, PoliciesApprove, AuditRead}
	handle(s, operation{
		id: "request-extension", method: http.MethodPost, path: "/v1/accounts/{account_id}/extensions", tag: tagExtensions,
		summary: "Request an extension",
		words: "Asks for a later enforcement instant for one account. It takes a block away, never a prompt, and ends by itself; " +
			"nothing counts before another key has approved it. Where the server is configured to need no second approver, a key with the scope policies:approve grants at once.",
		scopes: []Scope{ExtensionsWrite, PoliciesApprove}, answers: map[int]string{http.StatusCreated: "Requested."}, codes: []Code{CodeAccountClosed},
	}, s.requestExtension)
	handle(s, operation{
		id: "account-extensions", method: http.MethodGet, path: "/v1/accounts/{account_id}/extensions", tag: tagExtensions,
		summary: "List an account's extensions", words: "With every step.", scopes: readers, query: page,
	}, s.listExtensions)
	handle(s, operation{
		id: "list-extensions", method: http.MethodGet, path: "/v1/extensions", tag: tagExtensions,
		summary: "List extensions", words: "Page by page, in the order in which they were requested. A cursor is good for the filters it was made with.",
		scopes: readers, reach: ReachOwn, query: filters, codes: []Code{CodeValidationFailed},
	}, s.listExtensions)
	handle(s, operation{
		id: "get-extension", method: http.MethodGet, path: "/v1/extensions/{extension_id}", tag: tagExtensions,
		summary: "Look at an extension", words: "With every step.", scopes: readers, reach: ReachOwn, codes: []Code{CodeExtensionNotFound},
	}, s.getExtension)
	decision := func(id, verb, summary, words string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/extensions/{extension_id}/" + verb, tag: tagExtensions, summary: summary,
			words:  words + " By another key than the one that requested it. The same key saying the same again changes nothing.",
			scopes: []Scope{PoliciesApprove}, reach: ReachOwn, codes: []Code{CodeExtensionNotFound, CodeExtensionDecided, CodeSecondApprover},
		}
	}
	handle(s, decision("approve-extension", "approve", "Approve an extension", "It counts from now on."),
		func(ctx context.Context, c *call, in approvalIn) (int, extensionView, error) {
			return s.decideExtension(ctx, c, store.ExtensionApproved, in.Reason, in.Note)
		})
	handle(s, decision("reject-extension", "reject", "Reject an extension", "It never counts."), s.refuseExtension(store.ExtensionRejected))
	handle(s, decision("revoke-extension", "revoke", "Revoke an extension", "It was approved and no longer counts from now on."),
		s.refuseExtension(store.ExtensionRevoked))
	s.extensionBatchRoutes()
}

func (s *Server) extensionBatchRoutes() {
	for _, b := range []struct {
		verb, summary, words string
		to                   store.ExtensionState
	}{
		{"approve", "Approve a batch of extensions", "Every extension of the batch that is still requested counts from now on.", store.ExtensionApproved},
		{"reject", "Reject a batch of extensions", "Every extension of the batch that is still requested is refused.", store.ExtensionRejected},
		{"revoke", "Revoke a batch of extensions", "Every extension of the batch that is approved no longer counts from now on.", store.ExtensionRevoked},
	} {
		handle(s, operation{
			id: b.verb + "-extension-batch", method: http.MethodPost, path: "/v1/extensions:" + b.verb, tag: tagExtensions, summary: b.summary,
			words: b.words + " By another key than those that requested them. Doing it again decides what is left.", scopes: []Scope{PoliciesApprove}, reach: ReachOwn,
			codes: []Code{CodeExtensionNotFound, CodeExtensionDecided, CodeSecondApprover},
		}, func(ctx context.Context, c *call, in extensionBatchIn) (int, extensionBatchView, error) {
			return s.decideBatchOfExtensions(ctx, c, b.to, in)
		})
	}
	s.extensionImportRoute()
}

func (s *Server) requestExtension(ctx context.Context, c *call, in extensionIn) (int, extensionView, error) {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, extensionView{}, err
	}
	rules, err := s.cfg.Gate.Rules(ctx)
	if err != nil {
		return 0, extensionView{}, err
	}
	var f faults
	until := f.extension(in.Until, in.Rule, rules, c.now)
	if in.Reason == "" {
		f.required("reason")
	}
	f.freeText("reason", in.Reason)
	f.freeText("note", in.Note)
	c.changed("", in.Reason, nil, nil)
	if err := f.err(); err != nil {
		return 0, extensionView{}, err
	}
	if err := s.openAccount(ctx, c); err != nil {
		return 0, extensionView{}, err
	}
	said, err := s.explain(ctx, c.account, in.Reason, in.Note)
	if err != nil {
		return 0, extensionView{}, err
	}
	outcomes, err := s.cfg.Store.RequestExtensions(ctx, []store.ExtensionRequest{{
		ID: extensionID("request", c.change), AccountID: c.account, RuleID: in.Rule, Until: until, At: c.now,
		Actor: s.actor(c, lifecycle.ActorOperator), Reason: said.stored(), Approved: s.cfg.OneApprover && allows(c.key.Scopes, PoliciesApprove),
	}})
	if err == nil {
		err = outcomes[0].Err
	}
	if err != nil {
		s.forget(ctx, c.account, said.ref)
		return 0, extensionView{}, err
	}
	e := outcomes[0].Extension
	c.changed("extension/"+e.ID, e.Steps[0].Reason, nil, seeExtension(e, zone, c.now))
	if e.Steps[0].Reason != said.stored() { // an earlier try of the same request brought an explanation of its own
		s.forget(ctx, c.account, said.ref)
	}
	if e.Recorded() == store.ExtensionApproved {
		s.settle(ctx, c.account)
	}
	return http.StatusCreated, viewExtension(e, zone, c.now), nil
}

// extensionID derives an id, so that a repeated request or line names the same extension.
func extensionID(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("verigate/extension/"+strings.Join(parts, "\n"))).String()
}

// extension checks what every request for an extension has.
func (f *faults) extension(until, rule string, rules []string, now time.Time) time.Time {
	at := f.instantOf("until", until)
	if !at.IsZero() && (!at.After(now) || at.Sub(now) > maxExtension) {
		f.add("until", "out_of_range", "must lie in the future, at most 366 days from now", "应晚于当前时间，且不超过 366 天")
	}
	if rule != "" && !slices.Contains(rules, rule) {
		f.add("rule", "not_known", "must be a rule in force; see GET /v1/policies", "应为当前生效的规则，可通过 GET /v1/policies 查看")
	}
	return at
}

func (s *Server) decideExtension(ctx context.Context, c *call, to store.ExtensionState, reason, note string) (int, extensionView, error) {
	var f faults
	f.freeText("reason", reason)
	f.freeText("note", note)
	if err := f.err(); err != nil {
		return 0, extensionView{}, err
	}
	known, err := s.extension(ctx, c)
	if err != nil {
		return 0, extensionView{}, extensionProblem(err, c.now, known)
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, extensionView{}, err
	}
	before := seeExtension(known, zone, c.now)
	said, err := s.explain(ctx, known.AccountID, reason, note)
	if err != nil {
		return 0, extensionView{}, err
	}
	c.changed("extension/"+known.ID, said.code, before, nil)
	e, decided, err := s.cfg.Store.DecideExtension(ctx, c.extension, s.verdict(c, to, said.stored()))
	if !decided {
		s.forget(ctx, known.AccountID, said.ref)
		said.ref = ""
	}
	if err != nil {
		return 0, extensionView{}, extensionProblem(err, c.now, e)
	}
	c.changed("extension/"+e.ID, said.stored(), before, seeExtension(e, zone, c.now))
	if to != store.ExtensionRejected { // also of a verdict that was recorded before: what followed may have been cut off
		s.settle(ctx, e.AccountID)
	}
	return http.StatusOK, viewExtension(e, zone, c.now), nil
}

// extension reads the extension of the path, if it is of an account that the key may reach.
func (s *Server) extension(ctx context.Context, c *call) (store.Extension, error) {
	e, err := s.cfg.Store.Extension(ctx, c.extension)
	if err == nil && !c.key.Accounts.Has(e.AccountID) {
		return store.Extension{}, store.ErrNotFound
	}
	return e, err
}

// refuseExtension rejects or revokes, which takes a reason.
func (s *Server) refuseExtension(to store.ExtensionState) func(context.Context, *call, refusalIn) (int, extensionView, error) {
	return func(ctx context.Context, c *call, in refusalIn) (int, extensionView, error) {
		if in.Reason == "" {
			var f faults
			f.required("reason")
			return 0, extensionView{}, f.err()
		}
		return s.decideExtension(ctx, c, to, in.Reason, in.Note)
	}
}

func (s *Server) verdict(c *call, to store.ExtensionState, reason string) store.ExtensionVerdict {
	return store.ExtensionVerdict{
		To: to, At: c.now, Actor: s.actor(c, lifecycle.ActorOperator), Reason: reason, Alone: s.cfg.OneApprover,
		Within: c.key.Accounts,
	}
}

// extensionProblem says why a verdict was not taken.
func extensionProblem(err error, now time.Time, e store.Extension) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return problem(CodeExtensionNotFound)
	case errors.Is(err, store.ErrSameActor):
		return problem(CodeSecondApprover)
	case errors.Is(err, store.ErrDecided):
		state := string(e.StateAt(now))
		return problem(CodeExtensionDecided).saying(
			"The extension is "+state+". Approve or reject one that is requested; revoke one that is approved.",
			"该延期当前状态为 "+state+"。只能批准或拒绝待审批的延期，只能撤销已批准的延期。")
	default:
		return err
	}
}

func (s *Server) decideBatchOfExtensions(ctx context.Context, c *call, to store.ExtensionState, in extensionBatchIn) (int, extensionBatchView, error) {
	var f faults
	f.matches("batch_id", in.BatchID, versionPattern, versionFmt, versionZh)
	f.matches("reason", in.Reason, codePattern, codeFmt, codeZh)
	expected := store.AnyCount
	if in.Count != nil {
		if expected = *in.Count; expected < 0 {
			f.add("count", "out_of_range", "must be 0 or more", "应为 0 或更大的整数")
		}
	}
	if err := f.err(); err != nil {
		return 0, extensionBatchView{}, err
	}
	c.changed("extension-batch/"+in.BatchID, in.Reason, nil, nil)
	verdict, err := s.cfg.Store.DecideBatch(ctx, in.BatchID, expected, s.verdict(c, to, in.Reason))
	if to != store.ExtensionRejected {
		s.settleAll(verdict.Accounts)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return 0, extensionBatchView{}, problem(CodeExtensionDecided).saying(
			"The batch has another number of extensions to decide than count says. Look at it again, and send the number that you saw.",
			"该批次中待处理的延期数量与 count 不符，请重新查看后再提交。")
	case err != nil:
		return 0, extensionBatchView{}, extensionProblem(err, c.now, store.Extension{})
	}
	c.changed("extension-batch/"+in.BatchID, in.Reason, nil, batchSeen{string(to), len(verdict.Accounts), verdict.Left})
	return http.StatusOK, extensionBatchView{BatchID: in.BatchID, Decided: len(verdict.Accounts), Left: verdict.Left}, nil
}

func (s *Server) getExtension(ctx context.Context, c *call, _ none) (int, extensionView, error) {
	e, err := s.extension(ctx, c)
	if err != nil {
		return 0, extensionView{}, extensionProblem(err, c.now, e)
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, extensionView{}, err
	}
	return http.StatusOK, viewExtension(e, zone, c.now), nil
}

func (s *Server) listExtensions(ctx context.Context, c *call, _ none) (int, extensionsView, error) {
	view := extensionsView{Extensions: []extensionView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	filter := store.ExtensionFilter{
		AccountID: c.account, RuleID: c.query("rule"), BatchID: c.query("batch_id"), State: store.ExtensionState(c.query("state")),
		Now: c.now, Limit: limit, Within: c.key.Accounts,
	}
	scope := "extensions/" + strings.Join([]string{filter.AccountID, filter.RuleID, filter.BatchID, string(filter.State)}, "\n")
	if given := c.query("cursor"); given != "" {
		if filter.After, err = s.openPlace(scope, given); err != nil {
			return 0, view, badCursor()
		}
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	if c.account != "" {
		if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
			return 0, view, err
		}
	}
	rows, err := s.cfg.Store.Extensions(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	for _, e := range rows {
		view.Extensions = append(view.Extensions, viewExtension(e, zone, c.now))
	}
	if len(rows) == limit { // the next page may be empty; to know would be one row more than a page may have
		last := rows[limit-1]
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, last.When(store.ExtensionRequested).Format(time.RFC3339Nano)+" "+last.ID))
	}
	return http.StatusOK, view, nil
}

// openPlace reads a cursor of a list of extensions.
func (s *Server) openPlace(scope, cursor string) (store.ExtensionPlace, error) {
	text, err := s.cfg.Tokens.openCursor(scope, cursor)
	if err != nil {
		return store.ExtensionPlace{}, err
	}
	at, id, _ := strings.Cut(text, " ")
	requested, err := time.Parse(time.RFC3339Nano, at)
	return store.ExtensionPlace{RequestedAt: requested, ID: id}, err
}

func viewExtension(e store.Extension, zone *time.Location, now time.Time) extensionView {
	v := extensionView{
		ID: e.ID, AccountID: e.AccountID, Rule: orNil(e.RuleID), Until: e.Until.In(zone), State: string(e.StateAt(now)), BatchID: orNil(e.BatchID),
		RequestedAt: e.When(store.ExtensionRequested).In(zone), GrantedAt: instantIn(e.When(store.ExtensionApproved), zone),
		RevokedAt: instantIn(e.When(store.ExtensionRevoked), zone), Steps: make([]extensionStepView, len(e.Steps)),
	}
	for i, step := range e.Steps {
		code, noted := told(step.Reason)
		v.Steps[i] = extensionStepView{
			State: string(step.State), At: step.At.In(zone), RecordedAt: step.RecordedAt.In(zone),
			Actor: actorView{string(step.Actor.Kind), orNil(step.Actor.ID)}, Reason: orNil(code), HasNote: noted,
		}
	}
	return v
}
