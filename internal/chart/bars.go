package chart

import "html/template"

// Bars are values beside each other, as horizontal bars: a funnel, or classes of age.
type Bars struct {
	Words
	Bars  []Bar
	Row   string               // heading of the table's first column
	Head  string               // heading of the values
	Notes string               // heading of the notes; empty if there are none
	Value func(float64) string // a value; a whole number if nil
}

// Bar is one value.
type Bar struct {
	Name  string
	Value float64
	Note  string // stands behind the value, as a share does
	Kind  int    // its fill, 0 to 5
}

func (b *Bar) label(format func(float64) string) string {
	text := format(amount(b.Value))
	if b.Note != "" {
		text += " · " + b.Note
	}
	return text
}

// Draw draws the figure.
func (b Bars) Draw() Picture {
	t := Table{Caption: b.Title, Head: []string{b.Row, b.Head}}
	if b.Notes != "" {
		t.Head = append(t.Head, b.Notes)
	}
	format := formatter(b.Value)
	for _, bar := range b.Bars {
		row := []string{bar.Name, format(amount(bar.Value))}
		if b.Notes != "" {
			row = append(row, bar.Note)
		}
		t.Rows = append(t.Rows, row)
	}
	return Picture{ID: b.ID, Wide: b.draw(wide()), Narrow: b.draw(narrow()), Table: t}
}

func (b *Bars) draw(f form) template.HTML {
	row, thick := 30.0, 18.0
	if f.narrow {
		row = 44 // the name stands above its bar
	}
	height := max(row*float64(len(b.Bars))+8, 60)
	c := begin(b.Words, f, height)
	if len(b.Bars) == 0 {
		c.none(b.Words, f, height)
		return c.end()
	}
	format := formatter(b.Value)
	var highest, names, labels float64
	used := 0
	for i := range b.Bars {
		bar := &b.Bars[i]
		highest, names, labels = max(highest, amount(bar.Value)), max(names, widthOf(bar.Name)), max(labels, widthOf(bar.label(format)))
		used = max(used, kindOf(bar.Kind)+1)
	}
	c.patterns(used)
	left := 1.0
	if !f.narrow {
		left = min(names, f.width/3) + 12
	}
	room := max(f.width-left-min(labels, f.width/2)-10, 1)
	for i := range b.Bars {
		bar, y := &b.Bars[i], 4+row*float64(i)
		if f.narrow {
			c.text(left, y+13, "start", "", fit(bar.Name, f.width))
			y += 19
		} else {
			c.text(left-10, y+14, "end", "", fit(bar.Name, left-10))
		}
		length := 0.0
		if highest > 0 {
			length = amount(bar.Value) / highest * room
		}
		c.rect(left, y, length, thick, kindOf(bar.Kind))
		c.text(left+length+7, y+14, "start", "value", fit(bar.label(format), f.width-left-length-7))
	}
	return c.end()
}

// kindOf is a kind that exists.
func kindOf(kind int) int { return max(kind, 0) % kinds }

// Meter is one bar without words, to stand beside a number in a table: the share of value in whole.
func Meter(value, whole float64, kind int) template.HTML {
	share := 0.0
	if whole = amount(whole); whole > 0 {
		share = min(amount(value)/whole, 1)
	}
	c := &canvas{}
	c.tag("svg", "xmlns", "http://www.w3.org/2000/svg", "class", "meter", "aria-hidden", "true", "viewBox", "0 0 100 10",
		"preserveAspectRatio", "none", "width", "100", "height", "10")
	c.leaf("rect", "class", "trough", "width", "100", "height", "10", "fill", "currentColor")
	c.leaf("rect", "class", class(kindOf(kind)), "width", number(100*share), "height", "10", "fill", "currentColor")
	return c.end()
}
