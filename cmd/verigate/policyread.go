package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

type policyVersions struct {
	Policies []policyVersion `json:"policies"`
}

type policyListCmd struct {
	connection
	JSON bool `name:"json" help:"Print the API's answer."`
}

// Run lists.
func (c policyListCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodGet, "/v1/policies", nil, func(all policyVersions) {
		for _, p := range all.Policies {
			w.say("%s\n", p.standing())
		}
	})
}

// version reads one version with its text; 0 is the one in force.
func (c connection) version(w *world, name string, number int) (policyVersion, []byte, error) {
	if number == 0 {
		all, _, err := ask[policyVersions](c, w, http.MethodGet, "/v1/policies", nil)
		if err != nil {
			return policyVersion{}, nil, err
		}
		for _, p := range all.Policies {
			if p.Name == name && p.State == "in_force" {
				number = p.Version
			}
		}
		if number == 0 {
			return policyVersion{}, nil, fmt.Errorf("no version of %s is in force; verigate policy list shows them all", name)
		}
	}
	return ask[policyVersion](c, w, http.MethodGet, policyPath(name, "versions", itoa(number)), nil)
}

type policyShowCmd struct {
	connection
	Name    string `arg:"" help:"Name of the policy."`
	Version int    `arg:"" optional:"" help:"Number of the version (default: the one in force)."`
	JSON    bool   `name:"json" help:"Print the API's answer."`
}

// Help is the manual page.
func (policyShowCmd) Help() string {
	return `Prints the text as it was published to standard output, and where the version stands to standard error.`
}

// Run shows.
func (c policyShowCmd) Run(w *world) error {
	p, text, err := c.version(w, c.Name, c.Version)
	switch {
	case err != nil:
		return err
	case c.JSON:
		w.say("%s\n", text)
		return nil
	}
	w.warn("%s\nproposed %s by %s: %s\n", p.standing(), p.RecordedAt, p.Author, p.Note)
	for _, r := range p.Rulings {
		w.warn("%s %s by %s%s\n", r.Ruling, r.At, r.Actor, because(r.Reason))
	}
	w.say("%s", p.Text)
	return nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

type policyHistoryCmd struct {
	connection
	Name string `arg:"" help:"Name of the policy."`
	JSON bool   `name:"json" help:"Print the API's answer."`
}

// policyEvent is one act on a policy.
type policyEvent struct {
	At, Act, Rule, Actor, Reason string
	Version                      int
	EffectiveFrom                string `json:"effective_from"`
}

// Run shows what was done.
func (c policyHistoryCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodGet, policyPath(c.Name, "history"), nil, func(history struct{ Events []policyEvent }) {
		for _, e := range history.Events {
			w.say("%s\n", e.line())
		}
	})
}

func (e policyEvent) line() string {
	what := "all rules"
	switch {
	case e.Version > 0:
		what = "version " + itoa(e.Version)
		if e.EffectiveFrom != "" {
			what += " from " + e.EffectiveFrom
		}
	case e.Rule != "":
		what = "rule " + e.Rule
	}
	return fmt.Sprintf("%s  %-9s  %s  by %s%s", e.At, e.Act, what, e.Actor, because(e.Reason))
}

type policyInForceCmd struct {
	connection
	At   string `placeholder:"INSTANT" help:"Another instant, with its offset (default: now)."`
	JSON bool   `name:"json" help:"Print the API's answer."`
}

// policiesInForce is what the API says is in force together.
type policiesInForce struct {
	At       string
	Policies []struct {
		Name          string
		Version       int
		EffectiveFrom string `json:"effective_from"`
		Rules         []struct {
			ID, Mode string
			Braked   bool
		}
	}
}

// Run shows.
func (c policyInForceCmd) Run(w *world) error {
	if err := someInstant("--at", c.At); err != nil {
		return err
	}
	path := "/v1/policies:in-force"
	if c.At != "" {
		path += "?at=" + url.QueryEscape(c.At)
	}
	return present(c.connection, w, c.JSON, http.MethodGet, path, nil, func(force policiesInForce) { force.print(w) })
}

func (force policiesInForce) print(w *world) {
	w.say("At %s:\n", force.At)
	for _, p := range force.Policies {
		w.say("%s version %d, from %s\n", p.Name, p.Version, p.EffectiveFrom)
		for _, r := range p.Rules {
			mode := r.Mode
			if r.Braked {
				mode += " (braked)"
			}
			w.say("  %-32s %s\n", r.ID, mode)
		}
	}
}

type policyDiffCmd struct {
	connection
	From string `arg:"" name:"a" help:"A policy file, or NAME@VERSION, or NAME@in-force of a running API."`
	To   string `arg:"" name:"b" optional:"" help:"What to compare with. Left out, a is compared with the version in force."`
	JSON bool   `name:"json" help:"Print the differences as JSON."`
}

// Help is the manual page.
func (policyDiffCmd) Help() string {
	return `Compares what two policies mean, not how they are written: rules by their ids, cohorts, phases by their stages, effects, modes, grace, corrections, reviews. Two files need no running API.

Examples:
  verigate policy diff rule-v1.yaml rule-v2.yaml
  verigate policy diff rule-v2.yaml
  verigate policy diff wishpost-face-verification@1 wishpost-face-verification@2`
}

// Run compares.
func (c policyDiffCmd) Run(w *world) error {
	from, err := c.operand(w, c.From)
	if err != nil {
		return err
	}
	var to *policy.Policy
	if c.To != "" {
		to, err = c.operand(w, c.To)
	} else {
		to = from
		from, err = c.operand(w, to.Name+"@in-force")
	}
	if err != nil {
		return err
	}
	return c.print(w, from, to)
}

// operand reads a file or asks the API.
func (c policyDiffCmd) operand(w *world, operand string) (*policy.Policy, error) {
	text, err := os.ReadFile(operand) //nolint:gosec // reading the file named is the command
	name, version, published := strings.Cut(operand, "@")
	if err != nil && published {
		number, wrong := strconv.Atoi(version)
		if version != "in-force" && (wrong != nil || number < 1) {
			return nil, usageError{fmt.Errorf("%s: what follows @ must be a version's number, or in-force", operand)}
		}
		p, _, err := c.version(w, name, number)
		if err != nil {
			return nil, err
		}
		text = []byte(p.Text)
	} else if err != nil {
		return nil, usageError{fmt.Errorf("%w; a published version is named NAME@VERSION", err)}
	}
	p, err := policyfile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operand, err)
	}
	return p, nil
}

type policyDifference struct {
	Path string `json:"path"`
	From string `json:"from"`
	To   string `json:"to"`
}

func (c policyDiffCmd) print(w *world, from, to *policy.Policy) error {
	differences := []policyDifference{}
	for _, d := range policy.Diff(from, to) {
		differences = append(differences, policyDifference(d))
	}
	if c.JSON {
		return w.json(map[string]any{"from": from.Version, "to": to.Version, "differences": differences})
	}
	w.say("%s version %d -> %s version %d\n", from.Name, from.Version, to.Name, to.Version)
	for _, d := range differences {
		switch {
		case d.From == "":
			w.say("+ %s: %s\n", d.Path, d.To)
		case d.To == "":
			w.say("- %s: %s\n", d.Path, d.From)
		default:
			w.say("~ %s: %s -> %s\n", d.Path, d.From, d.To)
		}
	}
	if len(differences) == 0 {
		w.say("the same meaning\n")
	}
	return nil
}
