package admin

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// accountAct is a command to one account, as its page offers it.
type accountAct struct {
	Name   string // the address; its messages are account.act.<Name> and account.act.<Name>.text
	Danger bool
	Fields []string // beyond the reason

	needs  []api.Scope
	step   lifecycle.Step // that the state has to allow; empty: any state
	open   bool           // only of accounts that are open
	closed bool           // only of accounts that are closed
	send   func(v *visit, base string) error
}

// accountForm is what was typed into a command that was refused, and why it was.
type accountForm struct {
	Act     string
	Problem *problem
	typed   func(string) string
}

// FormOf is what was typed into a command, nil unless this one was refused.
func (p *accountPage) FormOf(act string) *accountForm {
	if p.Form == nil || p.Form.Act != act {
		return nil
	}
	return p.Form
}

// Field is what stands in a field: what was typed, or else the present facts.
func (p *accountPage) Field(f *accountForm, name string) string {
	if f != nil {
		return f.typed(name)
	}
	switch name {
	case "kind":
		return p.Account.Kind
	case "region":
		return p.Account.Region
	case "registered_at":
		return p.Account.RegisteredAt.Format(time.RFC3339Nano) // exact: cutoffs are instants
	default:
		return ""
	}
}

func accountActs() []accountAct {
	reviews, correct := []api.Scope{api.ReviewsWrite}, []api.Scope{api.AccountsCorrect}
	closing := []api.Scope{api.AccountsWrite, api.AccountsCorrect}
	return []accountAct{
		{Name: "unlock", needs: reviews, step: lifecycle.StepUnlock, send: reasoned("unlock")},
		{Name: "send-to-manual", needs: reviews, step: lifecycle.StepChooseManual, open: true, send: reasoned("send-to-manual")},
		{Name: "take-from-manual", needs: reviews, step: lifecycle.StepCancelManual, open: true, send: reasoned("take-from-manual")},
		{Name: "extend", needs: []api.Scope{api.ExtensionsWrite, api.PoliciesApprove}, open: true, Fields: []string{"until", "rule"}, send: extendAccount},
		{Name: "link", needs: []api.Scope{api.VerificationsWrite, api.AccountsCorrect}, open: true, send: linkAccount},
		{Name: "correct", needs: correct, Fields: []string{"kind", "region", "registered_at"}, send: correctAccount},
		{Name: "revoke", needs: reviews, step: lifecycle.StepRevoke, Danger: true, send: reasoned("revoke")},
		{Name: "erase", needs: []api.Scope{api.IdentitiesErase}, Danger: true, send: eraseAccount},
		{Name: "close", needs: closing, open: true, Danger: true, send: reasoned("close")},
		{Name: "reopen", needs: closing, closed: true, send: reasoned("reopen")},
	}
}

// fits reports whether the account's state allows the act.
func (a accountAct) fits(account accountFacts, now time.Time) bool {
	closed := account.closed(now)
	return (a.step == "" || slices.Contains(account.Verification.Allowed, string(a.step))) && !(a.open && closed) && !(a.closed && !closed)
}

// act runs a command. What the API refuses for its input or for the account's state comes back on the page, with what
// was typed; any other problem is a page of its own.
func (v *visit) act(a accountAct) error {
	err := v.reasonGiven()
	if err == nil {
		err = a.send(v, "/v1/accounts/"+segment(v.r.PathValue("account_id")))
	}
	var refused *problem
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict && refused.Status != http.StatusUnprocessableEntity {
		return err
	}
	p, err := v.accountPage(&accountForm{Act: a.Name, Problem: refused, typed: v.form})
	if err != nil {
		return err
	}
	p.Faulty = true
	return v.renderAs(refused.Status, "account", p)
}

// reasonGiven refuses a command without a reason, also where the API would take one.
func (v *visit) reasonGiven() error {
	if v.form("reason") != "" {
		return nil
	}
	message, err := v.lang.Text("account.reason_missing")
	if err != nil {
		return err
	}
	return &problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Errors: []fault{{"reason", "required", message}}}
}

// finished leads back to the account's page, in its new state.
func (v *visit) finished(what string) error {
	return v.done("/admin/accounts/"+v.r.PathValue("account_id"), what)
}

// reasoned is a command that needs nothing but a reason.
func reasoned(verb string) func(*visit, string) error {
	return func(v *visit, base string) error {
		if _, err := tell[struct{}](v, base+"/"+verb, map[string]string{"reason": v.form("reason")}); err != nil {
			return err
		}
		return v.finished("account_" + verb)
	}
}

// eraseAccount erases all personal data of the account.
func eraseAccount(v *visit, base string) error {
	done, err := tell[accountErasure](v, base+"/erasures", map[string]string{"reason": v.form("reason")})
	if err != nil {
		return err
	}
	return v.finished("account_erase_" + done.State)
}

// extendAccount asks for an extension to the end of a day in Beijing.
func extendAccount(v *visit, base string) error {
	until := v.form("until")
	if day, err := time.ParseInLocation(time.DateOnly, until, lifecycle.Beijing()); err == nil {
		until = day.AddDate(0, 0, 1).Format(time.RFC3339)
	}
	asked, err := tell[accountExtension](v, base+"/extensions", map[string]string{"until": until, "rule": v.form("rule"), "reason": v.form("reason")})
	if err != nil {
		return err
	}
	return v.finished("account_extension_" + asked.State)
}

// correctAccount replaces the facts of the account by a new version.
func correctAccount(v *visit, base string) error {
	facts := map[string]string{"reason": v.form("reason")}
	for _, field := range []string{"kind", "region", "registered_at"} {
		facts[field] = v.form(field)
	}
	if err := v.call(http.MethodPut, base, facts, nil); err != nil {
		return err
	}
	return v.finished("account_correct")
}

// accountLinkPage shows a link. It is nowhere else: the page is not kept, and the address is not stored.
type accountLinkPage struct {
	*frame
	ID   string
	Link accountLink
}

type accountLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

func linkAccount(v *visit, base string) error {
	link, err := tell[accountLink](v, base+"/links", map[string]string{"purpose": "verify", "reason": v.form("reason")})
	if err != nil {
		return err
	}
	return v.render("account-link", &accountLinkPage{v.frame("account_link"), v.r.PathValue("account_id"), link})
}
