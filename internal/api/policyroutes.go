package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

type policyView struct {
	Name          string       `json:"name"`
	Version       int          `json:"version"`
	State         string       `json:"state" enum:"proposed,scheduled,in_force,superseded,rejected,withdrawn"`
	Digest        string       `json:"digest" doc:"sha256 of the text, hexadecimal."`
	EffectiveFrom time.Time    `json:"effective_from" doc:"From when the version is in force, if no higher one is; of a proposal, from when it is meant to be."`
	RecordedAt    time.Time    `json:"recorded_at" doc:"When it was proposed."`
	Author        string       `json:"author" doc:"Id of the API key that proposed it."`
	Note          string       `json:"note"`
	Rulings       []rulingView `json:"rulings" nullable:"false" doc:"What was decided on it, oldest first."`
	Text          string       `json:"text,omitempty" doc:"The policy as it was proposed, YAML; where one version is read."`
}

type rulingView struct {
	Ruling string    `json:"ruling" enum:"approved,rejected,withdrawn"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"Id of the API key."`
	Reason *string   `json:"reason"`
}

type policiesView struct {
	Policies []policyView `json:"policies" nullable:"false" doc:"Every version, by name and version."`
}

type inForceView struct {
	At       time.Time        `json:"at"`
	Policies []forcePolicyRow `json:"policies" nullable:"false" doc:"By name."`
}

type forcePolicyRow struct {
	Name          string         `json:"name"`
	Version       int            `json:"version"`
	EffectiveFrom time.Time      `json:"effective_from"`
	Digest        string         `json:"digest"`
	Rules         []forceRuleRow `json:"rules" nullable:"false"`
}

type forceRuleRow struct {
	ID     string     `json:"id"`
	Mode   string     `json:"mode" enum:"enforce,observe" doc:"As it is decided by: a brake makes it observe."`
	Braked bool       `json:"braked"`
	Phases []phaseRow `json:"phases" nullable:"false" doc:"Ascending; nothing is asked before the first."`
}

type phaseRow struct {
	From  time.Time `json:"from" doc:"This instant included."`
	Stage string    `json:"stage" enum:"optional,announced,enforced"`
}

type diffView struct {
	Name        string           `json:"name"`
	From        int              `json:"from" doc:"A version."`
	To          int              `json:"to" doc:"A version."`
	Differences []differenceView `json:"differences" nullable:"false" doc:"By path; empty if both mean the same."`
}

type differenceView struct {
	Path string  `json:"path" doc:"As rules.existing-individuals.phases.enforced.from."`
	From *string `json:"from" doc:"Null where only the second version has it."`
	To   *string `json:"to" doc:"Null where only the first version has it."`
}

type policyHistoryView struct {
	Events []policyEventView `json:"events" nullable:"false" doc:"Oldest first."`
}

type policyEventView struct {
	At            time.Time  `json:"at"`
	Act           string     `json:"act" enum:"proposed,approved,rejected,withdrawn,braked,released"`
	Version       *int       `json:"version" doc:"Null for brakes, which hold for every version."`
	Rule          *string    `json:"rule" doc:"The braked rule; null for every rule."`
	EffectiveFrom *time.Time `json:"effective_from"`
	Actor         string     `json:"actor" doc:"Id of the API key."`
	Reason        *string    `json:"reason" doc:"Of a proposal its note."`
}

// versionInForce names a version in a query, beside numbers.
const versionInForce = "in_force"

func (s *Server) policyRoutes() {
	readers := []Scope{DecisionsRead, PoliciesWrite, PoliciesApprove, AuditRead}
	handle(s, operation{
		id: "list-policies", method: http.MethodGet, path: "/v1/policies", tag: tagPolicies,
		summary: "List policies", words: "Every version, proposals too. A version's text never changes.", scopes: readers, reach: ReachNone,
	}, s.listPolicies)
	handle(s, operation{
		id: "policies-in-force", method: http.MethodGet, path: "/v1/policies:in-force", tag: tagPolicies,
		summary: "What is in force at an instant", words: "By all that is known now, with the brakes that held then.", scopes: readers, reach: ReachNone,
		query: []parameter{{name: "at", words: "RFC 3339 with offset; left out, now."}}, codes: []Code{CodeValidationFailed},
	}, s.policiesInForce)
	handle(s, operation{
		id: "get-policy", method: http.MethodGet, path: "/v1/policies/{name}/versions/{version}", tag: tagPolicies,
		summary: "Read a version of a policy", words: "With its text.", scopes: readers, reach: ReachNone, codes: []Code{CodePolicyNotFound},
	}, s.getPolicy)
	handle(s, operation{
		id: "diff-policy", method: http.MethodGet, path: "/v1/policies/{name}/diff", tag: tagPolicies,
		summary: "In which ways two versions differ", words: "In meaning: rules, cohorts, phases, effects; not how the text is written.",
		scopes: readers, reach: ReachNone, codes: []Code{CodePolicyNotFound},
		query: []parameter{
			{name: "from", words: "A version, or in_force; left out, the one in force."},
			{name: "to", words: "A version, or in_force; left out, the highest."},
		},
	}, s.diffPolicy)
	handle(s, operation{
		id: "policy-history", method: http.MethodGet, path: "/v1/policies/{name}/history", tag: tagPolicies,
		summary: "Who did what to a policy", words: "Proposals, rulings and brakes, oldest first.", codes: []Code{CodePolicyNotFound},
		scopes: []Scope{AuditRead, PoliciesWrite, PoliciesApprove}, reach: ReachNone,
	}, s.policyHistory)
}

func (s *Server) listPolicies(ctx context.Context, _ *call, _ none) (int, policiesView, error) {
	view := policiesView{Policies: []policyView{}}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	records, err := s.desk.Records(ctx)
	if err != nil {
		return 0, view, err
	}
	for _, r := range records {
		view.Policies = append(view.Policies, viewPolicy(r, zone))
	}
	return http.StatusOK, view, nil
}

func (s *Server) policiesInForce(ctx context.Context, c *call, _ none) (int, inForceView, error) {
	at := c.now
	if given := c.query("at"); given != "" {
		var f faults
		at = f.instantOf("at", given)
		if err := f.err(); err != nil {
			return 0, inForceView{}, err
		}
	}
	force, err := s.desk.InForce(ctx, at)
	if err != nil {
		return 0, inForceView{}, err
	}
	zone := force.Zone
	if zone == nil {
		zone = time.UTC
	}
	view := inForceView{At: at.In(zone), Policies: []forcePolicyRow{}}
	for i, p := range force.Set.Policies() {
		v := force.Versions[i]
		row := forcePolicyRow{Name: v.Name, Version: v.Version, EffectiveFrom: v.EffectiveFrom.In(zone), Digest: v.Digest}
		for _, r := range p.Rules {
			rule := forceRuleRow{ID: r.ID, Mode: string(r.Mode), Braked: force.Braked[r.ID], Phases: []phaseRow{}}
			for _, phase := range r.Phases {
				rule.Phases = append(rule.Phases, phaseRow{phase.From.In(zone), string(phase.Stage)})
			}
			row.Rules = append(row.Rules, rule)
		}
		view.Policies = append(view.Policies, row)
	}
	return http.StatusOK, view, nil
}

// numbered reads name and version from the path. What is no number is no version.
func numbered(c *call) (name string, version int, err error) {
	version, err = strconv.Atoi(c.r.PathValue("version"))
	if err != nil || strconv.Itoa(version) != c.r.PathValue("version") {
		return "", 0, problem(CodePolicyNotFound)
	}
	return c.r.PathValue("name"), version, nil
}

func (s *Server) getPolicy(ctx context.Context, c *call, _ none) (int, policyView, error) {
	name, version, err := numbered(c)
	if err != nil {
		return 0, policyView{}, err
	}
	record, err := s.desk.Record(ctx, name, version)
	if err != nil {
		return 0, policyView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, policyView{}, err
	}
	view := viewPolicy(record, zone)
	view.Text = string(record.Text)
	return http.StatusOK, view, nil
}

func (s *Server) diffPolicy(ctx context.Context, c *call, _ none) (int, diffView, error) {
	view := diffView{Name: c.r.PathValue("name"), Differences: []differenceView{}}
	records, err := s.desk.Records(ctx)
	if err != nil {
		return 0, view, err
	}
	records = slices.DeleteFunc(records, func(r rulebook.Record) bool { return r.Name != view.Name })
	if len(records) == 0 {
		return 0, view, problem(CodePolicyNotFound)
	}
	highest := strconv.Itoa(records[len(records)-1].Version)
	from, err := chosen(records, cmp.Or(c.query("from"), versionInForce))
	if err != nil {
		return 0, view, err
	}
	to, err := chosen(records, cmp.Or(c.query("to"), highest))
	if err != nil {
		return 0, view, err
	}
	view.From, view.To = from.Version, to.Version
	for _, d := range policy.Diff(from, to) {
		view.Differences = append(view.Differences, differenceView{d.Path, orNil(d.From), orNil(d.To)})
	}
	return http.StatusOK, view, nil
}

// chosen returns the version of a number, or the one in force.
func chosen(records []rulebook.Record, version string) (*policy.Policy, error) {
	i := slices.IndexFunc(records, func(r rulebook.Record) bool {
		return version == strconv.Itoa(r.Version) || version == versionInForce && r.State == rulebook.StateInForce
	})
	if i < 0 {
		return nil, problem(CodePolicyNotFound)
	}
	return policyfile.Parse(records[i].Text)
}

func (s *Server) policyHistory(ctx context.Context, c *call, _ none) (int, policyHistoryView, error) {
	view := policyHistoryView{Events: []policyEventView{}}
	events, err := s.desk.History(ctx, c.r.PathValue("name"))
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	for _, e := range events {
		row := policyEventView{At: e.At.In(zone), Act: string(e.Act), Rule: orNil(e.RuleID), Actor: e.Actor, Reason: orNil(e.Reason)}
		if e.Version != 0 {
			row.Version = &e.Version
		}
		if !e.EffectiveFrom.IsZero() {
			from := e.EffectiveFrom.In(zone)
			row.EffectiveFrom = &from
		}
		view.Events = append(view.Events, row)
	}
	return http.StatusOK, view, nil
}

func viewPolicy(r rulebook.Record, zone *time.Location) policyView {
	view := policyView{
		Name: r.Name, Version: r.Version, State: string(r.State), Digest: r.Digest, EffectiveFrom: r.InForceFrom.In(zone),
		RecordedAt: r.RecordedAt.In(zone), Author: r.Author, Note: r.Note, Rulings: []rulingView{},
	}
	for _, ruling := range r.Rulings {
		view.Rulings = append(view.Rulings, viewRuling(ruling, zone))
	}
	return view
}

func viewRuling(r store.PolicyRuling, zone *time.Location) rulingView {
	return rulingView{Ruling: string(r.Ruling), At: r.RecordedAt.In(zone), Actor: r.Actor, Reason: orNil(r.Reason)}
}
