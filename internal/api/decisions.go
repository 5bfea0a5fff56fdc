package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const maxBatchIDs = 1000

type decisionIn struct {
	Action string `json:"action" example:"create_label" doc:"An action that a published policy declares."`
	At     string `json:"at,omitempty" format:"date-time" doc:"Another instant, past or future. The answer is hypothetical and nothing is recorded."`
	Basis  string `json:"basis,omitempty" enum:"did,would" doc:"With at: answer from what was recorded by then (did) or from what is known now (would, the default)."`
}

type batchIn struct {
	Action     string   `json:"action"`
	AccountIDs []string `json:"account_ids" nullable:"false" minItems:"1" maxItems:"1000"`
}

type batchView struct {
	Decisions []batchItem `json:"decisions" nullable:"false" doc:"In the order asked."`
}

// batchItem is a decision, or why there is none.
type batchItem struct {
	AccountID string `json:"account_id"`
	*Decided
	Problem *Problem `json:"problem,omitempty"`
}

type refusedView struct {
	AccountID string   `json:"account_id"`
	Problem   *Problem `json:"problem"`
}

// Schema tells huma that it is one or the other.
func (batchItem) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{schemaOf[decisionView](r), schemaOf[refusedView](r)}}
}

type loginIn struct {
	LoginID string `json:"login_id,omitempty" doc:"The platform's own id of this login: the same login is never counted twice. Without it, every request is a login."`
}

type loginView struct {
	Decision decisionView `json:"decision"`
	Prompt   promptView   `json:"prompt"`
}

type promptView struct {
	Show     bool          `json:"show" doc:"Show the prompt to the merchant."`
	Number   *int          `json:"number" doc:"The how manyth prompt of the account it is; null if it could not be counted in time."`
	Level    *string       `json:"level" enum:"notice,warning,final,enforced" doc:"By the days left: more than 7, up to 7, up to 1, past."`
	Deadline *time.Time    `json:"deadline"`
	DaysLeft *int          `json:"days_left" doc:"Begun days until the deadline; 0 from then on."`
	Message  *gate.Message `json:"message"`
	Link     *string       `json:"link" doc:"Where the merchant goes on: the page of your site that is configured (pages.prompt_link), null without one."`
}

// TransformSchema tells huma that message may be null.
func (promptView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "message")
	return s
}

func (s *Server) decisionRoutes() {
	gateCodes := []Code{CodeUnknownAction, CodeClockSkew}
	handle(s, operation{
		id: "decide", method: http.MethodPost, path: "/v1/accounts/{account_id}/decisions", tag: tagDecisions,
		summary: "May this account do that?",
		words: "Answers from the policies in force at the instant and the facts recorded before it. If the answer cannot be known, it is a 503 and never a guess: " +
			"whether to go on without an answer is for the caller to decide beforehand.",
		scopes: []Scope{DecisionsRead}, codes: gateCodes,
	}, s.decide)
	handle(s, operation{
		id: "decide-batch", method: http.MethodPost, path: "/v1/decisions:batch", tag: tagDecisions,
		summary: "Ask for many accounts at once",
		words:   "Up to 1000 accounts, answered in the order asked. An account that is not known has a problem instead of a decision.",
		scopes:  []Scope{DecisionsRead}, reach: ReachOwn, codes: gateCodes, maxBody: maxBatch,
	}, s.decideBatch)
	handle(s, operation{
		id: "report-login", method: http.MethodPost, path: "/v1/accounts/{account_id}/logins", tag: tagDecisions,
		summary: "Report a login and get the prompt to show",
		words:   "Decides for the action login. An account that has to be prompted gets the prompt with its number. A login never fails or hangs because a prompt cannot be counted. The merchant of a closed account is not prompted.",
		scopes:  []Scope{VerificationsWrite}, codes: gateCodes,
	}, s.login)
}

func (s *Server) decide(ctx context.Context, c *call, in decisionIn) (int, decisionView, error) {
	var f faults
	f.matches("action", in.Action, actionPattern, "must be an action name of a-z 0-9 _", "应为由 a-z 0-9 _ 组成的操作名称")
	var at time.Time
	if in.At != "" {
		at = f.instantOf("at", in.At)
	}
	basis := store.Basis(in.Basis)
	switch {
	case in.Basis != "" && in.At == "":
		f.add("basis", "not_allowed", "needs at", "需要同时提供 at")
	case in.Basis == "":
		basis = store.Would
	case basis != store.Did && basis != store.Would:
		f.add("basis", "not_allowed", "must be did or would", "应为 did 或 would")
	}
	if err := f.err(); err != nil {
		return 0, decisionView{}, err
	}
	var answer gate.Answer
	var err error
	if in.At == "" {
		answer, err = s.cfg.Gate.Decide(ctx, c.account, in.Action)
	} else {
		answer, err = s.cfg.Gate.DecideAt(ctx, c.account, in.Action, at, basis)
	}
	if err != nil {
		return 0, decisionView{}, err
	}
	return http.StatusOK, viewDecision(answer), nil
}

func (s *Server) decideBatch(ctx context.Context, c *call, in batchIn) (int, batchView, error) {
	var f faults
	f.matches("action", in.Action, actionPattern, "must be an action name of a-z 0-9 _", "应为由 a-z 0-9 _ 组成的操作名称")
	if len(in.AccountIDs) == 0 {
		f.required("account_ids")
	}
	if len(in.AccountIDs) > maxBatchIDs {
		return 0, batchView{}, tooLarge("account_ids", "account_ids ", strconv.Itoa(maxBatchIDs))
	}
	if err := f.err(); err != nil {
		return 0, batchView{}, err
	}
	outcomes, err := s.decideOwn(ctx, c.key.Accounts, in)
	if err != nil {
		return 0, batchView{}, err
	}
	view := batchView{Decisions: make([]batchItem, len(outcomes))}
	for i, o := range outcomes {
		item := &view.Decisions[i]
		if o.Err != nil {
			item.Problem = problemOf(o.Err).localised(c.lang)
			if contract.CheckAccountID(in.AccountIDs[i]) == nil { // whatever else was sent is not repeated; the order tells
				item.AccountID = in.AccountIDs[i]
			}
			continue
		}
		d := viewDecision(o.Answer)
		item.AccountID, item.Decided = d.AccountID, &d.Decided
	}
	return http.StatusOK, view, nil
}

// decideOwn asks for the accounts that the key may reach. The others are answered as if they were not there.
func (s *Server) decideOwn(ctx context.Context, set store.AccountSet, in batchIn) ([]gate.Outcome, error) {
	if !set.Bound() {
		return s.cfg.Gate.DecideBatch(ctx, in.AccountIDs, in.Action)
	}
	outcomes := make([]gate.Outcome, len(in.AccountIDs))
	var own []string
	var places []int
	for i, id := range in.AccountIDs {
		if set.Has(id) {
			own, places = append(own, id), append(places, i)
		} else {
			outcomes[i].Err = store.ErrNotFound
		}
	}
	asked, err := s.cfg.Gate.DecideBatch(ctx, own, in.Action)
	for i, o := range asked {
		outcomes[places[i]] = o
	}
	return outcomes, err
}

func (s *Server) login(ctx context.Context, c *call, in loginIn) (int, loginView, error) {
	if in.LoginID != "" && !evidencePattern.MatchString(in.LoginID) {
		var f faults
		f.add("login_id", "form", evidenceFmt, evidenceZh)
		return 0, loginView{}, f.err()
	}
	answer, err := s.cfg.Gate.Decide(ctx, c.account, "login")
	if err != nil {
		return 0, loginView{}, err
	}
	view := loginView{Decision: viewDecision(answer)}
	if answer.Effect == policy.Allow || answer.Closed {
		return http.StatusOK, view, nil
	}
	level, days := urgency(answer)
	message := answer.Message
	view.Prompt = promptView{
		Show: true, Level: &level, DaysLeft: days, Deadline: instant(answer.Deadline), Message: &message,
		Number: s.count(ctx, c, in.LoginID, level, answer),
	}
	if s.cfg.PromptLink != nil {
		view.Prompt.Link = orNil(s.cfg.PromptLink(c.account))
	}
	return http.StatusOK, view, nil
}

// count numbers a prompt, nil if the engine does not do it in time. The same login is counted once even if the first
// answer to it came too late.
func (s *Server) count(ctx context.Context, c *call, loginID, level string, a gate.Answer) *int {
	if loginID == "" {
		loginID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(c.change)).String()
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.LoginWait)
	defer cancel()
	result, err := s.cfg.Engine.Login(ctx, c.account, contract.Login{
		LoginID: loginID, Level: level, Policy: a.PolicyName, PolicyVersion: a.PolicyVersion, Rule: a.RuleID,
		Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: c.key.ID},
	})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.cfg.Logger.WarnContext(ctx, "prompt was not counted in time", "code", problemOf(err).Code, "error", err)
		}
		return nil
	}
	return &result.Number
}

// urgency is the level of a prompt and how many begun days are left; nil if there is no deadline.
func urgency(a gate.Answer) (level string, days *int) {
	level, n := policy.Urgency(a.Deadline, a.At)
	if a.Deadline.IsZero() {
		return level, nil
	}
	return level, &n
}
