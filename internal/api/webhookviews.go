package api

import (
	"time"

	"github.com/verigate/verigate/internal/store"
)

type webhookIn struct {
	URL         string   `json:"url" maxLength:"2048" doc:"Where messages are posted to: an https URL of a public host."`
	Description string   `json:"description,omitempty" maxLength:"200" doc:"What it is for; shown in lists."`
	Types       []string `json:"types,omitempty" nullable:"false" doc:"The types of messages it wants; none: all of them."`
}

type webhookChangeIn struct {
	Description *string   `json:"description,omitempty" maxLength:"200" nullable:"false" doc:"Left out, it stays."`
	Types       *[]string `json:"types,omitempty" nullable:"false" doc:"Left out, they stay; an empty list: all types."`
	Enabled     *bool     `json:"enabled,omitempty" nullable:"false" doc:"Left out, it stays. What waits for a disabled webhook goes on when it is enabled; what happens meanwhile can be redelivered."`
}

type rotateIn struct {
	OverlapHours *int `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" nullable:"false" doc:"For how long messages carry a signature of the old secret, too. Default 24."`
}

type redeliverIn struct {
	MessageID string `json:"message_id,omitempty" doc:"One message; or give from and to."`
	From      string `json:"from,omitempty" format:"date-time" doc:"Messages of what was recorded from this instant on."`
	To        string `json:"to,omitempty" format:"date-time" doc:"And before this one."`
	Cursor    string `json:"cursor,omitempty" doc:"Where the request before ended, from its answer."`
}

type webhookView struct {
	WebhookID      string     `json:"webhook_id"`
	URL            string     `json:"url"`
	Description    string     `json:"description"`
	Types          []string   `json:"types" nullable:"false" doc:"Empty: all types."`
	Enabled        bool       `json:"enabled"`
	DisabledReason *string    `json:"disabled_reason" enum:"operator,gone,failing" doc:"gone: it answered 410. failing: nothing was delivered for too long."`
	CreatedAt      time.Time  `json:"created_at"`
	ChangedAt      time.Time  `json:"changed_at" doc:"When it was enabled or disabled last."`
	FailingSince   *time.Time `json:"failing_since" doc:"First failure since the last success."`
}

type webhookWithSecretView struct {
	Webhook webhookView `json:"webhook"`
	Secret  *string     `json:"secret" doc:"whsec_ and base64, shown this once: null when the answer is a repeated one. A lost secret is replaced by rotating it."`
}

// sealed leaves the secret out of what is saved of the answer.
func (v webhookWithSecretView) sealed() any {
	v.Secret = nil
	return v
}

// unsealed cannot make it again.
func (v webhookWithSecretView) unsealed(*Tokens) any { return v }

type webhooksView struct {
	Webhooks []webhookView `json:"webhooks" nullable:"false" doc:"Oldest first."`
	Types    []string      `json:"types" nullable:"false" doc:"Every type of messages that a webhook can ask for."`
}

type deliveryView struct {
	MessageID string     `json:"message_id" doc:"The webhook-id of the message."`
	Type      string     `json:"type"`
	AccountID *string    `json:"account_id" doc:"Null for a test."`
	Seq       *int64     `json:"seq" doc:"Of the account's log; null for a test."`
	State     string     `json:"state" enum:"pending,delivered,failed" doc:"failed: given up."`
	Attempts  int        `json:"attempts"`
	CreatedAt time.Time  `json:"created_at"`
	NextAt    *time.Time `json:"next_at" doc:"Of the next try; null if there is none, or if another message of the account goes first."`
	LastAt    *time.Time `json:"last_at" doc:"Of the last try."`
	Status    *int       `json:"status" doc:"HTTP status of the last try's answer."`
	Fault     *string    `json:"fault" enum:"status,timeout,name,refused,tls,not_allowed,connection,internal" doc:"Why the last try failed. Nothing else is kept of an answer."`
}

type deliveriesView struct {
	Deliveries []deliveryView `json:"deliveries" nullable:"false" doc:"Newest first."`
	Cursor     *string        `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type redeliveredView struct {
	Queued int     `json:"queued" doc:"Messages that were queued."`
	Cursor *string `json:"cursor" doc:"Where to go on with the same from and to; null when the range is done."`
}

type testedView struct {
	MessageID string `json:"message_id" doc:"Of the test; see the deliveries for what became of it."`
}

func viewWebhook(w store.Webhook, zone *time.Location) webhookView {
	return webhookView{
		WebhookID: w.ID, URL: w.URL, Description: w.Description, Types: append([]string{}, w.Types...),
		Enabled: w.State == store.WebhookEnabled, DisabledReason: orNil(w.Reason), CreatedAt: w.CreatedAt.In(zone),
		ChangedAt: w.ChangedAt.In(zone), FailingSince: instantIn(w.Health.FailingSince, zone),
	}
}

func viewDelivery(d store.Delivery, zone *time.Location) deliveryView {
	return deliveryView{
		MessageID: d.MessageID, Type: d.Type, AccountID: orNil(d.AccountID), Seq: orNil(d.Seq), State: string(d.State), Attempts: d.Attempts,
		CreatedAt: d.CreatedAt.In(zone), NextAt: instantIn(d.DueAt, zone), LastAt: instantIn(d.LastAt, zone), Status: orNil(d.Status), Fault: orNil(d.Fault),
	}
}
