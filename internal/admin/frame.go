package admin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// frame is what every page has around its own content.
type frame struct {
	lang *page.Catalogue

	Page    string // its name; the title is message title.<Page>
	Here    string // its address with the query
	Person  *Person
	Now     time.Time
	Menu    []link
	Done    string // what a command before did; the message is done.<Done>
	Once    string // number of the command that a form of this page sends
	Refresh int    // seconds after which the page redraws what is marked data-live; 0: never
	Faulty  bool   // a form below has faults: the title says so first
	Wide    bool   // the content uses the whole width
}

// link is an entry of the menu.
type link struct {
	Name    string // the message is menu.<Name>
	Path    string
	Current bool
}

// menu lists the sections, with the scopes that open each.
func menu() []struct {
	name, path string
	needs      []api.Scope
} {
	type entry = struct {
		name, path string
		needs      []api.Scope
	}
	return []entry{
		{"overview", home, []api.Scope{api.VerificationsRead}},
		{"accounts", accountsPath, []api.Scope{api.VerificationsRead}},
		{"reviews", "/admin/reviews", []api.Scope{api.ReviewsWrite, api.VerificationsRead}},
		{"manual", "/admin/manual", []api.Scope{api.ReviewsWrite, api.VerificationsRead}},
		{"policies", policiesPath, []api.Scope{api.DecisionsRead, api.PoliciesWrite, api.PoliciesApprove, api.AuditRead}},
		{"sweeps", "/admin/sweeps", []api.Scope{api.SweepsWrite, api.VerificationsRead, api.AuditRead}},
		{"reminders", "/admin/reminders", []api.Scope{api.SweepsWrite, api.AuditRead}},
		{"extensions", "/admin/extensions", []api.Scope{api.ExtensionsWrite, api.PoliciesApprove, api.AuditRead}},
		{"webhooks", "/admin/webhooks", []api.Scope{api.WebhooksWrite, api.AuditRead}},
		{"audit", auditPath, []api.Scope{api.AuditRead}},
		{"receipts", receiptsPath, []api.Scope{api.DecisionsRead}},
		{"keys", keysPath, []api.Scope{api.Admin}},
		{"operators", operatorsPath, []api.Scope{api.Admin}},
	}
}

// frame begins a page of the visit. The page is found in the menu by the first element of its address.
func (v *visit) frame(name string) *frame {
	f := &frame{
		lang: v.lang, Page: name, Here: v.r.URL.RequestURI(), Person: &v.person, Now: v.now, Once: once(),
	}
	if v.r.Method != http.MethodGet {
		f.Here = v.back()
	}
	if done := v.query("done"); v.lang.Has("done." + done) {
		f.Done = done
		f.Here = without(v.r, "done")
	}
	for _, m := range menu() {
		if v.can(m.needs...) {
			f.Menu = append(f.Menu, link{m.name, m.path, section(m.path) == section(v.r.URL.Path)})
		}
	}
	return f
}

// section is the first element of an address below /admin.
func section(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/admin"), "/"), "/")
	return first
}

// without is the address of a request without one parameter.
func without(r *http.Request, name string) string {
	address := *r.URL
	q := address.Query()
	q.Del(name)
	address.RawQuery = q.Encode()
	return address.RequestURI()
}

// once is the number of one command.
func once() string { return rand.Text() }

// can reports whether the reader's role opens any of the scopes, which templates name as texts.
func (f *frame) Can(scopes ...string) bool {
	for _, s := range scopes {
		if f.Person != nil && f.Person.Role.Allows(api.Scope(s)) {
			return true
		}
	}
	return false
}

// T is a text in the reader's language.
func (f *frame) T(key string, pairs ...any) (string, error) { return f.lang.Text(key, pairs...) }

// N is a text for a number.
func (f *frame) N(key string, n int) (string, error) { return f.lang.Count(key, n) }

// Or is the text of a code, or the code itself where there is no text for it: reason codes of rules and reviewers are
// the operator's own.
func (f *frame) Or(prefix, code string) (string, error) {
	if key := prefix + "." + code; f.lang.Has(key) {
		return f.lang.Text(key)
	}
	return code, nil
}

// Lang is the language of the page, as BCP 47 writes it.
func (f *frame) Lang() string { return f.lang.Tag() }

// Other is the language that the page can be switched to.
func (f *frame) Other() string { return f.lang.Other() }

// When is an instant in Beijing, short enough for tables. The layout says once which zone it is.
func (f *frame) When(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(lifecycle.Beijing()).Format("2006-01-02 15:04:05")
}

// Day is a date in Beijing.
func (f *frame) Day(t time.Time) string { return t.In(lifecycle.Beijing()).Format("2006-01-02") }

// ISO is an instant for machines.
func (f *frame) ISO(t time.Time) string { return t.In(lifecycle.Beijing()).Format(time.RFC3339Nano) }

// Ago is how far an instant is away from now, in the one unit that tells most.
func (f *frame) Ago(t time.Time) (string, error) {
	d, key := f.Now.Sub(t), "ago"
	if d < 0 {
		d, key = -d, "in"
	}
	span, err := f.Span(d)
	if err != nil {
		return "", err
	}
	return f.lang.Text("time."+key, "span", span)
}

// Span is a duration in the one unit that tells most.
func (f *frame) Span(d time.Duration) (string, error) {
	for _, u := range []struct {
		key  string
		unit time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if d >= u.unit {
			return f.lang.Count("time."+u.key, int(d/u.unit))
		}
	}
	return f.lang.Count("time.second", int(d/time.Second))
}

// Num is a whole number with its thousands apart.
func (f *frame) Num(n int64) string {
	text := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(text, "-")
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return text[:len(text)-len(digits)] + b.String()
}

// dict makes a map of names and values, to hand more than one thing to a template.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("admin: dict needs names and values")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("admin: dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// deref is what a pointer of an answer points to; templates ask first whether it does.
func deref(t *time.Time) time.Time { return *t }

// joined is a list in one line.
func joined(list []string) string { return strings.Join(list, ", ") }

// whole is a number as Num takes it.
func whole(n int) int64 { return int64(n) }

// plainPage says one thing to somebody who need not be signed in.
type plainPage struct {
	*frame
	Kind string // the messages are plain.<Kind>.title and .text
}

func (s *Server) plain(w http.ResponseWriter, r *http.Request, status int, kind string) {
	lang := s.languages.Of(r)
	f := &frame{lang: lang, Page: "plain", Here: home, Now: s.cfg.Now()}
	content, err := s.templates.Draw("plain", &plainPage{f, kind})
	if err != nil {
		s.cfg.Logger.ErrorContext(r.Context(), "page cannot be drawn", "page", kind, "error", err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	page.Write(w, status, lang, content)
}
