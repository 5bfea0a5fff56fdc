package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
)

// Addresses of the pages about policies. A name holds no tilde, so none of them is a policy's.
const (
	policiesPath = "/admin/policies"
	proposePath  = policiesPath + "/~new"
	impactPath   = policiesPath + "/~impact"
)

func (s *Server) policyRoutes() {
	readers := []api.Scope{api.DecisionsRead, api.PoliciesWrite, api.PoliciesApprove, api.AuditRead}
	s.page("GET "+policiesPath, s.policies, readers...)
	s.page("GET "+policiesPath+"/{name}", s.policy, readers...)
	s.page("GET "+policiesPath+"/{name}/{version}", s.policyVersion, readers...)
	s.page("GET "+proposePath, s.newPolicy, api.PoliciesWrite)
	s.page("POST "+proposePath, s.proposePolicy, api.PoliciesWrite)
	previews := []api.Scope{api.PoliciesWrite, api.PoliciesApprove, api.AuditRead}
	s.page("GET "+impactPath, s.impact, previews...)
	s.page("GET "+impactPath+"/accounts", s.impactAccounts, previews...)
	for verb, scope := range map[string]api.Scope{"approve": api.PoliciesApprove, "reject": api.PoliciesApprove, "withdraw": api.PoliciesWrite} {
		s.page("POST "+policiesPath+"/{name}/{version}/"+verb, func(v *visit) error {
			name, version := segment(v.r.PathValue("name")), segment(v.r.PathValue("version"))
			if _, err := tell[policyVersion](v, "/v1/policies/"+name+"/versions/"+version+"/"+verb, map[string]string{"reason": v.form("reason")}); err != nil {
				return err
			}
			return v.done(policiesPath+"/"+name+"/"+version, "policy_"+verb)
		}, scope)
	}
	for _, verb := range []string{"brake", "release"} {
		s.page("POST "+policiesPath+"/{name}/"+verb, func(v *visit) error {
			name := segment(v.r.PathValue("name"))
			body := map[string]string{"reason": v.form("reason")}
			if rule := v.form("rule"); rule != "" {
				body["rule"] = rule
			}
			if _, err := tell[struct{}](v, "/v1/policies/"+name+"/"+verb, body); err != nil {
				return err
			}
			return v.done(policiesPath+"/"+name, "policy_"+verb)
		}, api.PoliciesWrite)
	}
}

// policyVersion is a version of a policy as the API shows it.
type policyVersion struct {
	Name          string    `json:"name"`
	Version       int       `json:"version"`
	State         string    `json:"state"`
	Digest        string    `json:"digest"`
	EffectiveFrom time.Time `json:"effective_from"`
	RecordedAt    time.Time `json:"recorded_at"`
	Author        string    `json:"author"`
	Note          string    `json:"note"`
	Rulings       []struct {
		Ruling string    `json:"ruling"`
		At     time.Time `json:"at"`
		Actor  string    `json:"actor"`
		Reason string    `json:"reason"`
	} `json:"rulings"`
	Text string `json:"text"`
}

// Mine reports whether somebody proposed the version: another person has to approve it.
func (p policyVersion) Mine(person *Person) bool { return p.Author == person.ID }

// Lines are the lines of the text.
func (p policyVersion) Lines() []string { return strings.Split(strings.TrimRight(p.Text, "\n"), "\n") }

// brake is a brake that holds.
type brake struct {
	Policy string    `json:"policy"`
	Rule   string    `json:"rule"`
	Since  time.Time `json:"since"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
}

func (v *visit) policyVersions() ([]policyVersion, error) {
	got, err := ask[struct {
		Policies []policyVersion `json:"policies"`
	}](v, "/v1/policies")
	return got.Policies, err
}

func (v *visit) brakes() ([]brake, error) {
	got, err := ask[struct {
		Brakes []brake `json:"brakes"`
	}](v, "/v1/brakes")
	return got.Brakes, err
}

type policiesPage struct {
	*frame
	At       string // of the form
	Instant  time.Time
	InForce  []forcePolicy
	Problem  *problem
	Versions []policyVersion // newest first
	Brakes   []brake
}

func (s *Server) policies(v *visit) error {
	p := &policiesPage{frame: v.frame("policies"), At: v.query("at")}
	status := http.StatusOK
	got, err := ask[struct {
		At       time.Time     `json:"at"`
		Policies []forcePolicy `json:"policies"`
	}](v, "/v1/policies:in-force", "at", inBeijing(p.At))
	if p.Problem = faultsIn(err); p.Problem != nil {
		p.Faulty, status = true, p.Problem.Status
	} else if err != nil {
		return err
	}
	p.Instant, p.InForce = got.At, got.Policies
	if p.Versions, err = v.policyVersions(); err != nil {
		return err
	}
	slices.SortStableFunc(p.Versions, func(a, b policyVersion) int { return b.RecordedAt.Compare(a.RecordedAt) })
	if p.Brakes, err = v.brakes(); err != nil {
		return err
	}
	return v.renderAs(status, "policies", p)
}

// policyEvent is an entry of a policy's history.
type policyEvent struct {
	At      time.Time `json:"at"`
	Act     string    `json:"act"`
	Version int       `json:"version"`
	Rule    string    `json:"rule"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
}

// observedRule is what a rule would have blocked.
type observedRule struct {
	Version   int       `json:"version"`
	Rule      string    `json:"rule"`
	Action    string    `json:"action"`
	Accounts  int64     `json:"accounts"`
	Decisions int64     `json:"decisions"`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
}

type observed struct {
	Rules    []observedRule `json:"rules"`
	Accounts []struct {
		AccountID string    `json:"account_id"`
		Action    string    `json:"action"`
		Version   int       `json:"version"`
		Rule      string    `json:"rule"`
		FirstAt   time.Time `json:"first_at"`
		Decisions int64     `json:"decisions"`
	} `json:"accounts"`
	Cursor string `json:"cursor"`
}

type policyPage struct {
	*frame
	Name     string
	Current  *forcePolicy // nil if none is in force
	Brakes   []brake
	Braked   bool // as a whole
	Versions []policyVersion
	Events   []policyEvent // newest first; none without the right to read them
	Observed *observed     // nil without the right to read it
	First    string
	Next     string
}

func (s *Server) policy(v *visit) error {
	p := &policyPage{frame: v.frame("policy"), Name: v.r.PathValue("name")}
	all, err := v.policyVersions()
	if err != nil {
		return err
	}
	for _, one := range slices.Backward(all) {
		if one.Name == p.Name {
			p.Versions = append(p.Versions, one)
		}
	}
	if len(p.Versions) == 0 {
		return &problem{Status: http.StatusNotFound, Code: "policy_not_found"}
	}
	force, err := v.inForce()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(force, func(f forcePolicy) bool { return f.Name == p.Name }); i >= 0 {
		p.Current = &force[i]
	}
	brakes, err := v.brakes()
	if err != nil {
		return err
	}
	for _, b := range brakes {
		if b.Policy == p.Name {
			p.Brakes = append(p.Brakes, b)
			p.Braked = p.Braked || b.Rule == ""
		}
	}
	if err := p.past(v); err != nil {
		return err
	}
	return v.render("policy", p)
}

// past reads what only some may see.
func (p *policyPage) past(v *visit) error {
	if !v.can(api.AuditRead, api.PoliciesWrite, api.PoliciesApprove) {
		return nil
	}
	here := policiesPath + "/" + segment(p.Name)
	history, err := ask[struct {
		Events []policyEvent `json:"events"`
	}](v, "/v1/policies/"+segment(p.Name)+"/history")
	if err != nil {
		return err
	}
	slices.Reverse(history.Events)
	p.Events = history.Events
	seen, err := ask[observed](v, "/v1/policies/"+segment(p.Name)+"/observed", "cursor", v.query("cursor"), "limit", "50")
	if err != nil {
		return err
	}
	p.Observed = &seen
	if v.query("cursor") != "" {
		p.First = here
	}
	if seen.Cursor != "" {
		p.Next = address(here, []string{"cursor", seen.Cursor})
	}
	return nil
}

// difference is one way in which two versions differ.
type difference struct {
	Path string  `json:"path"`
	From *string `json:"from"`
	To   *string `json:"to"`
}

type policyVersionPage struct {
	*frame
	Policy      policyVersion
	Others      []int // versions to compare with
	Against     int   // 0: with none
	Differences []difference
}

func (s *Server) policyVersion(v *visit) error {
	name, version := v.r.PathValue("name"), v.r.PathValue("version")
	one, err := ask[policyVersion](v, "/v1/policies/"+segment(name)+"/versions/"+segment(version))
	if err != nil {
		return err
	}
	p := &policyVersionPage{frame: v.frame("policy_version"), Policy: one}
	all, err := v.policyVersions()
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Name == name && other.Version != one.Version {
			p.Others = append(p.Others, other.Version)
			if other.Version < one.Version {
				p.Against = other.Version // the one before, unless another is asked for
			}
		}
	}
	if asked, err := strconv.Atoi(v.query("from")); err == nil && slices.Contains(p.Others, asked) {
		p.Against = asked
	}
	if p.Against > 0 {
		got, err := ask[struct {
			Differences []difference `json:"differences"`
		}](v, "/v1/policies/"+segment(name)+"/diff", "from", strconv.Itoa(p.Against), "to", version)
		if err != nil {
			return err
		}
		p.Differences = got.Differences
	}
	return v.render("policy_version", p)
}
