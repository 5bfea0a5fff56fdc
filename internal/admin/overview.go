package admin

import (
	"html/template"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/chart"
	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func (s *Server) overviewRoutes() {
	s.page("GET /admin/{$}", s.overview, api.VerificationsRead)
}

// overviewPage shows how the campaign stands.
type overviewPage struct {
	*frame
	spans
	Figures  *figures.Figures
	Funnel   []funnelRow
	BurnDown *chart.Picture // nil without a covered account
	Backlog  chart.Picture
	Attempts []attemptRow
}

// funnelRow is one state of the funnel.
type funnelRow struct {
	figures.FunnelStep
	Share string // of the covered accounts that came as far
	Of    string // of those that came as far as the step before; empty beside the way
	Bar   template.HTML
	Stay  *figures.StateStay // nil if nobody left the state lately
	Aside bool               // it lies beside the way
}

// attemptRow is what became of attempts in a day and in a week.
type attemptRow struct {
	Name      string // the message is overview.attempts.<Name>
	Day, Week int64
}

func (s *Server) overview(v *visit) error {
	got, err := ask[figures.Figures](v, "/v1/figures")
	if err != nil {
		return err
	}
	f := v.frame("overview")
	f.Refresh = 10
	p := &overviewPage{frame: f, spans: spans{f}, Figures: &got, Funnel: funnelRows(&got), Attempts: attemptRows(got.Attempts)}
	draw := drawing{frame: f}
	p.Backlog = draw.backlog(&got.Population.Backlog)
	if got.Population.Covered > 0 {
		picture := draw.burnDown(&got.Population)
		p.BurnDown = &picture
	}
	if draw.err != nil {
		return draw.err
	}
	return v.render("overview", p)
}

// First says what an empty system lacks: the messages are overview.first.<what>; empty if it lacks nothing.
func (p *overviewPage) First() string {
	switch {
	case len(p.Figures.Population.Rules) == 0 && p.Figures.Population.Enforcement == nil:
		return "rules"
	case p.Figures.Population.Accounts == 0:
		return "accounts"
	default:
		return ""
	}
}

// funnelRows puts the states that lie beside the way after the others.
func funnelRows(f *figures.Figures) []funnelRow {
	var way, aside []funnelRow
	before := f.Population.Covered
	for _, step := range f.Population.Funnel {
		row := funnelRow{FunnelStep: step, Share: percent(step.Reached, f.Population.Covered), Bar: chart.Meter(float64(step.Accounts), float64(f.Population.Covered), 0)}
		for i := range f.Stays {
			if f.Stays[i].State == step.State {
				row.Stay = &f.Stays[i]
			}
		}
		switch step.State {
		case lifecycle.Rejected, lifecycle.FaceFailed, lifecycle.Locked, lifecycle.ManualReview:
			row.Aside, row.Share = true, ""
			row.Bar = chart.Meter(float64(step.Accounts), float64(f.Population.Covered), 1)
			aside = append(aside, row)
		default:
			row.Of, before = percent(step.Reached, before), step.Reached
			way = append(way, row)
		}
	}
	return append(way, aside...)
}

func attemptRows(a figures.AttemptFigures) []attemptRow {
	return []attemptRow{
		{"begun", a.Day.Begun, a.Week.Begun}, {"passed", a.Day.Passed, a.Week.Passed}, {"failed", a.Day.Failed, a.Week.Failed},
		{"expired", a.Day.Expired, a.Week.Expired}, {"locked", a.Day.Locked, a.Week.Locked},
	}
}

// RestrictedBy is how many restrictions of a rule are open.
func (p *overviewPage) RestrictedBy(policy, rule string) int64 {
	for _, r := range p.Figures.Restricted {
		if r.Policy == policy && r.Rule == rule {
			return r.Accounts
		}
	}
	return 0
}

// Until is the time from now to an instant.
func (p *overviewPage) Until(at time.Time) (string, error) {
	return p.Took(int64(at.Sub(p.Now) / time.Second))
}
