package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func (s *Server) webhookRoutes() {
	readers := []api.Scope{api.WebhooksWrite, api.AuditRead}
	s.page("GET /admin/webhooks", func(v *visit) error { return v.webhooksPage(http.StatusOK, &webhooksPage{}) }, readers...)
	s.page("POST /admin/webhooks", s.addWebhook, api.WebhooksWrite)
	s.page("GET /admin/webhooks/{id}", func(v *visit) error { return v.webhookPage(http.StatusOK, &webhookPage{}) }, readers...)
	s.page("POST /admin/webhooks/{id}", s.changeWebhook, api.WebhooksWrite)
	s.page("POST /admin/webhooks/{id}/rotate", s.rotateWebhook, api.WebhooksWrite)
	s.page("POST /admin/webhooks/{id}/test", s.testWebhook, api.WebhooksWrite)
	s.page("POST /admin/webhooks/{id}/redeliver", s.redeliver, api.WebhooksWrite)
}

// webhook is a webhook as the API shows it.
type webhook struct {
	ID             string    `json:"webhook_id"`
	URL            string    `json:"url"`
	Description    string    `json:"description"`
	Types          []string  `json:"types"`
	Enabled        bool      `json:"enabled"`
	DisabledReason string    `json:"disabled_reason"`
	CreatedAt      time.Time `json:"created_at"`
	ChangedAt      time.Time `json:"changed_at"`
	FailingSince   time.Time `json:"failing_since"`
}

// Wants reports whether the webhook asked for a type by name.
func (w webhook) Wants(name string) bool {
	for _, t := range w.Types {
		if t == name {
			return true
		}
	}
	return false
}

// delivery is one message on its way.
type delivery struct {
	MessageID string    `json:"message_id"`
	Type      string    `json:"type"`
	AccountID string    `json:"account_id"`
	Seq       int64     `json:"seq"`
	State     string    `json:"state"`
	Attempts  int64     `json:"attempts"`
	CreatedAt time.Time `json:"created_at"`
	NextAt    time.Time `json:"next_at"`
	LastAt    time.Time `json:"last_at"`
	Status    int       `json:"status"`
	Fault     string    `json:"fault"`
}

type webhooksPage struct {
	*frame
	Webhooks []webhook
	Types    []string
	Problem  *problem
	Asked    webhook
}

// webhookList is every webhook, and every type of messages there is.
type webhookList struct {
	Webhooks []webhook `json:"webhooks"`
	Types    []string  `json:"types"`
}

func (v *visit) webhooksPage(status int, p *webhooksPage) error {
	p.frame = v.frame("webhooks")
	p.Faulty = p.Problem != nil
	got, err := ask[webhookList](v, "/v1/webhooks")
	if err != nil {
		return err
	}
	p.Webhooks, p.Types = got.Webhooks, got.Types
	return v.renderAs(status, "webhooks", p)
}

// withSecret is the API's answer that shows a secret once.
type withSecret struct {
	Webhook webhook `json:"webhook"`
	Secret  string  `json:"secret"`
}

// addWebhook shows the secret in its answer: it is kept nowhere, so there is no page to lead to.
func (s *Server) addWebhook(v *visit) error {
	p := &webhooksPage{Asked: webhook{URL: v.form("url"), Description: v.form("description"), Types: v.r.PostForm["types"]}}
	got, err := tell[withSecret](v, "/v1/webhooks", map[string]any{
		"url": p.Asked.URL, "description": p.Asked.Description, "types": append([]string{}, p.Asked.Types...),
	})
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.webhooksPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	return v.showSecret(got)
}

func (s *Server) rotateWebhook(v *visit) error {
	got, err := tell[withSecret](v, "/v1/webhooks/"+segment(v.r.PathValue("id"))+"/rotate-secret", map[string]any{})
	if err != nil {
		return err
	}
	return v.showSecret(got)
}

type secretPage struct {
	*frame
	Webhook webhook
	Secret  string // empty if the form was sent twice: a secret is shown once
}

func (v *visit) showSecret(got withSecret) error {
	return v.render("webhook_secret", &secretPage{v.frame("webhook_secret"), got.Webhook, got.Secret})
}

func deliveryStates() []string { return []string{"pending", "delivered", "failed"} }

type webhookPage struct {
	*frame
	Webhook    webhook
	Types      []string
	Deliveries []delivery
	States     []string
	State      string
	First      string
	Next       string
	Problem    *problem
	From, To   string
	Queued     string // number of messages that a range was redelivered with
	More       string // cursor where the range goes on
}

func (v *visit) webhookPage(status int, p *webhookPage) error {
	id := v.r.PathValue("id")
	p.frame = v.frame("webhook")
	p.Faulty = p.Problem != nil
	if p.Problem == nil {
		p.Refresh = 10
	}
	var err error
	if p.Webhook, err = ask[webhook](v, "/v1/webhooks/"+segment(id)); err != nil {
		return err
	}
	all, err := ask[webhookList](v, "/v1/webhooks")
	if err != nil {
		return err
	}
	p.Types = all.Types
	p.States, p.State = deliveryStates(), v.query("state")
	here := "/admin/webhooks/" + segment(id)
	got, err := ask[struct {
		Deliveries []delivery `json:"deliveries"`
		Cursor     string     `json:"cursor"`
	}](v, "/v1/webhooks/"+segment(id)+"/deliveries", "state", p.State, "cursor", v.query("cursor"), "limit", "50")
	if err != nil {
		return err
	}
	p.Deliveries = got.Deliveries
	if v.query("cursor") != "" {
		p.First = address(here, []string{"state", p.State})
	}
	if got.Cursor != "" {
		p.Next = address(here, []string{"state", p.State, "cursor", got.Cursor})
	}
	return v.renderAs(status, "webhook", p)
}

// changeWebhook takes the whole form: what is not ticked is off.
func (s *Server) changeWebhook(v *visit) error {
	enabled := v.form("enabled") != ""
	_, err := tell[webhook](v, "/v1/webhooks/"+segment(v.r.PathValue("id")), map[string]any{
		"description": v.form("description"), "types": append([]string{}, v.r.PostForm["types"]...), "enabled": enabled,
	})
	if p := faultsIn(err); p != nil {
		return v.webhookPage(p.Status, &webhookPage{Problem: p})
	}
	if err != nil {
		return err
	}
	return v.done("/admin/webhooks/"+segment(v.r.PathValue("id")), "webhook_change")
}

func (s *Server) testWebhook(v *visit) error {
	id := segment(v.r.PathValue("id"))
	if _, err := tell[struct{}](v, "/v1/webhooks/"+id+"/test", map[string]any{}); err != nil {
		return err
	}
	return v.done("/admin/webhooks/"+id, "webhook_test")
}

// redeliver queues one message, or those of a range a part at a time: the page shows how many, and a button to go on.
func (s *Server) redeliver(v *visit) error {
	id := segment(v.r.PathValue("id"))
	body := map[string]string{}
	if message := v.form("message_id"); message != "" {
		body["message_id"] = message
	} else {
		body["from"], body["to"] = inBeijing(v.form("from")), inBeijing(v.form("to"))
		if cursor := v.form("cursor"); cursor != "" {
			body["cursor"] = cursor
		}
	}
	got, err := tell[struct {
		Queued int64  `json:"queued"`
		Cursor string `json:"cursor"`
	}](v, "/v1/webhooks/"+id+"/redeliver", body)
	p := &webhookPage{From: v.form("from"), To: v.form("to")}
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.webhookPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	if body["message_id"] != "" {
		return v.done(v.back(), "webhook_redeliver")
	}
	p.More = got.Cursor
	p.Queued = (&frame{}).Num(got.Queued)
	return v.webhookPage(http.StatusOK, p)
}

// inBeijing makes an instant of a browser's field, which has no zone, one with the zone that its label says. Anything
// else stays as it is, for the API to refuse.
func inBeijing(text string) string {
	at, err := time.ParseInLocation(localInstant, strings.TrimSpace(text), lifecycle.Beijing())
	if err != nil {
		return text
	}
	return at.Format(time.RFC3339)
}
