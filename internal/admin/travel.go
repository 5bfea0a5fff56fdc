package admin

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// travel is what each gate said, or would have said, at an instant.
type travel struct {
	At    string // as typed
	Basis string // did or would
	Fault bool   // At is no instant
	When  time.Time
	Rows  []travelRow
	Picks []travelPick
}

// travelRow is the answer for one action.
type travelRow struct {
	Action   string
	Unknown  bool // the account was not recorded by then
	Decision accountDecision
	Next     string // address of the instant at which the answer changes
}

// travelPick is an instant worth looking at.
type travelPick struct {
	Rule, Stage string // of the phase that begins then; both empty: now
	Before      bool   // a second before it
	At          time.Time
	Address     string
	Current     bool
}

const travelForm = "2006-01-02T15:04:05"

// readTravel asks the API what it answers for the instant of the address; without one for now.
func (p *accountPage) readTravel(r *accountReading) {
	v := r.v
	t := travel{At: v.query("at"), Basis: "would"}
	if v.query("basis") == "did" {
		t.Basis = "did"
	}
	defer func() { p.Travel = t }()
	var rules accountRules
	if r.err == nil {
		rules, r.err = ask[accountRules](v, "/v1/policies:in-force")
	}
	if r.err != nil {
		return
	}
	when, ok := travelInstant(t.At)
	t.Fault = t.At != "" && !ok
	t.When = when
	p.Rules, t.Picks = v.picks(rules, t)
	for _, action := range p.Actions() {
		row := travelRow{Action: action, Decision: p.Account.Gates[action]}
		if !when.IsZero() && v.r.Method == http.MethodGet {
			row = r.travelTo(action, when, t.Basis)
		}
		if next := row.Decision.NextChangeAt; next != nil {
			row.Next = v.travelAddress(*next, t.Basis)
		}
		t.Rows = append(t.Rows, row)
	}
}

// travelTo asks for one action. The API does not know accounts before they were recorded.
func (r *accountReading) travelTo(action string, when time.Time, basis string) travelRow {
	row := travelRow{Action: action}
	if r.err != nil {
		return row
	}
	var err error
	row.Decision, err = tell[accountDecision](r.v, r.base+"/decisions", map[string]string{
		"action": action, "at": when.Format(time.RFC3339Nano), "basis": basis,
	})
	var p *problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		row.Unknown, err = true, nil
	}
	r.err = err
	return row
}

// travelInstant reads an instant in Beijing, as a browser's field for date and time writes it.
func travelInstant(text string) (time.Time, bool) {
	for _, form := range []string{travelForm, "2006-01-02T15:04", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(form, text, lifecycle.Beijing()); err == nil && at.Year() >= 1900 && at.Year() <= 2200 {
			return at, true
		}
	}
	return time.Time{}, false
}

// picks are the ids of the rules, and the instants at which something changes by them, each with the second before.
func (v *visit) picks(rules accountRules, t travel) (ids []string, picks []travelPick) {
	picks = []travelPick{{Address: v.travelAddress(time.Time{}, ""), Current: t.At == ""}}
	for _, p := range rules.Policies {
		for _, r := range p.Rules {
			ids = append(ids, r.ID)
			for _, phase := range r.Phases {
				for _, before := range []bool{true, false} {
					at := phase.From
					if before {
						at = at.Add(-time.Second)
					}
					picks = append(picks, travelPick{
						Rule: r.ID, Stage: phase.Stage, Before: before, At: at, Address: v.travelAddress(at, t.Basis), Current: at.Equal(t.When),
					})
				}
			}
		}
	}
	slices.Sort(ids)
	return ids, picks
}

// travelAddress is the page at another instant, at the present one for none.
func (v *visit) travelAddress(at time.Time, basis string) string {
	text := ""
	if !at.IsZero() {
		text = at.In(lifecycle.Beijing()).Format(travelForm + ".999999999")
	}
	q := "/admin/accounts/" + segment(v.r.PathValue("account_id"))
	return address(q, []string{"at", text, "basis", basis, "view", v.query("view")}) + "#travel"
}
