package admin

import (
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) extensionRoutes() {
	readers := []api.Scope{api.ExtensionsWrite, api.PoliciesApprove, api.AuditRead}
	s.page("GET /admin/extensions", s.extensions, readers...)
	s.page("POST /admin/extensions", s.requestExtension, api.ExtensionsWrite, api.PoliciesApprove)
	s.page("POST "+importPath, s.importExtensions, api.ExtensionsWrite, api.PoliciesApprove)
	for _, verb := range []string{"approve", "reject", "revoke"} {
		s.page("POST /admin/extensions/{id}/"+verb, func(v *visit) error {
			path := "/v1/extensions/" + segment(v.r.PathValue("id")) + "/" + verb
			if _, err := tell[extension](v, path, map[string]string{"reason": v.form("reason")}); err != nil {
				return err
			}
			return v.done(v.back(), "extension_"+verb)
		}, api.PoliciesApprove)
		s.page("POST /admin/extensions/batch/"+verb, func(v *visit) error {
			body := map[string]string{"batch_id": v.form("batch_id"), "reason": v.form("reason")}
			if _, err := tell[struct{}](v, "/v1/extensions:"+verb, body); err != nil {
				return err
			}
			return v.done(v.back(), "extension_batch_"+verb)
		}, api.PoliciesApprove)
	}
}

// extension is an extension as the API shows it.
type extension struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"`
	Rule      string    `json:"rule"`
	Until     time.Time `json:"until"`
	State     string    `json:"state"`
	BatchID   string    `json:"batch_id"`
	Steps     []struct {
		State  string    `json:"state"`
		At     time.Time `json:"at"`
		Actor  actor     `json:"actor"`
		Reason string    `json:"reason"`
	} `json:"steps"`
}

// Mine reports whether somebody asked for the extension: another person has to decide it.
func (e extension) Mine(person *Person) bool {
	return len(e.Steps) > 0 && e.Steps[0].Actor.ID == person.ID
}

func extensionStates() []string {
	return []string{"requested", "approved", "rejected", "revoked", "lapsed"}
}

type extensionsPage struct {
	*frame
	Extensions []extension
	States     []string
	Rules      []string
	State      string // what is filtered by
	Rule       string
	Batch      string
	First      string
	Next       string

	Problem *problem // of the form
	Asked   struct{ Account, Rule, Until, Reason, Note string }
	Import  *extensionImport
}

func (s *Server) extensions(v *visit) error {
	return v.extensionsPage(http.StatusOK, &extensionsPage{})
}

func (v *visit) extensionsPage(status int, p *extensionsPage) error {
	p.frame = v.frame("extensions")
	p.Faulty = p.Problem != nil
	p.States, p.State, p.Rule, p.Batch = extensionStates(), v.query("state"), v.query("rule"), v.query("batch_id")
	if p.Asked.Account == "" {
		p.Asked.Account = v.query("account")
	}
	filters := []string{"state", p.State, "rule", p.Rule, "batch_id", p.Batch}
	got, err := ask[struct {
		Extensions []extension `json:"extensions"`
		Cursor     string      `json:"cursor"`
	}](v, "/v1/extensions", append(filters, "cursor", v.query("cursor"), "limit", "50")...)
	if err != nil {
		return err
	}
	p.Extensions = got.Extensions
	if v.query("cursor") != "" {
		p.First = address("/admin/extensions", filters)
	}
	if got.Cursor != "" {
		p.Next = address("/admin/extensions", append(filters, "cursor", got.Cursor))
	}
	policies, err := v.inForce()
	if err != nil {
		return err
	}
	for _, policy := range policies {
		for _, rule := range policy.Rules {
			p.Rules = append(p.Rules, rule.ID)
		}
	}
	return v.renderAs(status, "extensions", p)
}

// localInstant is the form of the browsers' field for a date and a time.
const localInstant = "2006-01-02T15:04"

// requestExtension asks for one. The field has no zone: it is Beijing's, as its label says.
func (s *Server) requestExtension(v *visit) error {
	p := &extensionsPage{}
	a := &p.Asked
	a.Account, a.Rule, a.Until, a.Reason, a.Note = v.form("account"), v.form("rule"), v.form("until"), v.form("reason"), v.form("note")
	_, err := tell[extension](v, "/v1/accounts/"+segment(a.Account)+"/extensions", map[string]string{
		"until": inBeijing(a.Until), "reason": a.Reason, "note": a.Note, "rule": a.Rule,
	})
	if a.Account == "" {
		err = &problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Errors: []fault{{Field: "account_id"}}}
	}
	if missing := problemIn(err); missing != nil && (missing.Code == "account_not_found" || a.Account == "") {
		text, err := v.lang.Text("extensions.no_account")
		if err != nil {
			return err
		}
		p.Problem = &problem{Status: http.StatusUnprocessableEntity, Errors: []fault{{Field: "account_id", Message: text}}}
		return v.extensionsPage(p.Problem.Status, p)
	}
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.extensionsPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	return v.done("/admin/extensions?state=requested", "extension_request")
}
