package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
)

const (
	auditPath = "/admin/audit"
	proofPath = auditPath + "/proof"
)

func (s *Server) auditRoutes() {
	s.page("GET "+auditPath, s.audit, api.AuditRead)
	s.page("GET "+auditPath+"/export", s.auditExport, api.AuditRead)
	s.page("GET "+proofPath, func(v *visit) error { return v.proofPage(&proofPage{}) }, api.AuditRead)
	s.page("GET "+proofPath+"/export", func(v *visit) error { return v.pass("/v1/audit/checkpoints", "checkpoints.json", "limit", "500") }, api.AuditRead)
	s.page("POST "+proofPath, s.verifyLogs, api.AuditRead)
	s.page("POST "+proofPath+"/checkpoints", s.takeCheckpoint, api.AuditRead)
}

// act is an entry of the audit log as the API shows it.
type act struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	Actor     string          `json:"actor"`
	Role      string          `json:"role"`
	Action    string          `json:"action"`
	Subject   string          `json:"subject"`
	Reason    string          `json:"reason"`
	Outcome   string          `json:"outcome"`
	Before    json.RawMessage `json:"before"`
	After     json.RawMessage `json:"after"`
	RequestID string          `json:"request_id"`
	Address   string          `json:"address"`
	Hash      string          `json:"hash"`
}

// Done reports whether the act was done, and not refused.
func (a act) Done() bool { return a.Outcome == "ok" }

// Differences is what the act changed.
func (a act) Differences() []member { return sideBySide(a.Before, a.After) }

// Why is the code of the reason; what else was written lies in the vault.
func (a act) Why() string {
	code, _, _ := strings.Cut(a.Reason, " ")
	return code
}

// Page is where there is more of what the act was done to, empty if there is no such page.
func (a act) Page() string {
	kind, id, _ := strings.Cut(a.Subject, "/")
	if id == "" || strings.Contains(id, "?") {
		return ""
	}
	pages := map[string]string{"account": "/admin/accounts/", "policy": policiesPath + "/", "sweep": "/admin/sweeps/", "reminders": "/admin/reminders/", "webhook": "/admin/webhooks/"}
	page, ok := pages[kind]
	if !ok {
		return ""
	}
	parts := strings.Split(id, "/")
	for i, part := range parts {
		parts[i] = segment(part)
	}
	return page + strings.Join(parts, "/")
}

// auditFilters are the filters of the list, as its address says them.
type auditFilters struct {
	Actor, Action, Subject, Outcome, From, To string
}

func (v *visit) auditFilters() auditFilters {
	return auditFilters{v.query("actor"), v.query("action"), v.query("subject"), v.query("outcome"), v.query("from"), v.query("to")}
}

// pairs are the filters as the API takes them.
func (f auditFilters) pairs(more ...string) []string {
	instants := func(text string) string {
		if text == "" {
			return ""
		}
		return inBeijing(text)
	}
	return append(more, "actor", f.Actor, "action", f.Action, "subject", f.Subject, "outcome", f.Outcome, "from", instants(f.From), "to", instants(f.To))
}

// address is the list, or a file of it, with these filters and other parameters.
func (f auditFilters) address(path string, more ...string) string {
	return address(path, append(more, "actor", f.Actor, "action", f.Action, "subject", f.Subject, "outcome", f.Outcome, "from", f.From, "to", f.To))
}

// Any reports whether anything is filtered.
func (f auditFilters) Any() bool { return f != auditFilters{} }

type auditPage struct {
	*frame
	Filters     auditFilters
	Acts        []act
	First, Next string
	CSV, Lines  string // addresses of the files
	Problem     *problem
}

func (s *Server) audit(v *visit) error {
	f := v.auditFilters()
	p := &auditPage{frame: v.frame("audit"), Filters: f, CSV: f.address(auditPath+"/export", "format", "csv"), Lines: f.address(auditPath + "/export")}
	p.Wide = true
	got, err := ask[struct {
		Entries []act  `json:"entries"`
		Cursor  string `json:"cursor"`
	}](v, "/v1/audit", f.pairs("cursor", v.query("cursor"), "limit", "50")...)
	if p.Problem = faultsIn(err); p.Problem != nil {
		p.Faulty = true
		return v.renderAs(p.Problem.Status, "audit", p)
	}
	if err != nil {
		return err
	}
	p.Acts = got.Entries
	if v.query("cursor") != "" {
		p.First = f.address(auditPath)
	}
	if got.Cursor != "" {
		p.Next = f.address(auditPath, "cursor", got.Cursor)
	}
	return v.render("audit", p)
}

// With is the list with one more filter.
func (p *auditPage) With(name, value string) string {
	u, err := url.Parse(p.Filters.address(auditPath))
	if err != nil {
		return auditPath
	}
	q := u.Query()
	q.Set(name, value)
	return auditPath + "?" + q.Encode()
}

func (s *Server) auditExport(v *visit) error {
	format := v.query("format")
	name := "audit.ndjson"
	if format == "csv" {
		name = "audit.csv"
	}
	v.unhurried()
	return v.pass("/v1/audit:export", name, v.auditFilters().pairs("format", format)...)
}

// unhurried lets the answer take as long as it takes: the server's own bound is for answers that come at once.
func (v *visit) unhurried() { _ = http.NewResponseController(v.w).SetWriteDeadline(time.Time{}) }

// checkpoint is a signed checkpoint as the API shows it.
type checkpoint struct {
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Entries   int64     `json:"entries"`
	Accounts  int64     `json:"accounts"`
	Hash      string    `json:"hash"`
	Digest    string    `json:"digest"`
	KeyID     string    `json:"key_id"`
	Signature string    `json:"signature"`
}

// proof is what a verification found.
type proof struct {
	Intact      bool        `json:"intact"`
	At          time.Time   `json:"at"`
	Entries     int64       `json:"entries"`
	Accounts    int64       `json:"accounts"`
	LogEntries  int64       `json:"log_entries"`
	Checkpoints int64       `json:"checkpoints"`
	Newest      *checkpoint `json:"newest"`
	FaultCount  int64       `json:"fault_count"`
	Faults      []misfit    `json:"faults"`
}

// misfit is a place that does not fit.
type misfit struct {
	Log   string `json:"log"`
	Entry int64  `json:"entry"`
	Kind  string `json:"kind"`
}

type proofPage struct {
	*frame
	Checkpoints []checkpoint
	First, Next string
	Result      *proof
}

func (v *visit) proofPage(p *proofPage) error {
	p.frame = v.frame("proof")
	cursor := ""
	if v.r.Method == http.MethodGet {
		cursor = v.query("cursor")
	}
	got, err := ask[struct {
		Checkpoints []checkpoint `json:"checkpoints"`
		Cursor      string       `json:"cursor"`
	}](v, "/v1/audit/checkpoints", "cursor", cursor, "limit", "20")
	if err != nil {
		return err
	}
	p.Checkpoints = got.Checkpoints
	if cursor != "" {
		p.First = proofPath
	}
	if got.Cursor != "" {
		p.Next = address(proofPath, []string{"cursor", got.Cursor})
	}
	return v.render("proof", p)
}

// verifyLogs shows what was found in its answer: it is kept nowhere, and a reload of the page shows it again.
func (s *Server) verifyLogs(v *visit) error {
	v.unhurried()
	found, err := tell[proof](v, "/v1/audit:verify", map[string]any{})
	if err != nil {
		return err
	}
	return v.proofPage(&proofPage{Result: &found})
}

func (s *Server) takeCheckpoint(v *visit) error {
	if _, err := tell[checkpoint](v, "/v1/audit/checkpoints", map[string]any{}); err != nil {
		return err
	}
	return v.done(proofPath, "checkpoint")
}

// FaultNumber is how many faults were found.
func (p *proofPage) FaultNumber() int { return int(p.Result.FaultCount) }
