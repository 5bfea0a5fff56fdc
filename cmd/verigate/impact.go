package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/verigate/verigate/internal/impact"
)

type policyImpactCmd struct {
	connection
	At   string   `required:"" placeholder:"INSTANT" help:"The instant to count, with its offset: 2020-12-04T00:00:00+08:00."`
	From string   `placeholder:"INSTANT" default:"now" help:"Where the days and the changes begin, and what is compared with."`
	File string   `type:"existingfile" placeholder:"FILE" help:"A policy that is not published, in the place of its namesake."`
	Days int      `default:"31" help:"At most so many days, the last ones until the instant; 0 shows none."`
	CSV  string   `name:"csv" type:"path" placeholder:"FILE" help:"Also write the accounts, one for each rule that covers them; - is standard output, instead of the table."`
	Only []string `placeholder:"CLASS" help:"With --csv: only these classes, such as blocked,extended."`
	JSON bool     `name:"json" help:"Print the API's answer."`
}

// Help is the manual page.
func (policyImpactCmd) Help() string {
	return `Counts every account of a running API at an instant: how many each rule prompts, blocks, extends, gives grace, or has verified; what changes next and how many accounts it concerns; the days until then; and what changes against the versions in force now. Writes nothing.

The classes: not_covered, waiting (nothing is asked yet), verified, prompted, grace, extended, blocked; would_prompt and would_block of rules that only observe. Each account is in one.

Examples:
  verigate policy impact --at 2020-12-04T00:00:00+08:00
  verigate policy impact --at 2020-12-04T00:00:00+08:00 --file sooner.yaml --csv blocked.csv --only blocked`
}

// Run previews.
func (c policyImpactCmd) Run(w *world) error {
	question, err := c.question()
	if err != nil {
		return err
	}
	if c.CSV == "-" {
		return c.list(w, question, w.stdout)
	}
	res, err := c.ask(w, "/v1/policies:impact", question, map[string]any{"days": c.Days})
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	if c.CSV != "" {
		if err := c.file(w, question); err != nil {
			return err
		}
	}
	if c.JSON {
		w.say("%s\n", bytes.TrimSpace(text))
		return nil
	}
	var p impact.Preview
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("the answer is not a preview: %w", err)
	}
	return printPreview(w.stdout, &p)
}

func (c policyImpactCmd) question() (map[string]any, error) {
	question := map[string]any{"at": c.At}
	given := map[string]string{"--at": c.At}
	if c.From != "" && c.From != "now" {
		question["from"], given["--from"] = c.From, c.From
	}
	for flag, text := range given {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, usageError{fmt.Errorf("%s must be an instant with its offset, such as 2020-12-04T00:00:00+08:00", flag)}
		}
	}
	if len(c.Only) > 0 && c.CSV == "" {
		return nil, usageError{errors.New("--only chooses accounts: give --csv FILE too")}
	}
	if c.File != "" {
		text, err := os.ReadFile(c.File)
		if err != nil {
			return nil, usageError{err}
		}
		question["policy_text"] = string(text)
	}
	return question, nil
}

// ask sends the question with the members of more.
func (c policyImpactCmd) ask(w *world, path string, question, more map[string]any) (*http.Response, error) {
	maps.Copy(more, question)
	body, err := json.Marshal(more)
	if err != nil {
		return nil, err
	}
	return c.do(w, http.MethodPost, path, "application/json", bytes.NewReader(body))
}

func (c policyImpactCmd) file(w *world, question map[string]any) (err error) {
	file, err := os.OpenFile(c.CSV, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return c.list(w, question, file)
}

func (c policyImpactCmd) list(w *world, question map[string]any, to io.Writer) error {
	more := map[string]any{"format": "csv"}
	if len(c.Only) > 0 {
		more["classes"] = c.Only
	}
	res, err := c.ask(w, "/v1/policies:impact-accounts", question, more)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("the list broke off and is not whole: %w", err)
	}
	return nil
}

func printPreview(to io.Writer, p *impact.Preview) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = fmt.Sprint(c)
		}
		_, _ = fmt.Fprintln(out, strings.Join(text, "\t")) // reported by Flush
	}
	row("at " + p.At.Format(time.RFC3339Nano) + ", under " + versions(p.Policies))
	row(fmt.Sprintf("%d open accounts, %d closed", p.Open, p.Closed))
	row(fmt.Sprintf("%d newly blocked, %d newly released against %s", p.NewlyBlocked, p.NewlyFree, versions(p.Against)))
	shown := shownClasses(p)
	header := func(first ...any) []any {
		for _, class := range shown {
			first = append(first, class)
		}
		return first
	}
	counts := func(c impact.ClassCounts, first ...any) []any {
		for _, class := range shown {
			first = append(first, c.Of(class))
		}
		return first
	}
	row()
	row(append(header("rule", "state"), "newly blocked", "newly released")...)
	row(append(counts(p.Total, "(all)", ""), p.NewlyBlocked, p.NewlyFree)...)
	for _, r := range p.Rules {
		row(append(counts(r.Counts, r.Policy+"/"+r.Rule, remark(r)), r.NewlyBlocked, r.NewlyFree)...)
		for _, s := range r.States {
			row(append(counts(s.Counts, "", s.State), "-", "-")...) // as many cells as the others, or the columns end here
		}
	}
	printActions(row, p)
	if len(p.Changes) > 0 {
		row()
		row("next changes", "rule", "from", "to", "accounts")
		for _, c := range p.Changes {
			row(c.At.Format(time.RFC3339Nano), c.Policy+"/"+c.Rule, c.From, c.To, c.Accounts)
		}
	}
	if len(p.Days) > 0 {
		row()
		row(header("midnight of")...)
		for _, d := range p.Days {
			row(counts(d.Total, d.At.Format(time.DateOnly))...)
		}
	}
	return out.Flush()
}

func printActions(row func(...any), p *impact.Preview) {
	first := true
	for _, r := range p.Rules {
		for _, a := range r.Actions {
			if first {
				row()
				row("action", "rule", "prompted", "blocked")
				first = false
			}
			row(a.Action, r.Policy+"/"+r.Rule, a.Prompted, a.Blocked)
		}
	}
}

func remark(r impact.RulePreview) string {
	switch {
	case !r.InForce:
		return "(no longer in force)"
	case r.Observes:
		return "(observes)"
	default:
		return ""
	}
}

func versions(all []impact.PolicyRef) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name + " version " + itoa(p.Version)
		if p.Proposed {
			names[i] += " (proposed)"
		}
	}
	return or(strings.Join(names, ", "), "no policy")
}

// shownClasses leaves out the columns that have nothing in them, but for the ones that everybody looks for.
func shownClasses(p *impact.Preview) []impact.Class {
	var shown []impact.Class
	for _, class := range impact.Classes() {
		show := class == impact.Blocked || class == impact.Prompted || class == impact.Verified || p.Total.Of(class) > 0
		for _, r := range p.Rules {
			show = show || r.Counts.Of(class) > 0
		}
		for _, d := range p.Days {
			show = show || d.Total.Of(class) > 0
		}
		if show {
			shown = append(shown, class)
		}
	}
	return shown
}
