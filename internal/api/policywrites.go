package api

import (
	"context"
	"net/http"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// maxPolicyBody lets a policy of the size that a file may have through, quoted as JSON.
const maxPolicyBody = 2*policyfile.MaxSize + maxCommand

type policyIn struct {
	Text          string `json:"text" doc:"The policy, YAML; its version must be the next number." example:"name: wishpost-face-verification\nversion: 2\n…"`
	EffectiveFrom string `json:"effective_from,omitempty" format:"date-time" doc:"From when it is to be in force; not in the past. Left out, or if it is approved later: from the approval." example:"2020-12-11T00:00:00+08:00"`
	Note          string `json:"note" maxLength:"2000" doc:"Why; kept with the version for good." example:"deadline moved by a week, see notice 17"`
}

type rulingIn struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"Why; needed to reject or withdraw, kept for good." example:"the cohort misses enterprises"`
}

func (s *Server) policyWrites() {
	handle(s, operation{
		id: "publish-policy", method: http.MethodPost, path: "/v1/policies", tag: tagPolicies, maxBody: maxPolicyBody,
		summary: "Publish a policy", scopes: []Scope{PoliciesWrite},
		words: "Proposes the next version of a policy. Unless the server lets one key publish alone, it is in force only once another key " +
			"has approved it. The same text again changes nothing and says where it stands.",
		answers: map[int]string{http.StatusCreated: "Proposed, or in force where one key suffices.", http.StatusOK: "This text is known: nothing was changed."},
		codes:   []Code{CodePolicyVersionTaken, CodePoliciesClash},
	}, s.publishPolicy)
	for _, r := range []struct {
		verb, summary, words string
		scope                Scope
		codes                []Code
		explained            bool // a reason has to be given
		rule                 func(context.Context, rulebook.Decision) (rulebook.Record, error)
	}{
		{"approve", "Approve a version", "By another key than the one that proposed it. It is in force from its own instant, never earlier than now.",
			PoliciesApprove, []Code{CodeSecondApprover, CodePoliciesClash}, false, s.desk.Approve},
		{"reject", "Reject a proposal", "For good: its number is used up.", PoliciesApprove, nil, true, s.desk.Reject},
		{"withdraw", "Withdraw a version", "A proposal, or an approved version at least five seconds before it comes into force. Its number is used up.",
			PoliciesWrite, []Code{CodePoliciesClash}, true, s.desk.Withdraw},
	} {
		handle(s, operation{
			id: r.verb + "-policy", method: http.MethodPost, path: "/v1/policies/{name}/versions/{version}/" + r.verb, tag: tagPolicies,
			summary: r.summary, words: r.words + " The same again changes nothing.", scopes: []Scope{r.scope},
			codes: append(r.codes, CodePolicyNotFound, CodePolicyState),
		}, func(ctx context.Context, c *call, in rulingIn) (int, policyView, error) {
			return s.rulePolicy(ctx, c, in, r.explained, r.rule)
		})
	}
}

func (s *Server) publishPolicy(ctx context.Context, c *call, in policyIn) (int, policyView, error) {
	var f faults
	if in.Text == "" {
		f.required("text")
	}
	f.explained("note", in.Note)
	p := rulebook.Proposal{Text: []byte(in.Text), Author: c.key.ID, Note: in.Note}
	if in.EffectiveFrom != "" {
		p.EffectiveFrom = f.instantOf("effective_from", in.EffectiveFrom)
	}
	c.changed("policy", in.Note, nil, nil)
	if err := f.err(); err != nil {
		return 0, policyView{}, err
	}
	record, created, err := s.desk.Propose(ctx, p)
	if err != nil {
		return 0, policyView{}, err
	}
	var before any
	if !created {
		before = seePolicy(record, s.zoneOrUTC(ctx)) // the text was known, and nothing changed
	}
	c.changed(policySubject(record.Name, record.Version), in.Note, before, seePolicy(record, s.zoneOrUTC(ctx)))
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return s.policyAnswer(ctx, status, record)
}

func (s *Server) rulePolicy(
	ctx context.Context, c *call, in rulingIn, explained bool, rule func(context.Context, rulebook.Decision) (rulebook.Record, error),
) (int, policyView, error) {
	name, version, err := numbered(c)
	if err != nil {
		return 0, policyView{}, err
	}
	var f faults
	if explained && in.Reason == "" {
		f.required("reason")
	}
	f.freeText("reason", in.Reason)
	c.changed(policySubject(name, version), in.Reason, nil, nil)
	if err := f.err(); err != nil {
		return 0, policyView{}, err
	}
	known, err := s.desk.Record(ctx, name, version)
	if err != nil {
		return 0, policyView{}, err
	}
	before := seePolicy(known, s.zoneOrUTC(ctx))
	c.changed(policySubject(name, version), in.Reason, before, nil)
	record, err := rule(ctx, rulebook.Decision{Name: name, Version: version, Actor: c.key.ID, Reason: in.Reason})
	if err != nil {
		return 0, policyView{}, err
	}
	c.changed(policySubject(name, version), in.Reason, before, seePolicy(record, s.zoneOrUTC(ctx)))
	return s.policyAnswer(ctx, http.StatusOK, record)
}

func (s *Server) policyAnswer(ctx context.Context, status int, r rulebook.Record) (int, policyView, error) {
	return status, viewPolicy(r, s.zoneOrUTC(ctx)), nil
}

// explained checks a text that has to be given.
func (f *faults) explained(field, text string) {
	if text == "" {
		f.required(field)
	}
	f.freeText(field, text)
}
