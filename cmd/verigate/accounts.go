package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/verigate/verigate/internal/bulk"
)

type accountsCmd struct {
	Import importCmd `cmd:"" help:"Import accounts from a file, one account a line."`
}

type importCmd struct {
	connection
	File     string `arg:"" help:"File of lines as in POST /v1/accounts:import, or - for standard input."`
	Format   string `enum:"auto,ndjson,csv" default:"auto" help:"ndjson or csv (default: csv for a file named so, else ndjson)."`
	Rejects  string `type:"path" placeholder:"FILE" help:"Report of refused lines, as CSV (default: the file's name with .rejects.csv; none for standard input)."`
	Progress string `type:"path" placeholder:"FILE" help:"Where it is kept how far the import came (default: the file's name with .progress)."`
	Restart  bool   `help:"Begin at the beginning, wherever an earlier run came to."`
	JSON     bool   `name:"json" help:"Print the summary as JSON."`
}

// Help is the manual page.
func (importCmd) Help() string {
	return `Sends the lines to a running API in parts of up to 10,000. A bad line is reported with its number, field, bound and fix, and the rest goes on. Mend the file and import it again: what is there already is unchanged.

If it is ended (by a signal, a lost connection, a full disk), start the same command again: it goes on after the last part that was answered. The part that was under way is sent again; what it had written then counts as unchanged. Standard input is read from its beginning.

NDJSON, in UTF-8: {"account_id":"a1","kind":"individual","region":"CN","registered_at":"2020-11-01T09:00:00+08:00"}
With the result of an older process: "verified":{"at":…,"method":…,"evidence":…,"by":…} or "real_name":{"at":…,"evidence":…,"by":…}

CSV, in UTF-8, with a header in any order:
  account_id,kind,region,registered_at                          each account
  verified_at,verified_method,verified_evidence,verified_by     an older process verified the person; by may be empty
  real_name_at,real_name_evidence,real_name_by                  an older process approved the real-name information

Exits with 1 if a line was bad or the import did not come to its end.`
}

// importRun is one run of the command.
type importRun struct {
	importCmd
	w        *world
	file     *os.File // nil for standard input
	display  *importDisplay
	rejects  *bulk.Rejects
	progress bulk.Progress
	resumed  int // line after which this run went on
}

// Run imports.
func (c importCmd) Run(w *world) (err error) {
	run := importRun{importCmd: c, w: w}
	in := w.stdin
	if c.File != "-" {
		if run.file, err = os.Open(c.File); err != nil {
			return usageError{err}
		}
		defer func() { _ = run.file.Close() }()
		in = run.file
	}
	if err := run.begin(); err != nil {
		return err
	}
	run.display = newImportDisplay(w, run.file)
	run.display.reached(run.progress)
	err = bulk.Import{Format: run.progress.Format, Send: run.send, Refused: run.refused, Reached: run.reached}.Run(in, run.progress.Reached, run.skip)
	run.display.end()
	if failed := run.end(err == nil); err == nil {
		err = failed
	}
	return run.report(err)
}

// input opens a file, or standard input for -.
func (w *world) input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(w.stdin), nil
	}
	file, err := os.Open(name) //nolint:gosec // reading the file named is the command
	if err != nil {
		return nil, usageError{err}
	}
	return file, nil
}

// begin finds out where the run begins.
func (r *importRun) begin() error {
	r.progress = bulk.Progress{Server: r.base(r.w), Format: bulk.Format(r.Format)}
	if r.Format == "auto" {
		r.progress.Format = bulk.NDJSON
		if strings.HasSuffix(strings.ToLower(r.File), ".csv") {
			r.progress.Format = bulk.CSV
		}
	}
	if r.file != nil {
		r.Rejects, r.Progress = or(r.Rejects, r.File+".rejects.csv"), or(r.Progress, r.File+".progress")
		var err error
		if r.progress.Digest, err = bulk.Digest(r.file); err != nil {
			return err
		}
		if !r.Restart {
			if r.progress, err = bulk.Resume(r.Progress, r.progress); err != nil {
				return err
			}
		}
		r.resumed = r.progress.Reached.Line
	}
	if r.Rejects == "" {
		return nil
	}
	var err error
	r.rejects, err = bulk.OpenRejects(r.Rejects, r.progress.Rejects)
	return err
}

func (r *importRun) send(mediaType string, body io.Reader) (io.ReadCloser, error) {
	res, err := r.do(r.w, http.MethodPost, "/v1/accounts:import", mediaType, body)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (r *importRun) skip(to int64) error {
	_, err := r.file.Seek(to, io.SeekStart)
	return err
}

// shownRefusals is how many refused lines are shown where a report has them all.
const shownRefusals = 20

func (r *importRun) refused(line bulk.Refused) error {
	shown := r.display.refused()
	switch {
	case r.rejects == nil, shown <= shownRefusals:
		r.display.say(fmt.Sprintf("line %d: %s\n", line.Line, line.Problem))
	case shown == shownRefusals+1:
		r.display.say("more refused lines are in " + r.Rejects + "\n")
	}
	if r.rejects == nil {
		return nil
	}
	return r.rejects.Add(line)
}

func (r *importRun) reached(place bulk.Place, counts bulk.Counts) error {
	r.progress.Add(place, counts)
	r.display.reached(r.progress)
	if r.rejects != nil {
		size, err := r.rejects.Size()
		if err != nil {
			return err
		}
		r.progress.Rejects = size
	}
	if r.file == nil {
		return nil
	}
	return r.progress.Save(r.Progress)
}

// report says what became of the lines and returns how the command ends.
func (r *importRun) report(err error) error {
	c := r.progress.Counts
	switch {
	case r.JSON:
		view := importView{Counts: c, Complete: err == nil, Line: r.progress.Reached.Line, ResumedAfter: r.resumed}
		if c.Errors > 0 {
			view.Rejects = r.Rejects
		}
		if failed := r.w.json(view); failed != nil {
			return failed
		}
	case err == nil:
		if r.resumed > 0 {
			r.w.say("went on after line %d\n", r.resumed)
		}
		r.w.say("%d lines: %d created, %d updated, %d unchanged, %d errors\n", c.Lines, c.Created, c.Updated, c.Unchanged, c.Errors)
		if c.Errors > 0 && r.rejects != nil {
			r.w.say("refused lines: %s\n", r.Rejects)
		}
	}
	var ended *bulk.EndedError
	switch {
	case errors.As(err, &ended) && r.file != nil:
		return fmt.Errorf("%w\nStart the same command again: it goes on there", err)
	case errors.As(err, &ended):
		return fmt.Errorf("%w\nSend the whole again: what is there already is unchanged", err)
	case err == nil && c.Errors > 0:
		return errQuiet
	default:
		return err
	}
}

// importView is the summary for machines.
type importView struct {
	bulk.Counts
	Complete     bool   `json:"complete"`                // the end of the file was reached
	Line         int    `json:"line"`                    // the last one answered
	ResumedAfter int    `json:"resumed_after,omitempty"` // the last line of the run before
	Rejects      string `json:"rejects,omitempty"`       // the report of refused lines
}

// end closes the report and, after a complete run, forgets how far it came.
func (r *importRun) end(complete bool) error {
	var errs []error
	if r.rejects != nil {
		errs = append(errs, r.rejects.Close(r.progress.Counts.Errors == 0))
	}
	if complete && r.file != nil {
		errs = append(errs, bulk.Forget(r.Progress))
	}
	return errors.Join(errs...)
}
