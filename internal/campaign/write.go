package campaign

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/safecsv"
	"github.com/verigate/verigate/internal/store"
)

// Format is how a report is written.
type Format string

const (
	JSON Format = "json" // one object: rows, then their summary
	CSV  Format = "csv"  // the rows
	HTML Format = "html" // a page that needs no other file: the sums, and the accounts that are restricted
	ZIP  Format = "zip"  // the pack of evidence
)

// Formats lists every format.
func Formats() []Format { return []Format{JSON, CSV, HTML, ZIP} }

// MediaType returns the type of what is written.
func (f Format) MediaType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8"
	case HTML:
		return "text/html; charset=utf-8"
	case ZIP:
		return "application/zip"
	default:
		return "application/json"
	}
}

// ErrFormat means that a format does not exist.
var ErrFormat = errors.New("campaign: the format must be json, csv, html or zip")

// Report is everything that a report is made of.
type Report struct {
	Source  Source
	Sweeps  Sweeps // for the pack of evidence only
	Version *Version
	At      time.Time // now
	Lang    Lang      // of HTML
}

// Write writes the report in one pass over the population.
func (r Report) Write(ctx context.Context, f Format, to io.Writer) error {
	switch f {
	case JSON:
		return r.json(ctx, to)
	case CSV:
		out := bufio.NewWriter(to)
		_, err := r.csv(ctx, out, nil)
		return errors.Join(err, out.Flush())
	case HTML:
		return r.html(ctx, to)
	case ZIP:
		return r.zip(ctx, to)
	default:
		return ErrFormat
	}
}

// json writes a row a line, so that the object can also be read line by line.
func (r Report) json(ctx context.Context, to io.Writer) error {
	out := bufio.NewWriter(to)
	if _, err := out.WriteString(`{"rows":[`); err != nil {
		return err
	}
	separator := "\n"
	summary, err := Build(ctx, r.Source, r.Version, r.At, Visitor{Row: func(row *Row) error {
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		_, err = out.WriteString(separator + string(text))
		separator = ",\n"
		return err
	}})
	if err != nil {
		return err
	}
	text, err := json.Marshal(summary)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n],\n\"summary\":%s}\n", text)
	return errors.Join(err, out.Flush())
}

// csv writes the rows, and gives the entries to event if it is not nil.
func (r Report) csv(ctx context.Context, to io.Writer, event func(store.Entry) error) (*Summary, error) {
	w := safecsv.NewWriter(to)
	if err := w.Write(csvHeader()...); err != nil {
		return nil, err
	}
	summary, err := Build(ctx, r.Source, r.Version, r.At, Visitor{Event: event, Row: func(row *Row) error { return w.Write(row.cells()...) }})
	return summary, errors.Join(err, w.Flush())
}

func csvHeader() []string {
	return []string{
		"account_id", "kind", "region", "registered_at", "closed_at", "rules", "outcome", "state", "prompts", "first_prompt_at",
		"reminders", "first_reminder_at", "verified_at", "method", "deadline", "restrictions", "restricted", "restricted_since",
		"restricted_at", "lifted_at", "lift_reason", "extensions", "extended_until", "notices_sent", "notices_failed", "notices_other",
	}
}

func (r *Row) cells() []string {
	return []string{
		r.AccountID, r.Kind, r.Region, stamp(r.RegisteredAt), stamp(r.ClosedAt), strings.Join(r.Rules, " "), string(r.Outcome), r.State,
		strconv.Itoa(r.Prompts), stamp(r.FirstPromptAt), strconv.Itoa(r.Reminders), stamp(r.FirstReminderAt), stamp(r.VerifiedAt),
		r.Method, stamp(r.Deadline), strconv.Itoa(r.Restrictions), strconv.FormatBool(r.Restricted), stamp(r.RestrictedSince),
		stamp(r.RestrictedAt), stamp(r.LiftedAt), r.LiftReason, strconv.Itoa(r.Extensions), stamp(r.ExtendedUntil),
		strconv.Itoa(r.NoticesSent), strconv.Itoa(r.NoticesFailed), strconv.Itoa(r.NoticesOther),
	}
}

// stamp is empty for the zero instant.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
