package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type webhooksCmd struct {
	Add        webhooksAddCmd        `cmd:"" help:"Add a webhook. Its secret is shown this once."`
	List       webhooksListCmd       `cmd:"" help:"List webhooks."`
	Enable     webhooksEnableCmd     `cmd:"" help:"Enable a webhook; what waits for it goes on."`
	Disable    webhooksDisableCmd    `cmd:"" help:"Disable a webhook; what waits for it stays."`
	Rotate     webhooksRotateCmd     `cmd:"" help:"Replace a webhook's secret. The new one is shown this once."`
	Test       webhooksTestCmd       `cmd:"" help:"Send a message of the type webhook.test, tried once."`
	Deliveries webhooksDeliveriesCmd `cmd:"" help:"List a webhook's deliveries, newest first."`
	Redeliver  webhooksRedeliverCmd  `cmd:"" help:"Deliver a message, or those of a range of time, again."`
}

// Help is the manual page.
func (webhooksCmd) Help() string {
	return `Webhooks tell account services of every change, as Standard Webhooks says; see docs/webhooks.md. The key needs the scope webhooks:write; audit:read suffices to list.

Examples:
  verigate webhooks add https://hooks.example.com/verigate --types restriction.opened,restriction.lifted
  verigate webhooks deliveries ID --state failed
  verigate webhooks redeliver ID --from 2026-12-04T00:00:00+08:00 --to 2026-12-05T00:00:00+08:00`
}

// webhookRef is the webhook that a command is about.
type webhookRef struct {
	connection
	ID   string `arg:"" help:"Id of the webhook; verigate webhooks list shows it."`
	JSON bool   `name:"json" help:"Print the API's answer."`
}

func (r webhookRef) path(more string) string { return "/v1/webhooks/" + url.PathEscape(r.ID) + more }

// tell asks and, with asJSON, prints the answer as it came.
func (c connection) tell(w *world, method, path string, body, out any, asJSON bool) error {
	text, err := c.ask(w, method, path, body, out)
	if err == nil && asJSON {
		w.say("%s\n", text)
	}
	return err
}

// webhookAnswer is a webhook as the API shows it.
type webhookAnswer struct {
	ID             string   `json:"webhook_id"`
	URL            string   `json:"url"`
	Description    string   `json:"description"`
	Types          []string `json:"types"`
	Enabled        bool     `json:"enabled"`
	DisabledReason string   `json:"disabled_reason"`
	FailingSince   string   `json:"failing_since"`
}

// state is one word, and since when it is in trouble.
func (a webhookAnswer) state() string {
	switch {
	case !a.Enabled:
		return "disabled (" + a.DisabledReason + ")"
	case a.FailingSince != "":
		return "failing since " + a.FailingSince
	default:
		return "enabled"
	}
}

type secretAnswer struct {
	Webhook webhookAnswer `json:"webhook"`
	Secret  string        `json:"secret"`
}

type webhooksAddCmd struct {
	connection
	Address     string   `arg:"" help:"Where messages are posted to: an https URL of a public host."`
	Types       []string `placeholder:"TYPE" help:"Types of messages, separated by commas (default: all; docs/webhooks.md lists them)."`
	Description string   `help:"What it is for; shown in lists."`
	JSON        bool     `name:"json" help:"Print the API's answer."`
}

// Run adds a webhook.
func (c webhooksAddCmd) Run(w *world) error {
	body := map[string]any{"url": c.Address}
	if c.Description != "" {
		body["description"] = c.Description
	}
	if len(c.Types) > 0 {
		body["types"] = c.Types
	}
	var out secretAnswer
	if err := c.tell(w, http.MethodPost, "/v1/webhooks", body, &out, c.JSON); err != nil || c.JSON {
		return err
	}
	w.say("%s\n%s\n", out.Webhook.ID, out.Secret)
	w.warn("Keep the secret now: it is not shown again.\n")
	return nil
}

type webhooksListCmd struct {
	connection
	JSON bool `name:"json" help:"Print the API's answer."`
}

// Run lists webhooks.
func (c webhooksListCmd) Run(w *world) error {
	var out struct{ Webhooks []webhookAnswer }
	if err := c.tell(w, http.MethodGet, "/v1/webhooks", nil, &out, c.JSON); err != nil || c.JSON {
		return err
	}
	for _, h := range out.Webhooks {
		types := "all types"
		if len(h.Types) > 0 {
			types = strings.Join(h.Types, " ")
		}
		w.say("%s  %s  %s  [%s]  %s\n", h.ID, h.state(), h.URL, types, h.Description)
	}
	return nil
}

type webhooksEnableCmd struct{ webhookRef }

// Run enables.
func (c webhooksEnableCmd) Run(w *world) error { return c.turn(w, true) }

type webhooksDisableCmd struct{ webhookRef }

// Run disables.
func (c webhooksDisableCmd) Run(w *world) error { return c.turn(w, false) }

func (r webhookRef) turn(w *world, enabled bool) error {
	var out webhookAnswer
	if err := r.tell(w, http.MethodPost, r.path(""), map[string]any{"enabled": enabled}, &out, r.JSON); err != nil || r.JSON {
		return err
	}
	w.say("%s  %s\n", out.ID, out.state())
	return nil
}

type webhooksRotateCmd struct {
	webhookRef
	OverlapHours int `default:"24" help:"For how long messages carry a signature of the old secret, too; 0 to 168."`
}

// Run rotates.
func (c webhooksRotateCmd) Run(w *world) error {
	var out secretAnswer
	err := c.tell(w, http.MethodPost, c.path("/rotate-secret"), map[string]any{"overlap_hours": c.OverlapHours}, &out, c.JSON)
	if err != nil || c.JSON {
		return err
	}
	w.say("%s\n", out.Secret)
	w.warn("Keep the secret now: it is not shown again. The old one signs for %d more hours.\n", c.OverlapHours)
	return nil
}

type webhooksTestCmd struct{ webhookRef }

// Run sends a test.
func (c webhooksTestCmd) Run(w *world) error {
	var out struct {
		MessageID string `json:"message_id"`
	}
	if err := c.tell(w, http.MethodPost, c.path("/test"), map[string]any{}, &out, c.JSON); err != nil || c.JSON {
		return err
	}
	w.say("%s\n", out.MessageID)
	w.warn("Queued. See what became of it: verigate webhooks deliveries %s\n", c.ID)
	return nil
}

type webhooksDeliveriesCmd struct {
	webhookRef
	State  string `enum:"pending,delivered,failed," default:"" placeholder:"STATE" help:"Only these: pending, delivered or failed."`
	Limit  int    `default:"20" help:"How many, 1 to 500."`
	Cursor string `help:"Where the list before ended."`
}

type deliveryAnswer struct {
	MessageID string `json:"message_id"`
	Type      string `json:"type"`
	AccountID string `json:"account_id"`
	Seq       int64  `json:"seq"`
	State     string `json:"state"`
	Attempts  int    `json:"attempts"`
	NextAt    string `json:"next_at"`
	LastAt    string `json:"last_at"`
	Status    int    `json:"status"`
	Fault     string `json:"fault"`
}

// last says how the last try ended.
func (d deliveryAnswer) last() string {
	switch {
	case d.Attempts == 0:
		return "not tried"
	case d.Status != 0:
		return strconv.Itoa(d.Status) + " at " + d.LastAt
	default:
		return d.Fault + " at " + d.LastAt
	}
}

// Run lists deliveries.
func (c webhooksDeliveriesCmd) Run(w *world) error {
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.State != "" {
		query.Set("state", c.State)
	}
	if c.Cursor != "" {
		query.Set("cursor", c.Cursor)
	}
	var out struct {
		Deliveries []deliveryAnswer
		Cursor     string
	}
	if err := c.tell(w, http.MethodGet, c.path("/deliveries?"+query.Encode()), nil, &out, c.JSON); err != nil || c.JSON {
		return err
	}
	for _, d := range out.Deliveries {
		line := fmt.Sprintf("%s  %-9s  %s", d.MessageID, d.State, d.Type)
		if d.AccountID != "" {
			line += fmt.Sprintf("  %s %d", d.AccountID, d.Seq)
		}
		line += fmt.Sprintf("  tries %d, %s", d.Attempts, d.last())
		if d.NextAt != "" {
			line += ", next at " + d.NextAt
		}
		w.say("%s\n", line)
	}
	if out.Cursor != "" {
		w.warn("There may be more: --cursor %s\n", out.Cursor)
	}
	return nil
}

type webhooksRedeliverCmd struct {
	webhookRef
	Message string `placeholder:"ID" help:"Message id, such as msg_YTE_7." xor:"what" required:""`
	From    string `placeholder:"INSTANT" help:"Everything recorded from this instant on, with its offset: 2026-12-04T00:00:00+08:00." xor:"what" required:""`
	To      string `placeholder:"INSTANT" help:"And before this one."`
}

// Run redelivers. A long range takes several requests.
func (c webhooksRedeliverCmd) Run(w *world) error {
	if c.Message != "" {
		if c.To != "" {
			return usageError{errors.New("--to belongs to --from")}
		}
		_, err := c.queue(w, map[string]string{"message_id": c.Message})
		return err
	}
	for name, text := range map[string]string{"--from": c.From, "--to": c.To} {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return usageError{fmt.Errorf("%s must be an instant with its offset, such as 2026-12-04T00:00:00+08:00", name)}
		}
	}
	body := map[string]string{"from": c.From, "to": c.To}
	for {
		cursor, err := c.queue(w, body)
		if err != nil || cursor == "" {
			return err
		}
		body["cursor"] = cursor
	}
}

// queue sends one request and says how many messages it queued.
func (c webhooksRedeliverCmd) queue(w *world, body map[string]string) (cursor string, err error) {
	var out struct {
		Queued int
		Cursor string
	}
	if err := c.tell(w, http.MethodPost, c.path("/redeliver"), body, &out, c.JSON); err != nil {
		return "", err
	}
	if !c.JSON {
		w.say("%d queued\n", out.Queued)
	}
	return out.Cursor, nil
}
