package main

import (
	"net/http"
	"net/url"
)

// brakeArgs say what to brake or to release.
type brakeArgs struct {
	connection
	Name   string `arg:"" help:"Name of the policy."`
	Rule   string `help:"One rule (default: every rule of the policy)."`
	Reason string `required:"" help:"Why; kept for good."`
	JSON   bool   `name:"json" help:"Print the API's answer."`
}

func (c brakeArgs) body() map[string]string {
	body := map[string]string{"reason": c.Reason}
	if c.Rule != "" {
		body["rule"] = c.Rule
	}
	return body
}

// brake is one that holds.
type brake struct {
	Policy, Rule, Since, Actor, Reason string
}

func (b brake) line() string {
	what := "all rules of " + b.Policy
	if b.Rule != "" {
		what = "rule " + b.Rule + " of " + b.Policy
	}
	return what + " only observe since " + b.Since + ", by " + b.Actor + because(b.Reason)
}

type policyBrakeCmd struct{ brakeArgs }

// Help is the manual page.
func (policyBrakeCmd) Help() string {
	return `The emergency brake: from the next decision on, the rules only observe. They block nobody, and what they would have blocked is recorded (verigate policy observed). One key with the scope policies:write suffices. The brake holds for whatever version is in force, until verigate policy release.

Example:
  verigate policy brake wishpost-face-verification --rule existing-individuals --reason "blocks verified accounts, incident 42"`
}

// Run brakes.
func (c policyBrakeCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodPost, policyPath(c.Name, "brake"), c.body(), func(b brake) {
		w.say("%s\n", b.line())
	})
}

type policyReleaseCmd struct{ brakeArgs }

// Help is the manual page.
func (policyReleaseCmd) Help() string {
	return `Releases a brake as it was put: the policy as a whole, or the one rule. The rules block again from the next decision on.`
}

// Run releases.
func (c policyReleaseCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodPost, policyPath(c.Name, "release"), c.body(), func(left brakes) {
		w.say("released\n")
		left.print(w)
	})
}

type brakes struct{ Brakes []brake }

func (b brakes) print(w *world) {
	for _, one := range b.Brakes {
		w.say("%s\n", one.line())
	}
}

type policyBrakesCmd struct {
	connection
	JSON bool `name:"json" help:"Print the API's answer."`
}

// Run lists.
func (c policyBrakesCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodGet, "/v1/brakes", nil, func(held brakes) {
		if len(held.Brakes) == 0 {
			w.say("nothing is braked\n")
		}
		held.print(w)
	})
}

type policyObservedCmd struct {
	connection
	Name     string `arg:"" help:"Name of the policy."`
	Version  int    `help:"Only this version."`
	Rule     string `help:"Only this rule."`
	Accounts bool   `help:"List every account, and not only the numbers."`
	JSON     bool   `name:"json" help:"Print the API's answers, one page a line."`
}

// Help is the manual page.
func (policyObservedCmd) Help() string {
	return `Rules in mode observe, and braked ones, block nobody; what they would have blocked is recorded. Without --accounts it is counted by version, rule and action.

Example:
  verigate policy observed wishpost-face-verification --version 2 --accounts`
}

// observed is one page of what was observed.
type observed struct {
	Rules []struct {
		Version             int
		Rule, Action        string
		Accounts, Decisions int
	}
	Accounts []struct {
		AccountID    string `json:"account_id"`
		Action, Rule string
		Version      int
		FirstAt      string `json:"first_at"`
		Decisions    int
	}
	Cursor string
}

// Run shows.
func (c policyObservedCmd) Run(w *world) error {
	query := url.Values{"limit": {"500"}}
	if c.Version != 0 {
		query.Set("version", itoa(c.Version))
	}
	if c.Rule != "" {
		query.Set("rule", c.Rule)
	}
	for {
		page, text, err := ask[observed](c.connection, w, http.MethodGet, policyPath(c.Name, "observed")+"?"+query.Encode(), nil)
		switch {
		case err != nil:
			return err
		case c.JSON:
			w.say("%s\n", text)
		default:
			page.print(w, c.Accounts)
		}
		if page.Cursor == "" || !c.Accounts {
			return nil
		}
		query.Set("cursor", page.Cursor)
	}
}

func (o observed) print(w *world, accounts bool) {
	for _, r := range o.Rules {
		w.say("version %d, rule %s, %s: %d accounts, %d decisions\n", r.Version, r.Rule, r.Action, r.Accounts, r.Decisions)
	}
	if !accounts {
		return
	}
	for _, a := range o.Accounts {
		w.say("%s  %s  version %d, rule %s, first %s, %d decisions\n", a.AccountID, a.Action, a.Version, a.Rule, a.FirstAt, a.Decisions)
	}
}
