package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
)

type policyView struct {
	Name          string    `json:"name"`
	Version       int       `json:"version"`
	Digest        string    `json:"digest" doc:"sha256 of the text, hexadecimal."`
	EffectiveFrom time.Time `json:"effective_from" doc:"From when the version is in force, if no higher one is."`
	RecordedAt    time.Time `json:"recorded_at"`
	Author        string    `json:"author"`
	Note          string    `json:"note"`
}

// policyTextView is one version with its text.
type policyTextView struct {
	Name          string    `json:"name"`
	Version       int       `json:"version"`
	Digest        string    `json:"digest" doc:"sha256 of the text, hexadecimal."`
	EffectiveFrom time.Time `json:"effective_from"`
	RecordedAt    time.Time `json:"recorded_at"`
	Author        string    `json:"author"`
	Note          string    `json:"note"`
	Text          string    `json:"text" doc:"The policy as it was published, YAML."`
}

type policiesView struct {
	Policies []policyView `json:"policies" nullable:"false" doc:"Every published version, by name and version."`
}

func (s *Server) policyRoutes() {
	readers := []Scope{DecisionsRead, PoliciesWrite, PoliciesApprove, AuditRead}
	handle(s, operation{
		id: "list-policies", method: http.MethodGet, path: "/v1/policies", tag: tagPolicies,
		summary: "List published policies", words: "Published versions never change.", scopes: readers,
	}, s.listPolicies)
	handle(s, operation{
		id: "get-policy", method: http.MethodGet, path: "/v1/policies/{name}/versions/{version}", tag: tagPolicies,
		summary: "Read a version of a policy", words: "With its text.", scopes: readers, codes: []Code{CodePolicyNotFound},
	}, s.getPolicy)
}

func (s *Server) listPolicies(ctx context.Context, _ *call, _ none) (int, policiesView, error) {
	view := policiesView{Policies: []policyView{}}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	published, err := s.cfg.Store.Policies(ctx)
	if err != nil {
		return 0, view, err
	}
	slices.SortFunc(published, func(a, b store.PublishedPolicy) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return a.Version - b.Version
	})
	for _, p := range published {
		view.Policies = append(view.Policies, viewPolicy(p, zone))
	}
	return http.StatusOK, view, nil
}

func (s *Server) getPolicy(ctx context.Context, c *call, _ none) (int, policyTextView, error) {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, policyTextView{}, err
	}
	published, err := s.cfg.Store.Policies(ctx)
	if err != nil {
		return 0, policyTextView{}, err
	}
	name, version := c.r.PathValue("name"), c.r.PathValue("version")
	for _, p := range published {
		if p.Name == name && strconv.Itoa(p.Version) == version {
			v := viewPolicy(p, zone)
			return http.StatusOK, policyTextView{v.Name, v.Version, v.Digest, v.EffectiveFrom, v.RecordedAt, v.Author, v.Note, string(p.Text)}, nil
		}
	}
	return 0, policyTextView{}, problem(CodePolicyNotFound)
}

func viewPolicy(p store.PublishedPolicy, zone *time.Location) policyView {
	return policyView{
		Name: p.Name, Version: p.Version, Digest: p.Digest, EffectiveFrom: p.EffectiveFrom.In(zone), RecordedAt: p.RecordedAt.In(zone),
		Author: p.Author, Note: p.Note,
	}
}
