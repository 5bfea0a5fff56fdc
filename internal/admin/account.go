package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/workflows/policy"
)

func (s *Server) accountRoutes() {
	const path = "/admin/accounts/{account_id}"
	s.page("GET "+path, s.account, api.VerificationsRead)
	s.page("GET "+path+"/log.ndjson", s.accountLog, api.VerificationsRead, api.AuditRead)
	s.page("GET "+path+"/export", s.accountDossier, api.AuditRead)
	for _, act := range accountActs() {
		s.page("POST "+path+"/"+act.Name, func(v *visit) error { return v.act(act) }, act.needs...)
	}
}

// accountPage is everything about one account.
type accountPage struct {
	*frame
	ID           string
	Account      accountFacts
	Live         accountLive
	Identity     accountIdentity
	Way          []wayStep
	WayCut       bool // the log has more steps than are drawn
	Diagrams     []diagram
	Attempts     []accountAttempt
	Consents     []accountConsent
	Blocks       []accountBlock
	Holdings     []accountHolding
	Erasures     []accountErasure
	Prompts      accountPrompts
	Notices      []accountNotice
	Restrictions []accountRestriction
	Extensions   []accountExtension
	Versions     []accountVersion
	Timeline     timeline
	Travel       travel
	Acts         []accountAct
	Rules        []string     // that are in force, to be extended
	Form         *accountForm // a command that was refused, with what was typed
	Temporal     string       // address of the workflow in Temporal's web UI, empty without one

	PromptsFirst, PromptsNext string // addresses
}

// mostSteps bounds how many steps of the way are drawn: the last ones.
const mostSteps = 200

func (s *Server) account(v *visit) error {
	p, err := v.accountPage(nil)
	if err != nil {
		return err
	}
	p.Refresh = 10
	return v.render("account", p)
}

// accountReading asks the API for one thing after the other until something fails.
type accountReading struct {
	v    *visit
	base string
	err  error
}

// readInto asks for something below the account's address; pairs are names and values of the query.
func readInto[T any](r *accountReading, to *T, what string, pairs ...string) {
	if r.err == nil {
		*to, r.err = ask[T](r.v, r.base+what, pairs...)
	}
}

// accountPage reads everything; the live answer is waited for beside the rest.
func (v *visit) accountPage(form *accountForm) (*accountPage, error) {
	id := v.r.PathValue("account_id")
	p := &accountPage{frame: v.frame("account"), ID: id, Form: form}
	r := &accountReading{v: v, base: "/v1/accounts/" + segment(id)}
	readInto(r, &p.Account, "")
	if r.err != nil {
		return nil, r.err
	}
	answered := make(chan error, 1)
	go func() {
		var err error
		p.Live, err = ask[accountLive](v, r.base+"/verification/live")
		answered <- err
	}()
	p.read(r)
	err := <-answered
	if r.err == nil {
		r.err = err
	}
	if r.err != nil {
		return nil, r.err
	}
	for _, l := range diagramLayouts() {
		p.Diagrams = append(p.Diagrams, l.draw(p.Account.Verification.State, p.Way))
	}
	if p.Temporal = v.s.cfg.TemporalUI; p.Temporal != "" {
		p.Temporal = workflowAddress(p.Temporal, p.Live)
	}
	for _, act := range accountActs() {
		if v.can(act.needs...) && act.fits(p.Account, v.now) {
			p.Acts = append(p.Acts, act)
		}
	}
	return p, nil
}

func (p *accountPage) read(r *accountReading) {
	readInto(r, &p.Identity, "/identity")
	p.readWay(r)
	readList(r, &p.Attempts, "/attempts", "attempts")
	readList(r, &p.Consents, "/consents", "consents")
	readList(r, &p.Blocks, "/blocks", "blocks")
	readList(r, &p.Holdings, "/holdings", "holdings")
	readList(r, &p.Erasures, "/erasures", "erasures")
	readList(r, &p.Notices, "/notices", "notices")
	readList(r, &p.Restrictions, "/restrictions", "restrictions")
	if p.Can("extensions:write", "policies:approve", "audit:read") {
		readList(r, &p.Extensions, "/extensions", "extensions")
	}
	if p.Can("audit:read", "accounts:correct") {
		readList(r, &p.Versions, "/versions", "versions")
	}
	readInto(r, &p.Prompts, "/prompts", "limit", "10", "cursor", r.v.query("prompts"))
	if p.Prompts.Cursor != nil {
		p.PromptsNext = r.v.here("prompts", "prompts", *p.Prompts.Cursor)
	}
	if r.v.query("prompts") != "" {
		p.PromptsFirst = r.v.here("prompts", "prompts", "")
	}
	p.Timeline = readTimeline(r)
	p.readTravel(r)
	slices.Reverse(p.Attempts) // the newest first, as everything else that is looked at
	slices.Reverse(p.Consents)
	slices.Reverse(p.Blocks)
	slices.Reverse(p.Notices)
	slices.Reverse(p.Restrictions)
	slices.Reverse(p.Extensions)
	slices.Reverse(p.Versions)
}

// readList reads the member of an answer that holds the list.
func readList[T any](r *accountReading, to *[]T, what, member string) {
	var all map[string]json.RawMessage
	readInto(r, &all, what)
	if r.err == nil {
		r.err = json.Unmarshal(all[member], to)
	}
}

// readWay reads the steps that led from state to state: the last ones, numbered from the first that is drawn.
func (p *accountPage) readWay(r *accountReading) {
	var log struct {
		Entries []logEntry `json:"entries"`
		Cursor  *string    `json:"cursor"`
	}
	readInto(r, &log, "/history", "only", "moves", "order", "newest", "limit", "200")
	slices.Reverse(log.Entries)
	for i, e := range log.Entries {
		p.Way = append(p.Way, wayStep{Number: i + 1, Event: e.Event, From: e.From, To: e.To, At: e.At})
	}
	p.WayCut = log.Cursor != nil
}

// here is the address of the account's page with one parameter of its query changed, at a part of the page.
func (v *visit) here(part, name, value string) string {
	q := v.r.URL.Query()
	q.Del("done")
	q.Del(name)
	if value != "" {
		q.Set(name, value)
	}
	return strings.TrimSuffix("/admin/accounts/"+segment(v.r.PathValue("account_id"))+"?"+q.Encode(), "?") + "#" + part
}

func workflowAddress(ui string, live accountLive) string {
	address := strings.TrimSuffix(ui, "/") + "/workflows/" + url.PathEscape(live.Recorded.Workflow.ID)
	if live.Live != nil && live.Live.Workflow.RunID != "" {
		address += "/" + url.PathEscape(live.Live.Workflow.RunID)
	}
	return address
}

// At is an instant that may be missing.
func (p *accountPage) At(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Closed reports whether the account is closed now.
func (p *accountPage) Closed() bool { return p.Account.closed(p.Now) }

func (a accountFacts) closed(now time.Time) bool {
	return a.ClosedAt != nil && !now.Before(*a.ClosedAt)
}

// Int is a number that messages can be counted by.
func (p *accountPage) Int(n int64) int { return int(n) }

// Kinds are the kinds of accounts.
func (p *accountPage) Kinds() []string {
	return []string{string(policy.KindIndividual), string(policy.KindEnterprise)}
}

// Say is what the merchant is told, in the reader's language.
func (p *accountPage) Say(d accountDecision) string {
	if p.Lang() == page.English {
		return d.Message.En
	}
	return d.Message.ZhCN
}

// Actions are the declared actions, sorted.
func (p *accountPage) Actions() []string {
	var all []string
	for action := range p.Account.Gates {
		all = append(all, action)
	}
	slices.Sort(all)
	return all
}

// Severe reports whether the run differs from the record in more than how far it has read.
func (l accountLive) Severe() bool {
	for _, d := range l.Differences {
		if d.Field != "seq" {
			return true
		}
	}
	return l.Behind < 0
}

// accountDossier hands the API's export of one account on, as a file.
func (s *Server) accountDossier(v *visit) error {
	id := v.r.PathValue("account_id")
	format, personal := "json", "false"
	if v.query("format") == "html" {
		format = "html"
	}
	if v.query("personal") == "true" {
		personal = "true"
	}
	return v.pass("/v1/accounts/"+segment(id)+"/export", strings.Map(plainLetters, id)+"."+format, "format", format, "personal", personal)
}

// accountLog answers the whole log as lines of JSON, oldest first.
func (s *Server) accountLog(v *visit) error {
	id := v.r.PathValue("account_id")
	cursor, begun := "", false
	for {
		part, err := ask[logPage](v, "/v1/accounts/"+segment(id)+"/history", "limit", "500", "cursor", cursor)
		if err != nil && begun {
			panic(http.ErrAbortHandler) // the file is cut off, and the browser must know
		}
		if err != nil {
			return err
		}
		if !begun {
			v.w.Header().Set("Content-Type", "application/x-ndjson")
			v.w.Header().Set("Content-Disposition", `attachment; filename="`+strings.Map(plainLetters, id)+`.ndjson"`)
			begun = true
		}
		for _, line := range part.Entries {
			if _, err := v.w.Write(append(line, '\n')); err != nil {
				return nil //nolint:nilerr // the browser left; there is nobody to tell
			}
		}
		if part.Cursor == nil {
			return nil
		}
		cursor = *part.Cursor
	}
}
