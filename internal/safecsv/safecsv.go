// Package safecsv writes CSV that a spreadsheet opens as the text it is.
package safecsv

import (
	"encoding/csv"
	"io"
	"strings"
)

// Writer is encoding/csv's, with lines that end as RFC 4180 says and cells that no spreadsheet runs.
type Writer struct{ w *csv.Writer }

// NewWriter returns a writer. Call Flush at the end.
func NewWriter(w io.Writer) *Writer {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &Writer{c}
}

// Write writes one line.
func (w *Writer) Write(cells ...string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = Cell(c)
	}
	return w.w.Write(safe)
}

// Flush writes what is buffered and returns the first error of any write.
func (w *Writer) Flush() error {
	w.w.Flush()
	return w.w.Error()
}

// Cell returns the text with an apostrophe before it where a spreadsheet would take it for a formula.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n\x00", rune(text[0])) || strings.HasPrefix(text, "＝") ||
		strings.HasPrefix(text, "＋") || strings.HasPrefix(text, "－") || strings.HasPrefix(text, "＠") {
		return "'" + text
	}
	return text
}
