package portal

import (
	"net/http"
)

// verify sends the merchant to the hosted pages. The link works once and for a short time, so it is made at the press
// of the button and never stored. It is a POST: making a link is no business of whoever only looks at a page.
func (p *Portal) verify(w http.ResponseWriter, r *http.Request) {
	account, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	link, err := p.cfg.Client.Link(r.Context(), account, p.cfg.URL+"/dashboard")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, link.URL, http.StatusSeeOther)
}

// showDashboard shows the state as it is now, also to a merchant who comes back from the hosted pages: where somebody
// comes from proves nothing, so the portal asks.
func (p *Portal) showDashboard(w http.ResponseWriter, r *http.Request) {
	id, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	page := dashboardPage{Account: id, State: "unknown"}
	account, err := p.cfg.Client.Account(r.Context(), id)
	if err != nil {
		p.cfg.Logger.WarnContext(r.Context(), "state of the account not known", "error", err)
	} else {
		page.State = account.Verification.State
	}
	p.sessions.change(sessionID(r), func(s *session) {
		page.Prompt, s.prompt = s.prompt, nil // once per login
		page.Answer, s.answer = s.answer, nil
		page.Labels = append(page.Labels, s.labels...)
	})
	p.render(w, r, http.StatusOK, "dashboard.html", &page)
}
