package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// accountsPath is the address of the list. Its query is that of the API, with dates for instants, and columns.
const accountsPath = "/admin/accounts"

// listSize is how many accounts a page shows.
const listSize = "50"

func (s *Server) accountListRoutes() {
	s.page("GET "+accountsPath, s.accountList, api.VerificationsRead)
	s.page("GET "+accountsPath+".csv", s.accountExport("csv"), api.VerificationsRead, api.AuditRead)
	s.page("GET "+accountsPath+".ndjson", s.accountExport("ndjson"), api.VerificationsRead, api.AuditRead)
}

// accountListPage is the list with everything that leads to another one.
type accountListPage struct {
	*frame
	listQuery
	Views   []listLink
	Chips   []chip
	Columns []listColumn
	Rows    []listedAccount
	Rules   []string
	Sort    string
	First   string
	Next    string
	CSV     string
	NDJSON  string
	Jump    string // what was typed to go to, if it cannot be an id
	Problem *problem
}

// listLink is a named list.
type listLink struct {
	Name    string // the whole name of the message
	Path    string
	Current bool
}

// listAnswer is the API's list, as far as the page shows it.
type listAnswer struct {
	Verifications []listedAccount `json:"verifications"`
	Sort          string          `json:"sort"`
	Rules         []string        `json:"rules"`
	Cursor        string          `json:"cursor"`
}

type listedAccount struct {
	ID           string    `json:"account_id"`
	State        string    `json:"state"`
	Turn         string    `json:"turn"`
	Since        time.Time `json:"since"`
	Kind         string    `json:"kind"`
	Region       string    `json:"region"`
	RegisteredAt time.Time `json:"registered_at"`
	ClosedAt     time.Time `json:"closed_at"`
	ChangedAt    time.Time `json:"changed_at"`
	RestrictedBy []string  `json:"restricted_by"`
	Extended     time.Time `json:"extended_until"`
	Requested    time.Time `json:"extension_requested_until"`
	Deadline     time.Time `json:"deadline"`
}

func (s *Server) accountList(v *visit) error {
	if id := v.query("jump"); contract.CheckAccountID(id) == nil {
		http.Redirect(v.w, v.r, accountsPath+"/"+segment(id), http.StatusSeeOther)
		return nil
	}
	q := newListQuery(v.r.URL.Query())
	if tidy := q.address(); v.query("jump") == "" && v.query("done") == "" && tidy != accountsPath+query(v.r.URL.Query()) {
		http.Redirect(v.w, v.r, tidy, http.StatusSeeOther) // a form sends its empty fields too
		return nil
	}
	p := &accountListPage{frame: v.frame("accounts"), listQuery: q, Jump: v.query("jump"), Views: listViews(v.now, q)}
	p.Wide = true
	answer, err := ask[listAnswer](v, "/v1/verifications", append(q.asked(), "limit", listSize, "cursor", q.values.Get("cursor"))...)
	status := http.StatusOK
	if errors.As(err, &p.Problem) && p.Problem.Status == http.StatusUnprocessableEntity {
		status, p.Faulty = http.StatusUnprocessableEntity, true
	} else if err != nil {
		return err
	}
	if p.Rules = answer.Rules; status != http.StatusOK {
		p.Rules = v.rulesInForce()
	}
	p.Rows, p.Sort = answer.Verifications, answer.Sort
	if p.Chips, err = q.chips(p.frame); err != nil {
		return err
	}
	p.Columns = q.columns(answer.Sort)
	p.CSV, p.NDJSON = q.export("csv"), q.export("ndjson")
	if q.values.Get("cursor") != "" {
		p.First = q.without("cursor")
	}
	if answer.Cursor != "" {
		p.Next = q.with("cursor", answer.Cursor)
	}
	return v.renderAs(status, "accountlist", p)
}

// rulesInForce are the rules for the form of a page whose list was refused; none if they cannot be had either.
func (v *visit) rulesInForce() []string {
	answer, err := ask[listAnswer](v, "/v1/verifications", "limit", "1")
	if err != nil {
		return nil
	}
	return answer.Rules
}

// Shown reports whether a column was chosen.
func (p *accountListPage) Shown(name string) bool {
	return slices.ContainsFunc(p.Columns, func(c listColumn) bool { return c.Name == name && c.Shown })
}

// accountExport hands the API's export on.
func (s *Server) accountExport(format string) func(*visit) error {
	return func(v *visit) error {
		q := newListQuery(v.r.URL.Query())
		name := "accounts-" + v.now.In(lifecycle.Beijing()).Format("20060102-1504") + "." + format
		return v.pass("/v1/verifications:export", name, append(q.asked(), "format", format)...)
	}
}

// listViews are lists that many ask for. Their dates are of today, so whoever saves the address saves the dates.
func listViews(now time.Time, q listQuery) []listLink {
	day := func(days int) string { return now.In(lifecycle.Beijing()).AddDate(0, 0, days).Format(time.DateOnly) }
	var links []listLink
	for _, view := range []struct{ name, query string }{
		{"list.view.all", ""},
		{"list.view.blocked", "restricted=true"},
		{"list.view.review", "state=under_review,manual_review"},
		{"list.view.locked", "state=locked"},
		{"list.view.extended", "extension=running&extension_ends_before=" + day(8)},
		{"list.view.changed", "changed_since=" + day(0)},
	} {
		values, err := url.ParseQuery(view.query)
		if err != nil {
			continue // it is written here, and a test opens each
		}
		if columns := q.values.Get("columns"); columns != "" {
			values.Set("columns", columns)
		}
		own := listQuery{values}
		links = append(links, listLink{view.name, own.address(), own.without("sort") == q.without("sort", "cursor")})
	}
	return links
}

// query is the query string with its question mark, empty if there is none.
func query(values url.Values) string {
	return strings.TrimSuffix("?"+values.Encode(), "?")
}

// States are the values of the filter by state.
func (p *accountListPage) States() []string { return texts(lifecycle.States()) }

// Turns, Kinds, Extensions, Sorts and Truth are values to choose from.
func (p *accountListPage) Turns() []string {
	return []string{"merchant", "operator", "provider", "none"}
}
func (p *accountListPage) Kinds() []string      { return []string{"individual", "enterprise"} }
func (p *accountListPage) Extensions() []string { return []string{"running", "requested"} }
func (p *accountListPage) Sorts() []string      { return []string{"account_id", "changed", "registered"} }
func (p *accountListPage) Truth() []string      { return []string{"true", "false"} }

// RuleChoices are the rules in force and, if it is another, the one that is chosen.
func (p *accountListPage) RuleChoices() []string {
	if set := p.Value("rule"); set != "" && !slices.Contains(p.Rules, set) {
		return append(slices.Clone(p.Rules), set)
	}
	return p.Rules
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
