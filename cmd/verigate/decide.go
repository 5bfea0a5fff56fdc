package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type decideCmd struct {
	connection
	Account string `arg:"" help:"Account id."`
	Action  string `arg:"" help:"Action, such as create_label or login."`
	At      string `placeholder:"INSTANT" help:"Another instant, with its offset: 2020-12-04T00:00:00+08:00. Nothing is recorded then."`
	Basis   string `enum:"would,did" default:"would" help:"For another instant: what it would say by what is known now, or what it did say."`
	JSON    bool   `name:"json" help:"Print the API's answer."`
}

// Help is the manual page.
func (decideCmd) Help() string {
	return `Prints the gate's answer: the effect, the reason, the rule and the policy's version, and when the answer changes.

Examples:
  verigate decide sample-old create_label
  verigate decide sample-old create_label --at 2020-12-03T23:59:59+08:00`
}

// Run asks.
func (c decideCmd) Run(w *world) error {
	question := map[string]string{"action": c.Action}
	if c.At != "" {
		if _, err := time.Parse(time.RFC3339Nano, c.At); err != nil {
			return usageError{fmt.Errorf("--at must be an instant with its offset, such as 2020-12-04T00:00:00+08:00")}
		}
		question["at"], question["basis"] = c.At, c.Basis
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	path := "/v1/accounts/" + url.PathEscape(c.Account) + "/decisions"
	res, err := c.do(w, http.MethodPost, path, "application/json", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if c.JSON {
		w.say("%s\n", strings.TrimSpace(string(text)))
		return nil
	}
	return c.print(w, text)
}

func (c decideCmd) print(w *world, text []byte) error {
	var d struct {
		Effect, Reason, Rule, Policy, At string
		PolicyVersion                    int     `json:"policy_version"`
		NextChangeAt                     *string `json:"next_change_at"`
		Since                            *string
		Message                          struct{ En string }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("the answer is not a decision: %w", err)
	}
	w.say("%s (%s) at %s\n", d.Effect, d.Reason, d.At)
	if d.Message.En != "" {
		w.say("%s\n", d.Message.En)
	}
	if d.Rule != "" {
		w.say("rule %s of %s version %d\n", d.Rule, d.Policy, d.PolicyVersion)
	}
	if d.Since != nil {
		w.say("since %s\n", *d.Since)
	}
	if d.NextChangeAt != nil {
		w.say("changes at %s if no fact changes\n", *d.NextChangeAt)
	}
	return nil
}
