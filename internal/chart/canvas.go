package chart

import (
	"encoding/xml"
	"html/template"
	"strconv"
	"strings"
)

const (
	textSize   = 13.0 // px in the drawing, which is shown at about its own size
	lineHeight = 18.0
	kinds      = 6 // fills and colours that differ
)

// canvas writes SVG.
type canvas struct {
	b  strings.Builder
	id string // of this form of the figure
}

// begin opens a drawing that says what it is to those who do not see it.
func begin(w Words, f form, height float64) *canvas {
	c := &canvas{id: w.ID + "-" + f.name}
	c.tag("svg", "xmlns", "http://www.w3.org/2000/svg", "class", "drawing "+f.name, "role", "img",
		"viewBox", "0 0 "+number(f.width)+" "+number(height), "width", number(f.width), "height", number(height),
		"aria-labelledby", c.id+"-title "+c.id+"-desc", "font-size", number(textSize), "fill", "currentColor")
	c.words("title", w.Title, "id", c.id+"-title")
	c.words("desc", w.Desc, "id", c.id+"-desc")
	return c
}

func (c *canvas) end() template.HTML {
	c.close("svg")
	return template.HTML(c.b.String()) //nolint:gosec // every text and value is escaped where it is written
}

// tag opens an element; pairs are names and values of its attributes.
func (c *canvas) tag(name string, pairs ...string) {
	c.b.WriteByte('<')
	c.b.WriteString(name)
	for i := 0; i+1 < len(pairs); i += 2 {
		c.b.WriteByte(' ')
		c.b.WriteString(pairs[i])
		c.b.WriteString(`="`)
		c.escape(pairs[i+1])
		c.b.WriteByte('"')
	}
	c.b.WriteByte('>')
}

func (c *canvas) close(name string) {
	c.b.WriteString("</")
	c.b.WriteString(name)
	c.b.WriteString(">\n")
}

// leaf writes an element without content.
func (c *canvas) leaf(name string, pairs ...string) {
	c.tag(name, pairs...)
	c.close(name)
}

// words writes an element with a text.
func (c *canvas) words(name, text string, pairs ...string) {
	c.tag(name, pairs...)
	c.escape(text)
	c.close(name)
}

func (c *canvas) escape(text string) {
	_ = xml.EscapeText(&c.b, []byte(text)) // a Builder never fails
}

// text writes words whose baseline begins, ends or has its middle ("start", "end", "middle") at x, y.
func (c *canvas) text(x, y float64, anchor, class, words string) {
	c.words("text", words, "x", number(x), "y", number(y), "text-anchor", anchor, "class", class)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class, dash string) {
	pairs := []string{
		"x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2), "class", class, "stroke", "currentColor",
	}
	if dash != "" {
		pairs = append(pairs, "stroke-dasharray", dash)
	}
	c.leaf("line", pairs...)
}

// rect draws an area in one of the kinds.
func (c *canvas) rect(x, y, width, height float64, kind int) {
	kind %= kinds
	fill := "currentColor"
	if kind > 0 {
		fill = "url(#" + c.pattern(kind) + ")"
	}
	c.leaf("rect", "x", number(x), "y", number(y), "width", number(width), "height", number(height),
		"class", class(kind), "fill", fill, "stroke", "currentColor")
}

func class(kind int) string { return "c" + strconv.Itoa(kind%kinds) }

func (c *canvas) pattern(kind int) string { return c.id + "-p" + strconv.Itoa(kind) }

// patterns defines the fills of kinds 1 to 5; kind 0 is filled evenly.
func (c *canvas) patterns(used int) {
	strokes := [kinds]string{
		1: "M-2 2L2-2M0 8L8 0M6 10L10 6", // slanted lines
		2: "M4 2.5v3M2.5 4h3",            // small crosses
		3: "M0 0L8 8M8 0L0 8",            // a lattice
		4: "M0 4H8",                      // level lines
		5: "M4 0V8",                      // upright lines
	}
	if used < 2 {
		return
	}
	c.tag("defs")
	for kind := 1; kind < min(used, kinds); kind++ {
		c.tag("pattern", "id", c.pattern(kind), "class", class(kind), "width", "8", "height", "8", "patternUnits", "userSpaceOnUse")
		c.leaf("rect", "width", "8", "height", "8", "fill", "currentColor", "fill-opacity", "0.14")
		c.leaf("path", "d", strokes[kind], "stroke", "currentColor", "stroke-width", "1.5", "fill", "none")
		c.close("pattern")
	}
	c.close("defs")
}

// none says that there is no data.
func (c *canvas) none(w Words, f form, height float64) {
	c.text(f.width/2, height/2, "middle", "soft", w.None)
}

// number writes a coordinate.
func number(v float64) string {
	text := strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	if text == "-0" {
		return "0"
	}
	return text
}
