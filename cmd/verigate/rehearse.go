package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/rehearsal"
)

type policyRehearseCmd struct {
	place
	From     string `required:"" placeholder:"DATE" help:"When it begins: a date (midnight in Beijing), or an instant with its offset."`
	To       string `required:"" placeholder:"DATE" help:"When it ends, this instant included."`
	Scenario string `type:"existingfile" placeholder:"FILE" help:"What merchants do, one JSON object a line; without it nobody does anything."`
	File     string `type:"existingfile" placeholder:"FILE" help:"A policy that is not published; it is in force from the beginning on."`
	Policy   string `placeholder:"NAME" help:"Report on this policy (default: the only one in force at the end)."`
	Format   string `enum:"table,json,csv,html,zip" default:"table" help:"table: the sums; the others as in verigate report."`
	Lang     string `enum:"en,zh-CN" default:"en" help:"Language of the page: en or zh-CN."`
	Output   string `short:"o" type:"path" placeholder:"FILE" help:"Write the report to a file (default: standard output)."`
}

// Help is the manual page.
func (policyRehearseCmd) Help() string {
	return `Plays the whole campaign on a simulated clock over a copy of the database: logins and prompts, reminders, sweeps, restrictions and lifts, by the code of the real day. The database itself is only read and may be in use; no message leaves. The copy is removed at the end. It begins with what is known now, whatever the date.

A scenario has one JSON object a line, by instant:
  {"at":"2020-11-18T10:00:00+08:00","account_id":"a1","do":"login"}
  {"at":"2020-11-18T10:05:00+08:00","account_id":"a1","do":"verify"}
  {"at":"2020-12-01T09:00:00+08:00","account_id":"a2","do":"extend","until":"2020-12-11T00:00:00+08:00"}
do is login, verify, revoke or extend. Instead, or besides, its first line may give rates, which a seed makes repeatable:
  {"rates":{"logins_per_day":0.3,"verify_rate_per_prompt":0.05,"seed":1}}

Examples:
  verigate policy rehearse --data DIR --from 2020-11-10 --to 2020-12-10 --scenario month.ndjson
  verigate policy rehearse --config prod.yaml --from 2020-11-10 --to 2020-12-10 --file next.yaml --format html -o report.html`
}

// Run rehearses.
func (c policyRehearseCmd) Run(w *world) (err error) {
	options, err := c.options(w)
	if err != nil {
		return err
	}
	done, err := app.Rehearse(w.ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done.Close()) }()
	name := c.Policy
	if name == "" {
		names, err := done.InForce(w.ctx)
		if err != nil {
			return err
		}
		if len(names) != 1 {
			return usageError{fmt.Errorf("name the policy to report on with --policy; in force at the end: %s", or(strings.Join(names, ", "), "none"))}
		}
		name = names[0]
	}
	report, err := done.Report(w.ctx, name, campaign.Lang(c.Lang))
	if err != nil {
		return err
	}
	write := func(to io.Writer) error { return report.Write(w.ctx, campaign.Format(c.Format), to) }
	if c.Format == "table" {
		write = func(to io.Writer) error {
			summary, err := campaign.Build(w.ctx, report.Source, report.Version, report.At, campaign.Visitor{})
			if err != nil {
				return err
			}
			return printRehearsed(to, done.Result, summary)
		}
	}
	if c.Output == "" {
		return write(w.stdout)
	}
	from, to := io.Pipe()
	go func() { _ = to.CloseWithError(write(to)) }() // the reader gets the error
	return errors.Join(writeWhole(c.Output, from), from.Close())
}

func (c policyRehearseCmd) options(w *world) (app.RehearseOptions, error) {
	o := app.RehearseOptions{Scenario: &rehearsal.Scenario{}, Logger: w.logger(config.Log{Level: "error", Format: "text"})}
	var err error
	if o.From, err = dateOrInstant("--from", c.From); err != nil {
		return o, err
	}
	if o.To, err = dateOrInstant("--to", c.To); err != nil {
		return o, err
	}
	if o.Config, _, err = c.load(w); err != nil {
		return o, err
	}
	if c.File != "" {
		if o.PolicyText, err = os.ReadFile(c.File); err != nil {
			return o, usageError{err}
		}
	}
	if c.Scenario == "" {
		return o, nil
	}
	file, err := os.Open(c.Scenario)
	if err != nil {
		return o, usageError{err}
	}
	defer func() { _ = file.Close() }()
	if o.Scenario, err = rehearsal.ReadScenario(file); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// dateOrInstant reads a date as its midnight in Beijing.
func dateOrInstant(flag, text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, datesZone())
	if err != nil {
		return at, usageError{fmt.Errorf("%s must be a date, such as 2020-12-04, or an instant with its offset, such as 2020-12-04T00:00:00+08:00", flag)}
	}
	return at, nil
}

// datesZone is the zone of dates without one.
func datesZone() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

func printRehearsed(to io.Writer, r rehearsal.Result, s *campaign.Summary) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	line := func(words string, n int) { _, _ = fmt.Fprintf(out, "%s\t%d\n", words, n) } // reported by Flush
	_, _ = fmt.Fprintf(out, "%s version %d at %s\n", s.Policy, s.Version, s.At.Format(time.RFC3339))
	line("accounts covered", s.Covered)
	line("accounts not covered", s.NotCovered)
	for _, o := range campaign.Outcomes() {
		line("  "+strings.ReplaceAll(string(o), "_", " "), s.Outcomes[o])
	}
	line("accounts prompted", s.PromptedAccounts)
	line("prompts", s.Prompts)
	line("accounts reminded", s.RemindedAccounts)
	line("reminders", s.Reminders)
	line("accounts restricted at any time", s.RestrictedAccounts)
	line("restrictions open on record", s.OpenRestrictions)
	line("extensions", s.Extensions)
	_, _ = fmt.Fprintf(out, "played: %d logins, %d verifications, %d sweeps and %d runs of the reminders that had something to do\n",
		r.Logins, r.Verified, r.Sweeps, r.ReminderRuns)
	return out.Flush()
}
