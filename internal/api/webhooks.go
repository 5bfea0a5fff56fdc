package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

// Webhooks is what the API needs to manage webhooks; *notify.Webhooks satisfies it.
type Webhooks interface {
	CheckURL(url string) error
	Create(ctx context.Context, w store.Webhook, command string) (store.Webhook, string, error)
	Webhook(ctx context.Context, id string) (store.Webhook, error)
	All(ctx context.Context) ([]store.Webhook, error)
	Change(ctx context.Context, id string, c store.WebhookChange) (store.Webhook, error)
	Rotate(ctx context.Context, id, command string, now time.Time, overlap time.Duration) (string, error)
	Deliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error)
	Redeliver(ctx context.Context, id, messageID string, now time.Time) error
	RedeliverRange(ctx context.Context, id string, r store.LogRange, now time.Time) (int, store.LogPlace, error)
	Test(ctx context.Context, id, command string, now time.Time) (string, error)
}

const (
	maxDescription  = 200 // characters
	maxOverlapHours = 168
)

func (s *Server) webhookRoutes() {
	reads, writes := []Scope{WebhooksWrite, AuditRead}, []Scope{WebhooksWrite}
	one := []Code{CodeWebhookNotFound}
	handle(s, operation{
		id: "create-webhook", method: http.MethodPost, path: "/v1/webhooks", tag: tagWebhooks, summary: "Add a webhook",
		words: "An address that hears of every change, signed as Standard Webhooks says. The answer shows its secret, this once. " +
			"At most " + strconv.Itoa(notify.MaxWebhooks) + " may be enabled.",
		scopes: writes, codes: []Code{CodeTooManyWebhooks}, answers: map[int]string{http.StatusCreated: "Added, and enabled."},
	}, s.createWebhook)
	handle(s, operation{
		id: "list-webhooks", method: http.MethodGet, path: "/v1/webhooks", tag: tagWebhooks, summary: "List webhooks",
		words: "All of them, disabled ones included.", scopes: reads,
	}, s.listWebhooks)
	handle(s, operation{
		id: "get-webhook", method: http.MethodGet, path: "/v1/webhooks/{webhook_id}", tag: tagWebhooks, summary: "Read a webhook",
		words: "Secrets are not shown.", scopes: reads, codes: one,
	}, s.getWebhook)
	handle(s, operation{
		id: "change-webhook", method: http.MethodPost, path: "/v1/webhooks/{webhook_id}", tag: tagWebhooks, summary: "Change, enable or disable a webhook",
		words: "What is left out stays. For another URL add another webhook.", scopes: writes, codes: append(one, CodeTooManyWebhooks),
	}, s.changeWebhook)
	handle(s, operation{
		id: "rotate-webhook-secret", method: http.MethodPost, path: "/v1/webhooks/{webhook_id}/rotate-secret", tag: tagWebhooks,
		summary: "Replace a webhook's secret", words: "For a while messages carry signatures of both, so that the receiver can change over.",
		scopes: writes, codes: one,
	}, s.rotateWebhookSecret)
	handle(s, operation{
		id: "test-webhook", method: http.MethodPost, path: "/v1/webhooks/{webhook_id}/test", tag: tagWebhooks, summary: "Try a webhook out",
		words: "Queues a message of the type `webhook.test`, which is tried once.", scopes: writes, codes: append(one, CodeWebhookDisabled),
		answers: map[int]string{http.StatusAccepted: "Queued."},
	}, s.testWebhook)
	s.deliveryRoutes(reads, writes, one)
}

func (s *Server) deliveryRoutes(reads, writes []Scope, one []Code) {
	handle(s, operation{
		id: "list-deliveries", method: http.MethodGet, path: "/v1/webhooks/{webhook_id}/deliveries", tag: tagWebhooks,
		summary: "List a webhook's deliveries", words: "Newest first, page by page. A cursor is good for the filter it was made with.",
		scopes: reads, codes: append(one, CodeValidationFailed),
		query: []parameter{
			{name: "state", words: "Only this state.", values: names([]store.DeliveryState{store.DeliveryPending, store.DeliveryDelivered, store.DeliveryFailed})},
			{name: "cursor", words: "Where the page before ended, from its answer."},
			{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
		},
	}, s.listDeliveries)
	handle(s, operation{
		id: "redeliver", method: http.MethodPost, path: "/v1/webhooks/{webhook_id}/redeliver", tag: tagWebhooks, summary: "Deliver again",
		words: "One message by its id, or those of a range of time that the webhook wants, made from the log whether or not they were ever delivered, under the same ids. " +
			"A range is worked off 10,000 entries at a time: send the request again with the cursor of the answer until that is null.",
		scopes: writes, codes: append(one, CodeMessageNotFound), answers: map[int]string{http.StatusAccepted: "Queued."},
	}, s.redeliver)
}

// webhookProblem names what notify reports.
func webhookProblem(err error) error {
	for _, row := range []struct {
		is   error
		code Code
	}{
		{notify.ErrNoWebhook, CodeWebhookNotFound}, {notify.ErrNoMessage, CodeMessageNotFound},
		{notify.ErrTooMany, CodeTooManyWebhooks}, {notify.ErrDisabled, CodeWebhookDisabled},
	} {
		if errors.Is(err, row.is) {
			return problem(row.code).because(err)
		}
	}
	return err
}

func (s *Server) createWebhook(ctx context.Context, c *call, in webhookIn) (int, webhookWithSecretView, error) {
	var f faults
	if in.URL == "" {
		f.required("url")
	} else if err := s.cfg.Webhooks.CheckURL(in.URL); err != nil {
		f.address("url", err)
	}
	f.atMost("description", in.Description, maxDescription)
	f.types(in.Types)
	if err := f.err(); err != nil {
		return 0, webhookWithSecretView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, webhookWithSecretView{}, err
	}
	w, secret, err := s.cfg.Webhooks.Create(ctx, store.Webhook{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte("webhook/"+c.change)).String(), URL: in.URL, Description: in.Description, Types: in.Types,
		CreatedAt: c.now, CreatedBy: c.key.ID,
	}, c.change)
	if err != nil {
		return 0, webhookWithSecretView{}, webhookProblem(err)
	}
	c.changed("webhook/"+w.ID, "", nil, seeWebhook(w))
	return http.StatusCreated, webhookWithSecretView{viewWebhook(w, zone), orNil(secret)}, nil
}

// address adds what a guard says of a URL; it quotes nothing of it.
func (f *faults) address(field string, err error) {
	_, words, _ := strings.Cut(err.Error(), ": address not allowed: ")
	if words == "" {
		words = "cannot be used"
	}
	f.add(field, "not_allowed", words, "应为公网主机的 https 地址，不含用户名、密码和片段")
}

func (f *faults) types(given []string) {
	known := notify.Types()
	for i, t := range given {
		if !slices.Contains(known, t) {
			field := fmt.Sprintf("types.%d", i)
			f.add(field, "not_known", "must be one of "+strings.Join(known, ", "), "应为以下之一："+strings.Join(known, ", "))
			return // one is enough: the list is long
		}
		if slices.Contains(given[:i], t) {
			f.add(fmt.Sprintf("types.%d", i), "duplicate", "comes twice; name it once", "重复出现，请只填写一次")
			return
		}
	}
}

func (s *Server) listWebhooks(ctx context.Context, _ *call, _ none) (int, webhooksView, error) {
	view := webhooksView{Webhooks: []webhookView{}, Types: notify.Types()}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Webhooks.All(ctx)
	if err != nil {
		return 0, view, err
	}
	for _, w := range all {
		view.Webhooks = append(view.Webhooks, viewWebhook(w, zone))
	}
	return http.StatusOK, view, nil
}

func (s *Server) getWebhook(ctx context.Context, c *call, _ none) (int, webhookView, error) {
	w, zone, err := s.webhook(ctx, c)
	if err != nil {
		return 0, webhookView{}, err
	}
	return http.StatusOK, viewWebhook(w, zone), nil
}

// webhook finds the one of the path.
func (s *Server) webhook(ctx context.Context, c *call) (store.Webhook, *time.Location, error) {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return store.Webhook{}, nil, err
	}
	w, err := s.cfg.Webhooks.Webhook(ctx, c.r.PathValue("webhook_id"))
	return w, zone, webhookProblem(err)
}

func (s *Server) changeWebhook(ctx context.Context, c *call, in webhookChangeIn) (int, webhookView, error) {
	change := store.WebhookChange{Description: in.Description, Types: in.Types, At: c.now}
	var f faults
	if in.Description != nil {
		f.atMost("description", *in.Description, maxDescription)
	}
	if in.Types != nil {
		f.types(*in.Types)
	}
	if err := f.err(); err != nil {
		return 0, webhookView{}, err
	}
	if in.Enabled != nil {
		state := store.WebhookDisabled
		if *in.Enabled {
			state = store.WebhookEnabled
		}
		change.State = &state
	}
	w, zone, err := s.webhook(ctx, c)
	if err != nil {
		return 0, webhookView{}, err
	}
	before := seeWebhook(w)
	c.changed("webhook/"+w.ID, "", before, nil)
	if w, err = s.cfg.Webhooks.Change(ctx, w.ID, change); err != nil {
		return 0, webhookView{}, webhookProblem(err)
	}
	c.changed("webhook/"+w.ID, "", before, seeWebhook(w))
	return http.StatusOK, viewWebhook(w, zone), nil
}

func (s *Server) rotateWebhookSecret(ctx context.Context, c *call, in rotateIn) (int, webhookWithSecretView, error) {
	hours := 24
	if in.OverlapHours != nil {
		hours = *in.OverlapHours
	}
	if hours < 0 || hours > maxOverlapHours {
		var f faults
		f.add("overlap_hours", "out_of_range", "must be a whole number from 0 to 168", "应为 0 到 168 的整数")
		return 0, webhookWithSecretView{}, f.err()
	}
	w, zone, err := s.webhook(ctx, c)
	if err != nil {
		return 0, webhookWithSecretView{}, err
	}
	secret, err := s.cfg.Webhooks.Rotate(ctx, w.ID, c.change, c.now, time.Duration(hours)*time.Hour)
	if err != nil {
		return 0, webhookWithSecretView{}, webhookProblem(err)
	}
	c.changed("webhook/"+w.ID, "", nil, rotatedSeen{hours})
	return http.StatusOK, webhookWithSecretView{viewWebhook(w, zone), orNil(secret)}, nil
}

func (s *Server) testWebhook(ctx context.Context, c *call, _ none) (int, testedView, error) {
	id, err := s.cfg.Webhooks.Test(ctx, c.r.PathValue("webhook_id"), c.change, c.now)
	if err != nil {
		return 0, testedView{}, webhookProblem(err)
	}
	c.changed("webhook/"+c.r.PathValue("webhook_id"), "", nil, messageSeen{id})
	return http.StatusAccepted, testedView{id}, nil
}

func (s *Server) listDeliveries(ctx context.Context, c *call, _ none) (int, deliveriesView, error) {
	view := deliveriesView{Deliveries: []deliveryView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	w, zone, err := s.webhook(ctx, c)
	if err != nil {
		return 0, view, err
	}
	filter := store.DeliveryFilter{WebhookID: w.ID, State: store.DeliveryState(c.query("state")), Limit: limit}
	scope := "deliveries/" + w.ID + "/" + string(filter.State)
	if filter.Before, err = s.numberIn(c, scope); err != nil {
		return 0, view, err
	}
	page, err := s.cfg.Webhooks.Deliveries(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	for _, d := range page {
		view.Deliveries = append(view.Deliveries, viewDelivery(d, zone))
	}
	if len(page) == limit { // the next page may be empty
		view.Cursor = s.numbered(scope, page[limit-1].ID)
	}
	return http.StatusOK, view, nil
}

func (s *Server) redeliver(ctx context.Context, c *call, in redeliverIn) (int, redeliveredView, error) {
	id := c.r.PathValue("webhook_id")
	if in.MessageID == "" {
		return s.redeliverRange(ctx, c, id, in)
	}
	if in.From+in.To+in.Cursor != "" {
		var f faults
		f.add("message_id", "not_together", "must stand alone: give it, or from and to", "message_id 与 from、to 不能同时提供")
		return 0, redeliveredView{}, f.err()
	}
	if err := s.cfg.Webhooks.Redeliver(ctx, id, in.MessageID, c.now); err != nil {
		return 0, redeliveredView{}, webhookProblem(err)
	}
	c.changed("webhook/"+id, "", nil, messageSeen{in.MessageID})
	return http.StatusAccepted, redeliveredView{Queued: 1}, nil
}

func (s *Server) redeliverRange(ctx context.Context, c *call, id string, in redeliverIn) (int, redeliveredView, error) {
	var f faults
	span := store.LogRange{From: f.instantOf("from", in.From), To: f.instantOf("to", in.To)}
	if len(f) == 0 && !span.From.Before(span.To) {
		f.add("to", "out_of_range", "must be after from", "应晚于 from")
	}
	scope := strings.Join([]string{"redeliver", id, in.From, in.To}, "/")
	if in.Cursor != "" {
		text, err := s.cfg.Tokens.openCursor(scope, in.Cursor)
		at, position, _ := strings.Cut(text, "/")
		if err == nil {
			span.After.RecordedAt, err = time.Parse(time.RFC3339Nano, at)
		}
		if err == nil {
			span.After.Position, err = strconv.ParseInt(position, 10, 64)
		}
		if err != nil {
			f.add("cursor", "form", "must be the cursor of the answer before, with the same from and to", "应为上一次响应返回的 cursor，且 from、to 相同")
		}
	}
	if err := f.err(); err != nil {
		return 0, redeliveredView{}, err
	}
	queued, next, err := s.cfg.Webhooks.RedeliverRange(ctx, id, span, c.now)
	if err != nil {
		return 0, redeliveredView{}, webhookProblem(err)
	}
	c.changed("webhook/"+id, "", nil, redeliveredSeen{span.From, span.To, queued})
	view := redeliveredView{Queued: queued}
	if next != (store.LogPlace{}) {
		text := next.RecordedAt.UTC().Format(time.RFC3339Nano) + "/" + strconv.FormatInt(next.Position, 10)
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, text))
	}
	return http.StatusAccepted, view, nil
}
