package admin

import (
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
)

// queue is one of the queues of reviewers, with its pages.
type queue struct {
	Name    string // as the API calls it
	Section string // of the pages below /admin
}

func queues() []queue { return []queue{{"review", "reviews"}, {"manual", "manual"}} }

// Home is the address of the queue's page.
func (q queue) Home() string { return "/admin/" + q.Section }

// Of is the address of a case.
func (q queue) Of(accountID string) string { return q.Home() + "/" + segment(accountID) }

func (s *Server) reviewRoutes() {
	for _, q := range queues() {
		s.page("GET "+q.Home(), s.queue(q), api.ReviewsWrite, api.VerificationsRead)
		s.page("POST "+q.Home()+"/next", s.nextCase(q), api.ReviewsWrite)
		s.caseRoutes(q)
	}
}

// waiting is an account in a queue, as the API tells it.
type waiting struct {
	AccountID     string     `json:"account_id"`
	Seq           int64      `json:"seq"`
	Since         time.Time  `json:"since"`
	Due           time.Time  `json:"due"`
	Late          bool       `json:"late"`
	Findings      []string   `json:"findings"`
	Risk          int        `json:"risk"`
	Claim         *held      `json:"claim"`
	Escalated     *stepTaken `json:"escalated"`
	FirstApproval *stepTaken `json:"first_approval"`
}

// held is who holds a case.
type held struct {
	Holder string    `json:"holder"`
	Mine   bool      `json:"mine"`
	Until  time.Time `json:"until"`
}

type stepTaken struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// soon is the last part of the time that a case may wait: one in four.
const soon = 4

// Clock says how a case stands: late, soon late, or neither.
func (w waiting) Clock(now time.Time) string {
	switch {
	case w.Late:
		return "late"
	case w.Due.Sub(now) < w.Due.Sub(w.Since)/soon:
		return "soon"
	default:
		return "time"
	}
}

// The least risks that are called high and medium.
const (
	highRisk   = 60
	mediumRisk = 20
)

// Level is the risk in a word.
func (w waiting) Level() string {
	switch {
	case w.Risk >= highRisk:
		return "high"
	case w.Risk >= mediumRisk:
		return "medium"
	default:
		return "low"
	}
}

type queueCounts struct {
	Waiting   int `json:"waiting"`
	Free      int `json:"free"`
	Late      int `json:"late"`
	Escalated int `json:"escalated"`
	Most      int `json:"most"`
	Ages      []struct {
		Age   string `json:"age"`
		Count int    `json:"count"`
	} `json:"ages"`
}

// figure is a count that leads to what it counts.
type figure struct {
	Name    string // the message is queue.count.<Name>
	Count   int
	More    bool // there are more than were counted
	Path    string
	Current bool
}

type queuePage struct {
	*frame
	Queue   queue
	Cases   []waiting
	Figures []figure
	Query   map[string]string
	Next    string // address of the next page of the list
	First   string
}

// filters are the parameters of a queue's address that the API knows too.
func filters() []string { return []string{"order", "claimed", "late", "escalated", "age"} }

func (s *Server) queue(q queue) func(*visit) error {
	return func(v *visit) error {
		p := &queuePage{frame: v.frame(q.Section), Queue: q, Query: map[string]string{}}
		p.Refresh, p.Wide = 10, true
		pairs := []string{"queue", q.Name, "limit", "50", "cursor", v.query("cursor")}
		for _, name := range filters() {
			p.Query[name] = v.query(name)
			pairs = append(pairs, name, v.query(name))
		}
		list, err := ask[struct {
			Cases  []waiting `json:"cases"`
			Cursor string    `json:"cursor"`
		}](v, "/v1/reviews", pairs...)
		if err != nil {
			return err
		}
		counts, err := ask[queueCounts](v, "/v1/reviews:counts", "queue", q.Name)
		if err != nil {
			return err
		}
		p.Cases, p.Figures = list.Cases, p.figures(counts)
		if list.Cursor != "" {
			p.Next = p.address("cursor", list.Cursor)
		}
		if v.query("cursor") != "" {
			p.First = p.address()
		}
		return v.render("queue", p)
	}
}

// address is the page with its filters, and with more parameters.
func (p *queuePage) address(more ...string) string {
	var pairs []string
	for _, name := range filters() {
		pairs = append(pairs, name, p.Query[name])
	}
	return address(p.Queue.Home(), append(pairs, more...))
}

// figures are the counts of a queue, each with the address of its list.
func (p *queuePage) figures(c queueCounts) []figure {
	all := []figure{
		{Name: "waiting", Count: c.Waiting}, {Name: "free", Count: c.Free, Path: "claimed=free"},
		{Name: "late", Count: c.Late, Path: "late=true"}, {Name: "escalated", Count: c.Escalated, Path: "escalated=true"},
	}
	for _, a := range c.Ages {
		all = append(all, figure{Name: a.Age, Count: a.Count, Path: "age=" + a.Age})
	}
	for i := range all {
		f := &all[i]
		name, value, _ := strings.Cut(f.Path, "=")
		f.Current = name != "" && p.Query[name] == value
		if name == "" {
			f.Current = p.address() == address(p.Queue.Home(), []string{"order", p.Query["order"]})
		}
		f.Path = address(p.Queue.Home(), []string{"order", p.Query["order"], name, value})
		f.More = c.Most > 0 && f.Count >= c.Most
	}
	return all
}

// Many is a count, with a sign where it is only known to be that or more.
func (p *queuePage) Many(f figure) string {
	if f.More {
		return p.Num(int64(f.Count)) + "+"
	}
	return p.Num(int64(f.Count))
}

// Filtered reports whether the list is not the whole queue.
func (p *queuePage) Filtered() bool {
	return p.Query["claimed"]+p.Query["late"]+p.Query["escalated"]+p.Query["age"] != ""
}

// nextCase takes the next case and leads to it.
func (s *Server) nextCase(q queue) func(*visit) error {
	return func(v *visit) error {
		return v.next(q, "claimed")
	}
}

// next takes the next case of a queue and leads to it, or back to the queue if nobody waits.
func (v *visit) next(q queue, done string) error {
	got, err := tell[struct {
		Case *waiting `json:"case"`
	}](v, "/v1/reviews:next", map[string]any{"queue": q.Name, "order": v.form("order"), "escalated": v.form("escalated") == "true"})
	if err != nil {
		return err
	}
	on := address("", []string{"order", v.form("order"), "escalated", v.form("escalated"), "go_on", v.form("go_on")})
	if got.Case != nil {
		return v.done(q.Of(got.Case.AccountID)+on, done)
	}
	if done != "claimed" {
		return v.done(q.Home(), done+"_last")
	}
	return v.done(q.Home(), "queue_empty")
}

// On is what the address of a case keeps of the list: how the next case is taken.
func (p *queuePage) On() string {
	return address("", []string{"order", p.Query["order"], "escalated", p.Query["escalated"]})
}

// Orders, Claims and Ages are what can be chosen; the first is the standard.
func (*queuePage) Orders() []string { return []string{"", "risk"} }

// Claims are the values of the filter of that name.
func (*queuePage) Claims() []string { return []string{"", "free", "held", "mine"} }

// Ages are the values of the filter of that name.
func (*queuePage) Ages() []string { return []string{"", "day", "days", "week", "older"} }

// ClockText says when a case is due, or since when it is late.
func (f *frame) ClockText(w waiting) (string, error) {
	left := w.Due.Sub(f.Now)
	if left < 0 {
		left = -left
	}
	span, err := f.Span(left)
	if err != nil {
		return "", err
	}
	return f.lang.Text("clock."+w.Clock(f.Now), "span", span)
}

// Clock is the time of day of an instant in Beijing, for what ends within hours.
func (f *frame) Clock(t time.Time) string { return f.lang.Clock(t) }
