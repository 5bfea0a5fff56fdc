package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// policyVersion is a version as the API tells it.
type policyVersion struct {
	Name          string   `json:"name"`
	Version       int      `json:"version"`
	State         string   `json:"state"`
	EffectiveFrom string   `json:"effective_from"`
	RecordedAt    string   `json:"recorded_at"`
	Author        string   `json:"author"`
	Note          string   `json:"note"`
	Rulings       []ruling `json:"rulings"`
	Text          string   `json:"text"`
}

type ruling struct {
	Ruling, At, Actor, Reason string
}

// standing is one line that says where a version stands.
func (p policyVersion) standing() string {
	line := fmt.Sprintf("%s version %d: %s", p.Name, p.Version, strings.ReplaceAll(p.State, "_", " "))
	switch p.State {
	case "proposed":
		line += ", to be in force from " + p.EffectiveFrom + " once another key has approved it"
	case "scheduled", "in_force":
		line += ", from " + p.EffectiveFrom
	}
	return line
}

func (p policyVersion) print(w *world, asJSON bool, text []byte) error {
	if asJSON {
		w.say("%s\n", text)
		return nil
	}
	w.say("%s\n", p.standing())
	return nil
}

// policyPath is an address below a policy.
func policyPath(name string, parts ...string) string {
	path := "/v1/policies/" + url.PathEscape(name)
	for _, part := range parts {
		path += "/" + part
	}
	return path
}

// someInstant checks what a flag says.
func someInstant(flag, text string) error {
	if text == "" {
		return nil
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
		return usageError{fmt.Errorf("%s must be an instant with its offset, such as 2020-12-04T00:00:00+08:00", flag)}
	}
	return nil
}

type policyPublishCmd struct {
	connection
	File          string `arg:"" help:"Policy file; its version must be the next number of the policy."`
	EffectiveFrom string `placeholder:"INSTANT" help:"From when it is to be in force, with offset; not in the past (default: as soon as it is approved)."`
	Note          string `required:"" help:"Why; kept with the version for good."`
	JSON          bool   `name:"json" help:"Print the API's answer."`
}

// Help is the manual page.
func (policyPublishCmd) Help() string {
	return `Sends a policy to a running API. It is a proposal until another key with the scope policies:approve approves it, unless policies.second_approver is off; the gate does not see it before. Publishing the same text again changes nothing and says where it stands.

The whole set of policies that would come out is checked, now and at every later instant at which one changes. A version in the past is refused: it would change what the gate has said.

Example:
  verigate policy publish rule-v2.yaml --effective-from 2020-12-11T00:00:00+08:00 --note "a week more, notice 17"`
}

// Run publishes.
func (c policyPublishCmd) Run(w *world) error {
	if err := someInstant("--effective-from", c.EffectiveFrom); err != nil {
		return err
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return usageError{err}
	}
	in := map[string]string{"text": string(text), "note": c.Note}
	if c.EffectiveFrom != "" {
		in["effective_from"] = c.EffectiveFrom
	}
	p, answer, err := ask[policyVersion](c.connection, w, http.MethodPost, "/v1/policies", in)
	if err != nil {
		return err
	}
	return p.print(w, c.JSON, answer)
}

// policyRulingArgs name a version and say why.
type policyRulingArgs struct {
	connection
	Name    string `arg:"" help:"Name of the policy."`
	Version int    `arg:"" help:"Number of the version."`
	Reason  string `help:"Why; kept for good. Needed to reject and to withdraw."`
	JSON    bool   `name:"json" help:"Print the API's answer."`
}

func (c policyRulingArgs) rule(w *world, verb string) error {
	path := policyPath(c.Name, "versions", itoa(c.Version), verb)
	p, answer, err := ask[policyVersion](c.connection, w, http.MethodPost, path, map[string]string{"reason": c.Reason})
	if err != nil {
		return err
	}
	return p.print(w, c.JSON, answer)
}

func (c policyRulingArgs) explained() error {
	if c.Reason == "" {
		return usageError{errors.New("--reason is needed: it is kept for good")}
	}
	return nil
}

type policyApproveCmd struct{ policyRulingArgs }

// Help is the manual page.
func (policyApproveCmd) Help() string {
	return `Needs a key with the scope policies:approve, and not the one that proposed the version. The version is in force from the instant that it was proposed for, or from its approval if that is later: never in the past.

Example:
  verigate policy diff wishpost-face-verification@2
  verigate policy approve wishpost-face-verification 2`
}

// Run approves.
func (c policyApproveCmd) Run(w *world) error { return c.rule(w, "approve") }

type policyRejectCmd struct{ policyRulingArgs }

// Help is the manual page.
func (policyRejectCmd) Help() string {
	return `Needs a key with the scope policies:approve. The number of a rejected version is used up: the next proposal takes the next one.`
}

// Run rejects.
func (c policyRejectCmd) Run(w *world) error {
	if err := c.explained(); err != nil {
		return err
	}
	return c.rule(w, "reject")
}

type policyWithdrawCmd struct{ policyRulingArgs }

// Help is the manual page.
func (policyWithdrawCmd) Help() string {
	return `Takes back a proposal, or an approved version that comes into force later. A version in force is not withdrawn: brake it at once, and publish what is to hold instead.`
}

// Run withdraws.
func (c policyWithdrawCmd) Run(w *world) error {
	if err := c.explained(); err != nil {
		return err
	}
	return c.rule(w, "withdraw")
}
