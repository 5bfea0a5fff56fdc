package chart

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"time"
)

// Line is values over time.
type Line struct {
	Words
	Series []Series
	Band   *Band
	Marks  []Mark

	Time  string                 // heading of the table's first column
	Tick  func(time.Time) string // an instant on the axis; a date if nil
	When  func(time.Time) string // an instant in the table; a date if nil
	Value func(float64) string   // a value; a whole number if nil
}

// Series is one line. Where its value is no number it is broken.
type Series struct {
	Name   string
	Points []Point
	Dashes Dashes
	Area   bool // what is below it is filled
}

// Point is a value at an instant.
type Point struct {
	At    time.Time
	Value float64
}

// Dashes is how a line is drawn.
type Dashes int

// How lines are drawn. A forecast is Dashed.
const (
	Solid Dashes = iota
	Dashed
	Dotted
)

func (d Dashes) array() string {
	switch d {
	case Dashed:
		return "7 5"
	case Dotted:
		return "2 4"
	default:
		return ""
	}
}

// Band is the range of a forecast, drawn behind the lines. Low and High have the same instants.
type Band struct {
	Name              string
	Low, High         []Point
	LowName, HighName string // headings of the table
}

// Mark is an instant that matters.
type Mark struct {
	At   time.Time
	Name string
}

// Draw draws the figure.
func (l Line) Draw() Picture {
	l.Series = slices.Clone(l.Series)
	for i := range l.Series {
		l.Series[i].Points = ordered(l.Series[i].Points)
	}
	if l.Band != nil {
		l.Band = &Band{l.Band.Name, ordered(l.Band.Low), ordered(l.Band.High), l.Band.LowName, l.Band.HighName}
	}
	return Picture{ID: l.ID, Wide: l.draw(wide()), Narrow: l.draw(narrow()), Table: l.table()}
}

func ordered(points []Point) []Point {
	return slices.SortedStableFunc(slices.Values(points), func(a, b Point) int { return a.At.Compare(b.At) })
}

// lines are the points of all lines and of the band.
func (l *Line) lines() [][]Point {
	var all [][]Point
	for _, s := range l.Series {
		all = append(all, s.Points)
	}
	if l.Band != nil {
		all = append(all, l.Band.Low, l.Band.High)
	}
	return all
}

// plot is where a line's values lie in a drawing.
type plot struct {
	left, right, top, bottom float64
	from, to                 time.Time
	highest                  float64
}

func (p *plot) x(at time.Time) float64 {
	span := float64(p.to.Unix()) - float64(p.from.Unix())
	if span <= 0 {
		return p.left
	}
	part := (float64(at.Unix()) - float64(p.from.Unix())) / span
	return p.left + min(max(part, 0), 1)*(p.right-p.left)
}

func (p *plot) y(v float64) float64 { return p.bottom - v/p.highest*(p.bottom-p.top) }

// extent finds the first and the last instant and the highest value; ok is false without any.
func (l *Line) extent() (p plot, ok bool) {
	see := func(at time.Time) {
		if !ok || at.Before(p.from) {
			p.from = at
		}
		if !ok || at.After(p.to) {
			p.to = at
		}
		ok = true
	}
	for _, points := range l.lines() {
		for _, q := range points {
			if v, is := drawable(q.Value); is {
				see(q.At)
				p.highest = max(p.highest, v)
			}
		}
	}
	if ok {
		for _, m := range l.Marks {
			see(m.At)
		}
	}
	return p, ok
}

func (l *Line) draw(f form) template.HTML {
	c := begin(l.Words, f, f.height)
	p, ok := l.extent()
	if !ok {
		c.none(l.Words, f, f.height)
		return c.end()
	}
	format := formatter(l.Value)
	steps := ticks(p.highest)
	p.highest = steps[len(steps)-1]
	p.left, p.right, p.bottom = widthOf(format(p.highest))+10, f.width-14, f.height-28
	p.left = min(p.left, f.width/3)
	top := 12.0
	if !f.narrow {
		p.right -= min(l.widest()+8, f.width/4)
	} else {
		top = l.legend(c, f, top)
	}
	p.top = top
	flags := l.flags(&p)
	for _, a := range flags {
		p.top = max(p.top, top+float64(a.row)*lineHeight)
	}
	l.axes(c, &p, steps, format)
	l.band(c, &p)
	for i := range l.Series {
		l.series(c, &p, i)
	}
	l.marks(c, &p, flags)
	if !f.narrow {
		l.names(c, &p)
	}
	return c.end()
}

func (l *Line) widest() float64 {
	var w float64
	for _, s := range l.Series {
		w = max(w, widthOf(s.Name))
	}
	if l.banded() {
		w = max(w, widthOf(l.Band.Name))
	}
	return w
}

// legend names the lines and the band above the drawing, each beside a sample, and returns where the drawing begins.
func (l *Line) legend(c *canvas, f form, y float64) float64 {
	const sample = 26.0
	x := 4.0
	next := func(name string) string {
		name = fit(name, f.width-sample-12)
		if x > 4 && x+sample+6+widthOf(name) > f.width {
			x, y = 4, y+lineHeight
		}
		c.text(x+sample+6, y+4, "start", "", name)
		return name
	}
	for i, s := range l.Series {
		name := next(s.Name)
		c.leaf("line", "x1", number(x), "y1", number(y), "x2", number(x+sample), "y2", number(y), "class", class(i),
			"stroke", "currentColor", "stroke-width", "2.5", "stroke-dasharray", s.Dashes.array())
		x += sample + widthOf(name) + 20
	}
	if l.banded() {
		next(l.Band.Name)
		c.leaf("rect", "x", number(x), "y", number(y-6), "width", number(sample), "height", "12", "class", "band",
			"fill", "currentColor", "fill-opacity", bandOpacity)
	}
	return y + lineHeight
}

func (l *Line) axes(c *canvas, p *plot, steps []float64, format func(float64) string) {
	for _, v := range steps {
		c.line(p.left, p.y(v), p.right, p.y(v), "grid", "")
		c.text(p.left-6, p.y(v)+4, "end", "soft", fit(format(v), p.left-6))
	}
	tick := dates(l.Tick)
	most := int((p.right - p.left) / (widthOf(tick(p.from)) + 22))
	for _, at := range instants(p.from, p.to, most) {
		x, name, anchor := p.x(at), tick(at), "middle"
		if x-widthOf(name)/2 < 0 {
			anchor = "start"
		}
		c.line(x, p.bottom, x, p.bottom+4, "soft", "")
		c.text(x, p.bottom+18, anchor, "soft", name)
	}
}

const bandOpacity = "0.16"

func (l *Line) banded() bool {
	return l.Band != nil && len(l.Band.Low) > 0 && len(l.Band.Low) == len(l.Band.High)
}

func (l *Line) band(c *canvas, p *plot) {
	if !l.banded() {
		return
	}
	var d strings.Builder
	point := func(q Point) {
		letter := "L"
		if d.Len() == 0 {
			letter = "M"
		}
		d.WriteString(letter + number(p.x(q.At)) + " " + number(p.y(amount(q.Value))))
	}
	for _, q := range l.Band.High {
		point(q)
	}
	for _, q := range slices.Backward(l.Band.Low) {
		point(q)
	}
	c.leaf("path", "d", d.String()+"Z", "class", "band", "fill", "currentColor", "fill-opacity", bandOpacity)
}

// series draws a line: each unbroken run of points, and a dot at its end.
func (l *Line) series(c *canvas, p *plot, i int) {
	s := &l.Series[i]
	for _, run := range runs(s.Points) {
		var d strings.Builder
		for j, q := range run {
			letter := "L"
			if j == 0 {
				letter = "M"
			}
			d.WriteString(letter + number(p.x(q.At)) + " " + number(p.y(q.Value)))
		}
		first, last := run[0], run[len(run)-1]
		if s.Area {
			floor := number(p.y(0))
			area := d.String() + "L" + number(p.x(last.At)) + " " + floor + "L" + number(p.x(first.At)) + " " + floor + "Z"
			c.leaf("path", "d", area, "class", class(i), "fill", "currentColor", "fill-opacity", "0.12")
		}
		c.leaf("path", "d", d.String(), "class", class(i), "fill", "none", "stroke", "currentColor", "stroke-width", "2.5",
			"stroke-linejoin", "round", "stroke-dasharray", s.Dashes.array())
		c.leaf("circle", "cx", number(p.x(last.At)), "cy", number(p.y(last.Value)), "r", "3.5", "class", class(i), "fill", "currentColor")
	}
}

// runs are the stretches of points that can be drawn.
func runs(points []Point) [][]Point {
	var all [][]Point
	broken := true
	for _, q := range points {
		v, ok := drawable(q.Value)
		if !ok {
			broken = true
			continue
		}
		if broken {
			all = append(all, nil)
			broken = false
		}
		all[len(all)-1] = append(all[len(all)-1], Point{q.At, v})
	}
	return all
}

// names writes each line's name beside its end, and the band's, apart from each other.
func (l *Line) names(c *canvas, p *plot) {
	type label struct {
		y           float64
		class, name string
	}
	var all []label
	for i, s := range l.Series {
		if r := runs(s.Points); len(r) > 0 {
			last := r[len(r)-1][len(r[len(r)-1])-1]
			all = append(all, label{p.y(last.Value), class(i), s.Name})
		}
	}
	if l.banded() {
		low, high := l.Band.Low[len(l.Band.Low)-1], l.Band.High[len(l.Band.High)-1]
		all = append(all, label{(p.y(amount(low.Value)) + 3*p.y(amount(high.Value))) / 4, "soft", l.Band.Name})
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	low := p.bottom
	for _, a := range slices.Backward(all) { // from below, so that nothing falls out of the drawing
		y := min(a.y, low)
		low = y - lineHeight
		c.text(p.right+8, max(y+4, 0), "start", a.class, fit(a.name, wide().width-p.right-8))
	}
}

// flag is a mark's name beside its upright line, in one of the rows above the plot.
type flag struct {
	x, from, to float64 // of the line, and of the name
	anchor      string
	row         int // counted from below; the line passes all rows under its own
}

// meets reports whether two flags cannot stand as they are: names over each other, or a line through a name.
func (a *flag) meets(b *flag) bool {
	within := func(x float64, o *flag) bool { return x > o.from-4 && x < o.to+4 }
	switch {
	case a.row == b.row:
		return a.from < b.to+8 && b.from < a.to+8
	case a.row > b.row:
		return within(a.x, b)
	default:
		return within(b.x, a)
	}
}

// flags finds each mark the lowest row in which it meets no other.
func (l *Line) flags(p *plot) []flag {
	all := make([]flag, len(l.Marks))
	for i, m := range l.Marks {
		a := flag{x: p.x(m.At), anchor: "start"}
		wide := widthOf(fit(m.Name, l.room(p, a.x)))
		if a.from = a.x + 5; a.x-p.left > p.right-a.x {
			a.anchor, a.from = "end", a.x-5-wide
		}
		a.to = a.from + wide
		meets := func(o flag) bool { return a.meets(&o) }
		for a.row = 1; a.row <= len(l.Marks) && slices.ContainsFunc(all[:i], meets); {
			a.row++
		}
		all[i] = a
	}
	return all
}

// room is how wide the name of a mark can be.
func (l *Line) room(p *plot, x float64) float64 { return max(x-p.left, p.right-x) + p.left/2 }

func (l *Line) marks(c *canvas, p *plot, flags []flag) {
	for i, a := range flags {
		aside := 5.0
		if a.anchor == "end" {
			aside = -5
		}
		top := p.top - float64(a.row)*lineHeight
		c.line(a.x, top, a.x, p.bottom, "mark", "4 3")
		c.text(a.x+aside, top+12, a.anchor, "mark", fit(l.Marks[i].Name, l.room(p, a.x)))
	}
}

func (l *Line) table() Table {
	t := Table{Caption: l.Title, Head: []string{l.Time}}
	for _, s := range l.Series {
		t.Head = append(t.Head, s.Name)
	}
	if l.Band != nil {
		t.Head = append(t.Head, l.Band.LowName, l.Band.HighName)
	}
	lines := l.lines()
	var all []time.Time
	for _, points := range lines {
		for _, q := range points {
			all = append(all, q.At)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	when, format := dates(l.When), formatter(l.Value)
	for _, at := range all {
		row := []string{when(at)}
		for _, points := range lines {
			row = append(row, cell(points, at, format))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// cell is the value of a line at an instant, empty if it has none.
func cell(points []Point, at time.Time, format func(float64) string) string {
	i, ok := slices.BinarySearchFunc(points, at, func(q Point, at time.Time) int { return q.At.Compare(at) })
	if !ok {
		return ""
	}
	v, ok := drawable(points[i].Value)
	if !ok {
		return ""
	}
	return format(v)
}
