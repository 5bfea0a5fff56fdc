package notify

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/base64url"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// TypeTest is the type of the message that a webhook is tried out with.
const TypeTest = "webhook.test"

// Type returns the type of the message that an event becomes.
func Type(e lifecycle.Event) string {
	switch e {
	case lifecycle.Prompt:
		return "prompt.counted"
	case lifecycle.Remind:
		return "reminder.sent"
	case lifecycle.Restrict:
		return "restriction.opened"
	case lifecycle.Lift:
		return "restriction.lifted"
	default:
		return "verification." + string(e)
	}
}

// Types lists every type that a webhook can ask for, in the order of the documentation.
func Types() []string {
	var all []string
	for _, e := range lifecycle.Events() {
		all = append(all, Type(e))
	}
	return all
}

const messagePrefix = "msg_"

// MessageID returns the id of the message that a log entry becomes. It is a function of the entry alone, so that
// retries, redeliveries and restarts cannot make another one. Receivers take it as it is.
func MessageID(accountID string, seq int64) string {
	return messagePrefix + base64url.Encode([]byte(accountID)) + "_" + strconv.FormatInt(seq, 10)
}

// ParseMessageID is the inverse of MessageID; false for anything that it did not make.
func ParseMessageID(id string) (accountID string, seq int64, ok bool) {
	rest, found := strings.CutPrefix(id, messagePrefix)
	at := strings.LastIndexByte(rest, '_')
	if !found || at < 0 {
		return "", 0, false
	}
	account, err := base64url.Decode(rest[:at])
	if err != nil || contract.CheckAccountID(string(account)) != nil {
		return "", 0, false
	}
	seq, err = strconv.ParseInt(rest[at+1:], 10, 64)
	if err != nil || seq < 1 || MessageID(string(account), seq) != id {
		return "", 0, false
	}
	return string(account), seq, true
}

// Announce says what a log entry becomes. News that no longer applied when it arrived is told to nobody.
func Announce(c lifecycle.Change) (store.Announcement, bool) {
	return store.Announcement{MessageID: MessageID(c.AccountID, c.Seq), Type: Type(c.Event)}, !c.Ignored
}

// envelope is the payload of Standard Webhooks.
type envelope struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// change is what a message says of a log entry. What a later version adds to the log stays inside until it is named
// here, and nothing here is personal.
type change struct {
	AccountID   string       `json:"account_id"`
	Seq         int64        `json:"seq"`
	Event       string       `json:"event"`
	From        string       `json:"from"`
	To          string       `json:"to"`
	Turn        string       `json:"turn"`
	At          time.Time    `json:"at"`
	Actor       string       `json:"actor"`
	Reason      *string      `json:"reason"`
	AttemptID   string       `json:"attempt_id,omitempty"`
	UnlockAt    *time.Time   `json:"unlock_at,omitempty"`
	Provenance  *provenance  `json:"provenance,omitempty"`
	Prompt      *prompt      `json:"prompt,omitempty"`
	Reminder    *reminder    `json:"reminder,omitempty"`
	Restriction *restriction `json:"restriction,omitempty"`
}

type provenance struct {
	At     time.Time `json:"at"`
	Method string    `json:"method,omitempty"`
}

// rule names what a prompt, reminder or restriction rests on.
type rule struct {
	Policy        string `json:"policy"`
	PolicyVersion int    `json:"policy_version"`
	Rule          string `json:"rule"`
}

type prompt struct {
	Number int    `json:"number"`
	Level  string `json:"level"`
	rule
}

type reminder struct {
	Number    int       `json:"number"`
	Milestone string    `json:"milestone"`
	Level     string    `json:"level"`
	Deadline  time.Time `json:"deadline"`
	rule
}

type restriction struct {
	rule
	Since   time.Time `json:"since"`
	Actions []string  `json:"actions"`
	Opened  int64     `json:"opened,omitempty"`
}

// Body returns the payload of a log entry's message. It depends on the entry alone: every retry sends the same bytes.
func Body(c lifecycle.Change) ([]byte, error) {
	out := change{
		AccountID: c.AccountID, Seq: c.Seq, Event: string(c.Event), From: string(c.From), To: string(c.To), Turn: string(c.To.Turn()),
		At: local(c.At), Actor: string(c.Actor.Kind), AttemptID: attemptOf(c.Detail),
	}
	if c.Reason != "" {
		out.Reason = &c.Reason
	}
	if at := c.Detail.UnlockAt; !at.IsZero() {
		at = local(at)
		out.UnlockAt = &at
	}
	if p := c.Detail.Provenance; p != nil {
		out.Provenance = &provenance{At: local(p.At), Method: p.Method}
	}
	if p := c.Detail.Prompt; p != nil {
		out.Prompt = &prompt{p.Number, p.Level, rule{p.Policy, p.PolicyVersion, p.Rule}}
	}
	if r := c.Detail.Reminder; r != nil {
		out.Reminder = &reminder{r.Number, r.Milestone, r.Level, local(r.Deadline), rule{r.Policy, r.PolicyVersion, r.Rule}}
	}
	if r := c.Detail.Restricted; r != nil {
		out.Restriction = &restriction{rule{r.Policy, r.PolicyVersion, r.Rule}, local(r.Since), append([]string{}, r.Actions...), r.Opened}
	}
	return encode(envelope{Type: Type(c.Event), Timestamp: local(c.At), Data: out})
}

func attemptOf(d lifecycle.Detail) string {
	switch {
	case d.AttemptID != "":
		return d.AttemptID
	case d.Lease != nil:
		return d.Lease.AttemptID
	default:
		return ""
	}
}

// testBody returns the payload of a test.
func testBody(d store.Delivery) ([]byte, error) {
	return encode(envelope{Type: TypeTest, Timestamp: local(d.CreatedAt), Data: struct {
		WebhookID string `json:"webhook_id"`
	}{d.WebhookID}})
}

func encode(e envelope) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("notify: a message cannot be encoded: %w", err)
	}
	return body, nil
}

// local gives an instant the offset of Beijing, whatever the policy's zone is by then.
func local(t time.Time) time.Time { return t.In(lifecycle.Beijing()) }
