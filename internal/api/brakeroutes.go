package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
)

type brakeIn struct {
	Rule   string `json:"rule,omitempty" doc:"One rule; left out, every rule of the policy." example:"existing-individuals"`
	Reason string `json:"reason" maxLength:"2000" doc:"Why; kept for good." example:"blocks verified accounts, incident 42"`
}

type brakeView struct {
	Policy string    `json:"policy"`
	Rule   *string   `json:"rule" doc:"Null for every rule of the policy."`
	Since  time.Time `json:"since"`
	Actor  string    `json:"actor" doc:"Id of the API key."`
	Reason string    `json:"reason"`
}

type brakesView struct {
	Brakes []brakeView `json:"brakes" nullable:"false" doc:"What is braked, by policy and rule."`
}

type observedView struct {
	Rules    []observedRuleView    `json:"rules" nullable:"false" doc:"How much each rule would have blocked, by version, rule and action; on the first page only."`
	Accounts []observedAccountView `json:"accounts" nullable:"false" doc:"By account id."`
	Cursor   *string               `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type observedRuleView struct {
	Version   int       `json:"version"`
	Rule      string    `json:"rule"`
	Action    string    `json:"action"`
	Accounts  int       `json:"accounts"`
	Decisions int       `json:"decisions"`
	FirstAt   time.Time `json:"first_at" doc:"Of the first account."`
	LastAt    time.Time `json:"last_at" doc:"Of the last account that joined them."`
}

type observedAccountView struct {
	AccountID string    `json:"account_id"`
	Action    string    `json:"action"`
	Version   int       `json:"version"`
	Rule      string    `json:"rule"`
	FirstAt   time.Time `json:"first_at" doc:"When it would have been blocked for the first time."`
	Decisions int       `json:"decisions" doc:"How often it would have been blocked."`
}

func (s *Server) brakeRoutes() {
	operators := []Scope{PoliciesWrite}
	handle(s, operation{
		id: "brake", method: http.MethodPost, path: "/v1/policies/{name}/brake", tag: tagPolicies,
		summary: "Brake a policy", scopes: operators, codes: []Code{CodePolicyNotFound},
		words: "The emergency brake: from the next decision on, the rules only observe. One person suffices. It holds for whatever " +
			"version is in force, until it is released.",
		answers: map[int]string{http.StatusCreated: "Braked.", http.StatusOK: "It was braked already: nothing was changed."},
	}, s.brake)
	handle(s, operation{
		id: "release", method: http.MethodPost, path: "/v1/policies/{name}/release", tag: tagPolicies,
		summary: "Release a brake", scopes: operators, codes: []Code{CodePolicyNotFound, CodeNotBraked},
		words: "As it was put: the policy as a whole, or the one rule. The answer lists what is still braked of the policy.",
	}, s.release)
	handle(s, operation{
		id: "list-brakes", method: http.MethodGet, path: "/v1/brakes", tag: tagPolicies,
		summary: "List brakes", words: "Those that hold. A policy's history has them all.", scopes: []Scope{DecisionsRead, PoliciesWrite, PoliciesApprove, AuditRead}, reach: ReachNone,
	}, s.listBrakes)
	handle(s, operation{
		id: "observed", method: http.MethodGet, path: "/v1/policies/{name}/observed", tag: tagPolicies,
		summary: "What observing rules would have blocked", scopes: []Scope{PoliciesWrite, PoliciesApprove, AuditRead},
		words: "Of rules in mode observe, and of braked ones. Repeats are counted within seconds.",
		codes: []Code{CodePolicyNotFound, CodeValidationFailed},
		query: []parameter{
			{name: "version", words: "Only this version.", whole: true}, {name: "rule", words: "Only this rule."},
			{name: "cursor", words: "Where the page before ended, from its answer."},
			{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
		},
	}, s.observed)
}

func (s *Server) order(c *call, in brakeIn) (rulebook.Order, error) {
	var f faults
	f.explained("reason", in.Reason)
	c.changed("policy/"+c.r.PathValue("name"), in.Reason, nil, nil)
	return rulebook.Order{Name: c.r.PathValue("name"), RuleID: in.Rule, Actor: c.key.ID, Reason: in.Reason}, f.err()
}

func (s *Server) brake(ctx context.Context, c *call, in brakeIn) (int, brakeView, error) {
	order, err := s.order(c, in)
	if err != nil {
		return 0, brakeView{}, err
	}
	before := s.brakesSeen(ctx, order.Name)
	b, changed, err := s.desk.Brake(ctx, order)
	if err != nil {
		return 0, brakeView{}, err
	}
	c.changed("policy/"+order.Name, order.Reason, before, s.brakesSeen(ctx, order.Name))
	status := http.StatusOK
	if changed {
		status = http.StatusCreated
	}
	return status, viewBrake(b, s.zoneOrUTC(ctx)), nil
}

func (s *Server) release(ctx context.Context, c *call, in brakeIn) (int, brakesView, error) {
	order, err := s.order(c, in)
	if err != nil {
		return 0, brakesView{}, err
	}
	before := s.brakesSeen(ctx, order.Name)
	if err := s.desk.Release(ctx, order); err != nil {
		return 0, brakesView{}, err
	}
	c.changed("policy/"+order.Name, order.Reason, before, s.brakesSeen(ctx, order.Name))
	return s.brakesOf(ctx, order.Name)
}

func (s *Server) listBrakes(ctx context.Context, _ *call, _ none) (int, brakesView, error) {
	return s.brakesOf(ctx, "")
}

// brakesOf lists what is braked, of one policy or of all.
func (s *Server) brakesOf(ctx context.Context, name string) (int, brakesView, error) {
	view := brakesView{Brakes: []brakeView{}}
	held, err := s.desk.Braked(ctx)
	if err != nil {
		return 0, view, err
	}
	zone := s.zoneOrUTC(ctx)
	for _, b := range held {
		if name == "" || b.Name == name {
			view.Brakes = append(view.Brakes, viewBrake(b, zone))
		}
	}
	return http.StatusOK, view, nil
}

// zoneOrUTC is the policy's zone, if there is one to be had: it must not keep anybody from braking.
func (s *Server) zoneOrUTC(ctx context.Context) *time.Location {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return time.UTC
	}
	return zone
}

func viewBrake(b store.Brake, zone *time.Location) brakeView {
	return brakeView{Policy: b.Name, Rule: orNil(b.RuleID), Since: b.EffectiveAt.In(zone), Actor: b.Actor, Reason: b.Reason}
}

func (s *Server) observed(ctx context.Context, c *call, _ none) (int, observedView, error) {
	view := observedView{Rules: []observedRuleView{}, Accounts: []observedAccountView{}}
	filter, scope, err := s.observedFilter(c)
	if err != nil {
		return 0, view, err
	}
	records, err := s.desk.Records(ctx)
	if err != nil {
		return 0, view, err
	}
	if !slices.ContainsFunc(records, func(r rulebook.Record) bool { return r.Name == filter.Name }) {
		return 0, view, problem(CodePolicyNotFound)
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	if filter.After == (store.ObservedPlace{}) {
		if view.Rules, err = s.observedRules(ctx, filter, zone); err != nil {
			return 0, view, err
		}
	}
	limit := filter.Limit
	filter.Limit++
	page, err := s.cfg.Store.Observed(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	if len(page) > limit {
		page = page[:limit]
		last := page[limit-1]
		place, err := json.Marshal(store.ObservedPlace{AccountID: last.AccountID, Action: last.Action, Version: last.PolicyVersion, RuleID: last.RuleID})
		if err != nil {
			return 0, view, err
		}
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, string(place)))
	}
	for _, b := range page {
		view.Accounts = append(view.Accounts, observedAccountView{b.AccountID, b.Action, b.PolicyVersion, b.RuleID, b.At.In(zone), b.Repeats + 1})
	}
	return http.StatusOK, view, nil
}

func (s *Server) observedRules(ctx context.Context, f store.ObservedFilter, zone *time.Location) ([]observedRuleView, error) {
	rules, err := s.cfg.Store.ObservedRules(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	views := []observedRuleView{}
	for _, r := range rules {
		if f.Version != 0 && r.Version != f.Version || f.RuleID != "" && r.RuleID != f.RuleID {
			continue
		}
		views = append(views, observedRuleView{r.Version, r.RuleID, r.Action, r.Accounts, r.Decisions, r.First.In(zone), r.Last.In(zone)})
	}
	return views, nil
}

// observedFilter reads the query. scope is what a cursor of it is good for.
func (s *Server) observedFilter(c *call) (f store.ObservedFilter, scope string, err error) {
	f = store.ObservedFilter{Name: c.r.PathValue("name"), RuleID: c.query("rule")}
	if f.Limit, err = c.limit(standardPage, maxPage); err != nil {
		return f, "", err
	}
	if given := c.query("version"); given != "" {
		if f.Version, err = strconv.Atoi(given); err != nil || f.Version < 1 {
			var faulty faults
			faulty.add("version", "out_of_range", "must be a whole number from 1", "应为从 1 开始的整数")
			return f, "", faulty.err()
		}
	}
	scope = "observed/" + f.Name + "/" + strconv.Itoa(f.Version) + "/" + f.RuleID
	if given := c.query("cursor"); given != "" {
		place, err := s.cfg.Tokens.openCursor(scope, given)
		if err != nil || json.Unmarshal([]byte(place), &f.After) != nil {
			return f, "", badCursor()
		}
	}
	return f, scope, nil
}
