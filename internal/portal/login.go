package portal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// loginWait is how long signing in waits for the prompt. Better no prompt than a login that hangs.
const loginWait = 3 * time.Second

// shownPrompt is what the dashboard hands to the prompt script, see prompt.html.
type shownPrompt struct {
	Message Message
	JSON    string // the prompt as it came
	Limits  string // JSON: what is, or from the deadline on will be, impossible
}

func (p *Portal) showSignIn(w http.ResponseWriter, r *http.Request) {
	if p.sessions.account(sessionID(r)) != "" {
		http.Redirect(w, r, "/dashboard", http.StatusSeeOther)
		return
	}
	p.signIn(w, r, http.StatusOK, "", "")
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, status int, account, fault string) {
	p.render(w, r, status, "signin.html", &signInPage{Accounts: p.cfg.Accounts, Account: account, Fault: fault})
}

// login signs an account in. A real portal would ask for a password first.
func (p *Portal) login(w http.ResponseWriter, r *http.Request) {
	account := strings.TrimSpace(r.PostFormValue("account"))
	if account == "" {
		p.signIn(w, r, http.StatusUnprocessableEntity, "", "signin.fault.empty")
		return
	}
	prompt, err := p.reportLogin(r.Context(), account)
	switch {
	case HasCode(err, "account_not_found") || HasCode(err, "validation_failed"):
		p.signIn(w, r, http.StatusUnprocessableEntity, account, "signin.fault.unknown")
		return
	case err != nil:
		p.cfg.Logger.WarnContext(r.Context(), "signed in without asking for the prompt", "error", err)
	}
	p.sessions.end(sessionID(r))
	p.setSession(w, p.sessions.start(account, prompt))
	http.Redirect(w, r, "/dashboard", http.StatusSeeOther)
}

// reportLogin returns the prompt to show, nil if there is none.
func (p *Portal) reportLogin(ctx context.Context, account string) (*shownPrompt, error) {
	ctx, cancel := context.WithTimeout(ctx, loginWait)
	defer cancel()
	login, err := p.cfg.Client.Login(ctx, account, rand.Text())
	if err != nil || !login.Prompt.Show {
		return nil, err
	}
	limits, err := p.limits(ctx, account, login)
	if err != nil {
		p.cfg.Logger.WarnContext(ctx, "prompt without its consequences", "error", err)
	}
	return &shownPrompt{Message: login.Prompt.Message, JSON: string(login.Prompt.JSON), Limits: limits}, nil
}

// limits asks the gate which of the portal's own actions will be blocked at the deadline, or are already. So the
// portal can tell the merchant what happens without knowing the rule.
func (p *Portal) limits(ctx context.Context, account string, login Login) (string, error) {
	at := login.Decision.At
	if d := login.Prompt.Deadline; d != nil && d.After(at) {
		at = *d
	}
	blocked := []Message{}
	for _, action := range []string{actionCreateLabel} {
		d, err := p.cfg.Client.DecideAt(ctx, account, action, at)
		if err != nil {
			return "[]", err
		}
		if d.Effect == "block" {
			blocked = append(blocked, p.pages.texts["action."+action])
		}
	}
	text, err := json.Marshal(blocked)
	return string(text), err
}

// reportPrompt passes on what the prompt script says of the merchant's prompt. Whose it is, the session says.
func (p *Portal) reportPrompt(w http.ResponseWriter, r *http.Request) {
	account := p.sessions.account(sessionID(r))
	number, err := strconv.Atoi(r.PostFormValue("number"))
	if account == "" || err != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if err := p.cfg.Client.ReportPrompt(r.Context(), account, number, r.PostFormValue("event")); err != nil {
		p.cfg.Logger.WarnContext(r.Context(), "what became of a prompt was not told", "error", err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Portal) logout(w http.ResponseWriter, r *http.Request) {
	p.sessions.end(sessionID(r))
	p.setSession(w, "")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// Script and Style are the addresses of the login prompt.
func (b base) Script() template.URL { return template.URL(b.Service + "/embed/prompt.js") } //nolint:gosec // our own configuration

// Style is the address of the login prompt's style.
func (b base) Style() template.URL { return template.URL(b.Service + "/embed/prompt.css") } //nolint:gosec // our own configuration
