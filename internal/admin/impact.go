package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/chart"
)

// classes are what an account can be under the rules, the strictest first, as far as the page counts them.
func classes() []string {
	return []string{"blocked", "would_block", "prompted", "would_prompt", "extended", "grace", "waiting", "verified", "not_covered"}
}

// classCounts are the accounts by class.
type classCounts map[string]int64

// preview is what the API says whom rules will hit.
type preview struct {
	From     time.Time `json:"from"`
	At       time.Time `json:"at"`
	Policies []struct {
		Name     string `json:"name"`
		Version  int    `json:"version"`
		Proposed bool   `json:"proposed"`
	} `json:"policies"`
	Open         int64       `json:"open"`
	Closed       int64       `json:"closed"`
	Total        classCounts `json:"total"`
	NewlyBlocked int64       `json:"newly_blocked"`
	NewlyFree    int64       `json:"newly_released"`
	Rules        []struct {
		Policy       string      `json:"policy"`
		Rule         string      `json:"rule"`
		InForce      bool        `json:"in_force"`
		Observes     bool        `json:"observes"`
		Counts       classCounts `json:"counts"`
		NewlyBlocked int64       `json:"newly_blocked"`
		NewlyFree    int64       `json:"newly_released"`
		States       []struct {
			State  string      `json:"state"`
			Counts classCounts `json:"counts"`
		} `json:"states"`
	} `json:"rules"`
	Changes []struct {
		At       time.Time `json:"at"`
		Policy   string    `json:"policy"`
		Rule     string    `json:"rule"`
		From     string    `json:"from"`
		To       string    `json:"to"`
		Accounts int64     `json:"accounts"`
	} `json:"changes"`
	Days []struct {
		At    time.Time   `json:"at"`
		Total classCounts `json:"total"`
	} `json:"days"`
}

// impactView is a preview with its figure.
type impactView struct {
	preview
	Classes []string // those that some account is in
	Figure  chart.Picture
}

// previewQuestion is what a preview is asked.
type previewQuestion struct {
	Text string    // of a policy that is not published, if any
	At   time.Time // the instant that is counted
}

func (q previewQuestion) body() map[string]any {
	body := map[string]any{"at": q.At.Format(time.RFC3339)}
	if q.Text != "" {
		body["policy_text"] = q.Text
	}
	return body
}

// preview asks whom rules will hit. It reads every account: it is asked for by a press, never by a page itself.
func (v *visit) preview(q previewQuestion) (*impactView, error) {
	got, err := tellAnew[preview](v, "/v1/policies:impact", q.body())
	if err != nil {
		return nil, err
	}
	view := &impactView{preview: got}
	for _, c := range classes() {
		if got.Total[c] > 0 {
			view.Classes = append(view.Classes, c)
		}
	}
	view.Figure, err = v.impactFigure(got)
	return view, err
}

// impactFigure draws blocked and prompted accounts day by day.
func (v *visit) impactFigure(p preview) (chart.Picture, error) {
	texts := map[string]string{}
	for _, key := range []string{"impact.figure", "impact.figure_says", "impact.figure_none", "impact.day", "class.blocked", "class.prompted", "class.would_block"} {
		text, err := v.lang.Text(key)
		if err != nil {
			return chart.Picture{}, err
		}
		texts[key] = text
	}
	line := chart.Line{
		Words: chart.Words{ID: "impact", Title: texts["impact.figure"], Desc: texts["impact.figure_says"], None: texts["impact.figure_none"]},
		Time:  texts["impact.day"],
	}
	f := &frame{lang: v.lang}
	line.Tick, line.When = f.Day, f.Day
	for _, s := range []struct {
		class  string
		dashes chart.Dashes
		area   bool
	}{{"blocked", chart.Solid, true}, {"prompted", chart.Dashed, false}, {"would_block", chart.Dotted, false}} {
		series := chart.Series{Name: texts["class."+s.class], Dashes: s.dashes, Area: s.area}
		some := s.class != "would_block"
		for _, day := range p.Days {
			series.Points = append(series.Points, chart.Point{At: day.At, Value: float64(day.Total[s.class])})
			some = some || day.Total[s.class] > 0
		}
		if some {
			line.Series = append(line.Series, series)
		}
	}
	return line.Draw(), nil
}

// impactRow is an account under a rule.
type impactRow struct {
	AccountID string    `json:"account_id"`
	State     string    `json:"state"`
	Rule      string    `json:"rule"`
	Class     string    `json:"class"`
	Deadline  time.Time `json:"deadline"`
	Change    string    `json:"change"`
}

// shownRows bounds the accounts that the page lists; the file has all.
const shownRows = 200

type impactPage struct {
	*frame
	At      string // of the form
	Class   string // of the list
	Classes []string
	View    *impactView // nil before somebody asks
	Rows    []impactRow
	File    string // address of the list as a file
	Problem *problem
}

func (s *Server) impact(v *visit) error {
	p := &impactPage{frame: v.frame("impact"), At: v.query("at"), Class: v.query("class"), Classes: classes()}
	p.Wide = true
	if !slices.Contains(p.Classes, p.Class) {
		p.Class = "blocked"
	}
	if p.At == "" {
		return v.render("impact", p)
	}
	err := p.ask(v)
	status := http.StatusOK
	if p.Problem = faultsIn(err); p.Problem != nil {
		p.Faulty, status = true, p.Problem.Status
	} else if err != nil {
		return err
	}
	return v.renderAs(status, "impact", p)
}

func (p *impactPage) ask(v *visit) error {
	at, err := v.instantOf("at", p.At)
	if err != nil {
		return err
	}
	q := previewQuestion{At: at}
	if p.View, err = v.preview(q); err != nil {
		return err
	}
	body := q.body()
	body["classes"], body["limit"] = []string{p.Class}, shownRows
	if p.Rows, err = v.impactRows(body); err != nil {
		return err
	}
	p.File = address(impactPath+"/accounts", []string{"at", p.At, "class", p.Class})
	return nil
}

// instantOf reads a browser's field, or fails as the API would.
func (v *visit) instantOf(field, text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, inBeijing(text))
	if err == nil {
		return at, nil
	}
	message, err := v.lang.Text("instant.bad")
	if err != nil {
		return at, err
	}
	return at, &problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Errors: []fault{{Field: field, Message: message}}}
}

func (v *visit) impactRows(body map[string]any) ([]impactRow, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("admin: impact: %w", err)
	}
	r, err := v.request(http.MethodPost, "/v1/policies:impact-accounts", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer := v.s.answer(r)
	if answer.status != http.StatusOK {
		return nil, answer.problem()
	}
	var rows []impactRow
	lines := bufio.NewScanner(&answer.body)
	for lines.Scan() {
		var row impactRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("admin: impact: %w", err)
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}

// impactAccounts is the whole list as a file.
func (s *Server) impactAccounts(v *visit) error {
	at, err := v.instantOf("at", v.query("at"))
	if err != nil {
		return err
	}
	body := previewQuestion{At: at}.body()
	body["format"] = "csv"
	if class := v.query("class"); slices.Contains(classes(), class) {
		body["classes"] = []string{class}
	}
	return v.passTold("/v1/policies:impact-accounts", "impact-"+at.Format("2006-01-02")+".csv", body)
}
