package admin

import (
	"time"

	"github.com/verigate/verigate/internal/chart"
	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// drawing makes the charts of the overview. The first message that is missing is its err.
type drawing struct {
	*frame
	err error
}

// say is the message overview.chart.<key>.
func (d *drawing) say(key string, pairs ...any) string {
	text, err := d.T("overview.chart."+key, pairs...)
	if err != nil && d.err == nil {
		d.err = err
	}
	return text
}

func (d *drawing) burnDown(p *figures.Population) chart.Picture {
	l := chart.Line{
		Words:  chart.Words{ID: "burn-down", Title: d.say("burn.title"), None: d.say("none")},
		Series: []chart.Series{{Name: d.say("burn.unverified"), Area: true}},
		Time:   d.say("burn.day"),
		Tick:   func(t time.Time) string { return t.In(lifecycle.Beijing()).Format("01-02") },
		When:   func(t time.Time) string { return t.In(lifecycle.Beijing()).Format("2006-01-02 15:04") },
	}
	for _, day := range p.BurnDown.Days {
		l.Series[0].Points = append(l.Series[0].Points, chart.Point{At: day.At, Value: float64(day.Unverified)})
	}
	l.Desc = d.say("burn.desc", "unverified", d.Num(p.Unverified), "covered", d.Num(p.Covered))
	if len(p.BurnDown.Forecast) > 0 {
		d.forecast(&l, p)
	}
	if p.EnforcedAt != nil && len(p.BurnDown.Days) > 0 && !p.EnforcedAt.Before(p.BurnDown.Days[0].At) {
		l.Marks = append(l.Marks, chart.Mark{At: *p.EnforcedAt, Name: d.say("burn.enforced")})
	}
	return l.Draw()
}

func (d *drawing) forecast(l *chart.Line, p *figures.Population) {
	expected := chart.Series{Name: d.say("burn.forecast"), Dashes: chart.Dashed}
	band := &chart.Band{Name: d.say("burn.range"), LowName: d.say("burn.best"), HighName: d.say("burn.worst")}
	for _, f := range p.BurnDown.Forecast {
		expected.Points = append(expected.Points, chart.Point{At: f.At, Value: float64(f.Expected)})
		band.Low = append(band.Low, chart.Point{At: f.At, Value: float64(f.Least)})
		band.High = append(band.High, chart.Point{At: f.At, Value: float64(f.Most)})
	}
	l.Series, l.Band = append(l.Series, expected), band
	last := p.BurnDown.Forecast[len(p.BurnDown.Forecast)-1]
	l.Desc += " " + d.say("burn.desc_forecast", "at", d.When(last.At), "expected", d.Num(last.Expected), "least", d.Num(last.Least), "most", d.Num(last.Most))
	if e := p.Enforcement; e != nil && last.At.Equal(e.At) {
		l.Marks = append(l.Marks, chart.Mark{At: e.At, Name: d.say("burn.enforcement")})
	}
}

// backlog draws what waits, by age; what waits longest is drawn as what needs somebody.
func (d *drawing) backlog(b *figures.ReviewBacklog) chart.Picture {
	bars := chart.Bars{
		Words: chart.Words{ID: "backlog", Title: d.say("backlog.title"), Desc: d.say("backlog.desc", "waiting", d.Num(b.Waiting)), None: d.say("none")},
		Row:   d.say("backlog.age"), Head: d.say("backlog.accounts"),
	}
	for i, age := range b.Ages {
		bar := chart.Bar{Name: d.say("age." + age.Name), Value: float64(age.Accounts)}
		if i == len(b.Ages)-1 {
			bar.Kind = 3
		}
		bars.Bars = append(bars.Bars, bar)
	}
	return bars.Draw()
}
