package chart

import "html/template"

// Columns are stacked columns: what several series add up to, for each of some names or days.
type Columns struct {
	Words
	Names  []string // of the columns
	Series []Stack
	Row    string               // heading of the table's first column
	Total  string               // heading of the sums; empty shows none in the table
	Value  func(float64) string // a value; a whole number if nil
}

// Stack is one series of Columns: a value for each column; missing ones are zero.
type Stack struct {
	Name   string
	Values []float64
}

func (s *Stack) at(column int) float64 {
	if column >= len(s.Values) {
		return 0
	}
	return amount(s.Values[column])
}

func (l *Columns) total(column int) float64 {
	var sum float64
	for i := range l.Series {
		sum += l.Series[i].at(column)
	}
	return sum
}

// Draw draws the figure. Series beyond the sixth repeat the fills.
func (l Columns) Draw() Picture {
	t := Table{Caption: l.Title, Head: []string{l.Row}}
	for _, s := range l.Series {
		t.Head = append(t.Head, s.Name)
	}
	if l.Total != "" {
		t.Head = append(t.Head, l.Total)
	}
	format := formatter(l.Value)
	for i, name := range l.Names {
		row := []string{name}
		for j := range l.Series {
			row = append(row, format(l.Series[j].at(i)))
		}
		if l.Total != "" {
			row = append(row, format(l.total(i)))
		}
		t.Rows = append(t.Rows, row)
	}
	return Picture{ID: l.ID, Wide: l.draw(wide()), Narrow: l.draw(narrow()), Table: t}
}

func (l *Columns) draw(f form) template.HTML {
	c := begin(l.Words, f, f.height)
	var highest float64
	for i := range l.Names {
		highest = max(highest, l.total(i))
	}
	if len(l.Names) == 0 || len(l.Series) == 0 {
		c.none(l.Words, f, f.height)
		return c.end()
	}
	c.patterns(len(l.Series))
	format := formatter(l.Value)
	steps := ticks(highest)
	p := plot{
		left: min(widthOf(format(steps[len(steps)-1]))+10, f.width/3), right: f.width - 4, bottom: f.height - 28,
		highest: steps[len(steps)-1],
	}
	p.top = min(l.legend(c, f, 4)+lineHeight, p.bottom-40)
	for _, v := range steps {
		c.line(p.left, p.y(v), p.right, p.y(v), "grid", "")
		c.text(p.left-6, p.y(v)+4, "end", "soft", fit(format(v), p.left-6))
	}
	for i := range l.Names {
		l.column(c, &p, i, format)
	}
	return c.end()
}

// legend names the series, each beside a sample of its fill, and returns where it ends.
func (l *Columns) legend(c *canvas, f form, y float64) float64 {
	const sample = 16.0
	x := 4.0
	for i, s := range l.Series {
		name := fit(s.Name, f.width-sample-14)
		if w := sample + 6 + widthOf(name); x > 4 && x+w > f.width {
			x, y = 4, y+lineHeight+4
		}
		c.rect(x, y, sample, 14, i%kinds)
		c.text(x+sample+6, y+12, "start", "", name)
		x += sample + widthOf(name) + 22
	}
	return y + lineHeight
}

// column draws one column from below, with its sum above it and its name under it where there is room.
func (l *Columns) column(c *canvas, p *plot, i int, format func(float64) string) {
	slot := (p.right - p.left) / float64(len(l.Names))
	thick := min(slot*0.7, 64)
	middle := p.left + slot*(float64(i)+0.5)
	var below float64
	for j := range l.Series {
		v := l.Series[j].at(i)
		if v > 0 {
			c.rect(middle-thick/2, p.y(below+v), thick, p.y(below)-p.y(below+v), j%kinds)
		}
		below += v
	}
	if sum := format(below); below > 0 && widthOf(sum) < slot {
		c.text(middle, p.y(below)-5, "middle", "value", sum)
	}
	if every := l.every(slot); i%every == 0 {
		c.text(middle, p.bottom+18, "middle", "soft", fit(l.Names[i], slot*float64(every)))
	}
}

// every is how many columns share the room of one name.
func (l *Columns) every(slot float64) int {
	widest := 0.0
	for _, name := range l.Names {
		widest = max(widest, widthOf(name)+8)
	}
	every := 1
	for slot*float64(every) < widest && every < len(l.Names) {
		every++
	}
	return every
}
