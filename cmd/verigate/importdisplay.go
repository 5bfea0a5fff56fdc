package main

import (
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"

	"github.com/verigate/verigate/internal/bulk"
)

// importDisplay shows how far an import has come: a bar on a terminal, else a line now and then.
type importDisplay struct {
	w       *world
	bar     *progressbar.ProgressBar // nil without a terminal
	size    int64                    // of the file, -1 if it is not known
	shown   int                      // lines at the last plain line
	refusal int
}

// plainEvery is after how many lines a plain line is written.
const plainEvery = 100_000

func newImportDisplay(w *world, file *os.File) *importDisplay {
	d := &importDisplay{w: w, size: -1}
	if file != nil {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			d.size = info.Size()
		}
	}
	if isTerminal(w.stderr) {
		d.bar = progressbar.NewOptions64(d.size,
			progressbar.OptionSetWriter(w.stderr), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(true))
	}
	return d
}

func (d *importDisplay) reached(p bulk.Progress) {
	if d.bar != nil {
		d.bar.Describe(fmt.Sprintf("%d lines, %d errors", p.Counts.Lines, p.Counts.Errors))
		_ = d.bar.Set64(p.Reached.Offset)
		return
	}
	if p.Counts.Lines < d.shown+plainEvery {
		return
	}
	d.shown = p.Counts.Lines
	part := ""
	if d.size > 0 {
		part = fmt.Sprintf(" (%d%%)", 100*p.Reached.Offset/d.size)
	}
	d.w.warn("%d lines%s, %d errors\n", p.Counts.Lines, part, p.Counts.Errors)
}

// refused counts a refused line and returns how many there are in this run.
func (d *importDisplay) refused() int {
	d.refusal++
	return d.refusal
}

// say writes a line above the bar.
func (d *importDisplay) say(text string) {
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	d.w.warn("%s", text)
}

func (d *importDisplay) end() {
	if d.bar != nil {
		_ = d.bar.Finish()
	}
}
