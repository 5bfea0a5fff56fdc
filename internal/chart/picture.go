package chart

import (
	"html/template"
	"strconv"
	"time"
)

// Picture is a drawn figure. A page shows one of the two forms, by the room there is, and the table on demand.
type Picture struct {
	ID     string
	Wide   template.HTML // for about 960 px
	Narrow template.HTML // for about 350 px
	Table  Table
}

// Words name a figure. ID must be unique in its page and made of letters, digits and hyphens.
type Words struct {
	ID    string
	Title string // what it shows
	Desc  string // what it says, in a sentence with its main numbers
	None  string // what stands in a figure without data
}

// Table is the data of a figure. The first column names the row; all others are numbers.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// form is one of the two forms of a figure.
type form struct {
	name   string
	width  float64
	height float64
	narrow bool
}

func wide() form   { return form{name: "wide", width: 960, height: 320} }
func narrow() form { return form{name: "narrow", width: 350, height: 280, narrow: true} }

// count writes a whole number with its thousands apart.
func count(v float64) string {
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func formatter(given func(float64) string) func(float64) string {
	if given == nil {
		return count
	}
	return given
}

func dates(given func(time.Time) string) func(time.Time) string {
	if given == nil {
		return func(t time.Time) string { return t.Format(time.DateOnly) }
	}
	return given
}
