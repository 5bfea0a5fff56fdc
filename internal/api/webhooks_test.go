package api_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

const hook = "https://hooks.example.com/verigate"

// webhook adds one and returns its path and its secret.
func (f *fixture) webhook(types ...string) (path, secret string) {
	f.t.Helper()
	got := f.post("/v1/webhooks", object{"url": hook, "types": append([]string{}, types...)}).is(http.StatusCreated)
	return webhookPath(got), got["secret"].(string)
}

func webhookPath(answer object) string {
	return "/v1/webhooks/" + answer["webhook"].(object)["webhook_id"].(string)
}

func TestWebhookIsManaged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	made := f.post("/v1/webhooks", object{"url": hook, "description": "labels", "types": []string{"restriction.opened"}}).is(http.StatusCreated)
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, made["secret"])
	path, got := webhookPath(made), made["webhook"].(object)
	require.Equal(t, "2020-12-05T10:00:00+08:00", got["created_at"])
	require.Equal(t, true, got["enabled"])
	require.Nil(t, got["disabled_reason"])
	read := f.get(path)
	require.Equal(t, got, read.is(http.StatusOK))
	require.NotContains(t, string(read.body), "whsec_")
	require.Equal(t, []any{got}, f.get("/v1/webhooks").is(http.StatusOK)["webhooks"])

	f.clock.advance(time.Minute)
	off := f.post(path, object{"enabled": false}).is(http.StatusOK)
	require.Equal(t, "operator", off["disabled_reason"])
	require.Equal(t, "2020-12-05T10:01:00+08:00", off["changed_at"])
	require.Equal(t, "labels", off["description"], "what is left out stays")
	require.Equal(t, []any{"restriction.opened"}, off["types"])
	f.post(path+"/test", nil).problem(http.StatusConflict, api.CodeWebhookDisabled)
	on := f.post(path, object{"enabled": true, "types": []string{}, "description": ""}).is(http.StatusOK)
	require.Equal(t, true, on["enabled"])
	require.Empty(t, on["types"])
	require.Empty(t, on["description"])

	for _, missing := range []answer{
		f.get("/v1/webhooks/nothing"), f.post("/v1/webhooks/nothing", object{}), f.post("/v1/webhooks/nothing/rotate-secret", object{}),
		f.post("/v1/webhooks/nothing/test", nil), f.get("/v1/webhooks/nothing/deliveries"),
		f.post("/v1/webhooks/nothing/redeliver", object{"message_id": notify.MessageID("a1", 1)}),
		f.post("/v1/webhooks/nothing/redeliver", object{"from": "2020-12-05T00:00:00Z", "to": "2020-12-06T00:00:00Z"}),
	} {
		missing.problem(http.StatusNotFound, api.CodeWebhookNotFound)
	}
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	path, _ := f.webhook()
	for _, bad := range []string{"", "http://hooks.example.com", "https://10.0.0.1/", "https://[::1]/", "https://u:secret@hooks.example.com/", "nonsense"} {
		got := f.post("/v1/webhooks", object{"url": bad})
		field(t, got.problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "url")
		require.NotContains(t, string(got.body), "secret@")
	}
	for _, c := range []struct {
		path  string
		body  object
		field string
	}{
		{"/v1/webhooks", object{"url": hook, "types": []string{"verification.pass", "webhook.test"}}, "types.1"},
		{"/v1/webhooks", object{"url": hook, "types": []string{"verification.pass", "verification.pass"}}, "types.1"},
		{"/v1/webhooks", object{"url": hook, "description": strings.Repeat("字", 201)}, "description"},
		{path, object{"types": []string{"x"}}, "types.0"},
		{path, object{"description": strings.Repeat("字", 201)}, "description"},
		{path + "/rotate-secret", object{"overlap_hours": -1}, "overlap_hours"},
		{path + "/rotate-secret", object{"overlap_hours": 169}, "overlap_hours"},
		{path + "/redeliver", object{}, "from"},
		{path + "/redeliver", object{"from": "2020-12-05T00:00:00Z"}, "to"},
		{path + "/redeliver", object{"from": "2020-12-05T00:00:00Z", "to": "2020-12-05T00:00:00Z"}, "to"},
		{path + "/redeliver", object{"from": "2020-12-05T00:00:00Z", "to": "2020-12-06T00:00:00Z", "cursor": "x"}, "cursor"},
		{path + "/redeliver", object{"message_id": "msg_YTE_7", "to": "2020-12-06T00:00:00Z"}, "message_id"},
	} {
		field(t, f.post(c.path, c.body).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), c.field)
	}
	f.post(path, object{"url": hook}).problem(http.StatusBadRequest, api.CodeInvalidRequest)
	for range notify.MaxWebhooks - 1 {
		f.webhook()
	}
	f.post("/v1/webhooks", object{"url": hook}).problem(http.StatusConflict, api.CodeTooManyWebhooks)
	f.post(path, object{"enabled": false}).is(http.StatusOK)
	f.webhook()
	f.post(path, object{"enabled": true}).problem(http.StatusConflict, api.CodeTooManyWebhooks)
}

// TestWebhookSecretIsShownOnce: a repeated request neither makes another webhook nor shows or keeps the secret.
func TestWebhookSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	k := &keeper{Store: f.store}
	g := f.over(k)
	body := object{"url": hook}
	first := g.post("/v1/webhooks", body, idempotent("one")).is(http.StatusCreated)
	again := g.post("/v1/webhooks", body, idempotent("one")).is(http.StatusCreated)
	require.NotNil(t, first["secret"])
	require.Nil(t, again["secret"])
	require.Equal(t, webhookPath(first), webhookPath(again))
	path := webhookPath(first)
	g.post(path+"/rotate-secret", object{}, idempotent("two")).is(http.StatusOK)
	require.Len(t, k.saved, 2)
	for _, saved := range k.saved {
		require.NotContains(t, string(saved.Body), "whsec_")
	}

	// The first answer was not saved: the request runs again, and the secret is the one that was made then.
	f.store.set("FinishRequest", true)
	lost := f.post(path+"/rotate-secret", object{"overlap_hours": 1}, idempotent("three")).is(http.StatusOK)
	f.store.set("FinishRequest", false)
	found := f.post(path+"/rotate-secret", object{"overlap_hours": 1}, idempotent("three")).is(http.StatusOK)
	require.NotNil(t, lost["secret"])
	require.Equal(t, lost["secret"], found["secret"])
	secrets, err := f.store.WebhookSecrets(t.Context(), strings.TrimPrefix(path, "/v1/webhooks/"), f.clock.now())
	require.NoError(t, err)
	require.Len(t, secrets, 3, "rotated twice")
	all, err := f.store.AllWebhooks(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestDeliveriesAreListedAndRepeated(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path, _ := f.webhook("verification.submit", "verification.approve")
	require.Empty(t, f.get(path + "/deliveries").is(http.StatusOK)["deliveries"])
	span := object{"from": "2020-12-05T09:00:00+08:00", "to": "2020-12-05T11:00:00+08:00"}
	got := f.post(path+"/redeliver", span).is(http.StatusAccepted)
	require.Equal(t, object{"queued": 2.0, "cursor": nil}, got)
	require.Equal(t, object{"queued": 1.0, "cursor": nil},
		f.post(path+"/redeliver", object{"message_id": notify.MessageID("a1", 2)}).is(http.StatusAccepted), "asked for by its id, whatever its type")
	for _, bad := range []string{"nonsense", notify.MessageID("a1", 9), notify.MessageID("nobody", 1)} {
		f.post(path+"/redeliver", object{"message_id": bad}).problem(http.StatusNotFound, api.CodeMessageNotFound)
	}
	tested := f.post(path+"/test", nil, idempotent("t")).is(http.StatusAccepted)
	require.Equal(t, tested, f.post(path+"/test", nil, idempotent("t")).is(http.StatusAccepted))

	var seen []any
	cursor := ""
	for {
		page := f.get(path + "/deliveries?limit=1&cursor=" + url.QueryEscape(cursor)).is(http.StatusOK)
		for _, d := range page["deliveries"].([]any) {
			seen = append(seen, d.(object)["message_id"])
		}
		if page["cursor"] == nil {
			break
		}
		cursor = page["cursor"].(string)
	}
	require.Equal(t, []any{tested["message_id"], notify.MessageID("a1", 2), notify.MessageID("a1", 3), notify.MessageID("a1", 1)}, seen)

	list := f.get(path + "/deliveries?state=pending&limit=2").is(http.StatusOK)
	test, second := list["deliveries"].([]any)[0].(object), list["deliveries"].([]any)[1].(object)
	require.Nil(t, test["account_id"])
	require.Equal(t, "webhook.test", test["type"])
	require.Equal(t, "2020-12-05T10:00:00+08:00", test["next_at"])
	require.Equal(t, "a1", second["account_id"])
	require.InEpsilon(t, 2.0, second["seq"], 0.001)
	require.Nil(t, second["next_at"], "the first of the account goes first")
	require.Nil(t, second["status"])
	require.Empty(t, f.get(path + "/deliveries?state=failed").is(http.StatusOK)["deliveries"])
	f.get(path+"/deliveries?state=delivered&cursor="+url.QueryEscape(list["cursor"].(string))).
		problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	f.get(path+"/deliveries?state=lost").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
}

// TestALongRangeIsWorkedOffInParts: the cursor of one range is good for no other.
func TestALongRangeIsWorkedOffInParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.Webhooks = parts{c.Webhooks}
	})
	path, _ := f.webhook()
	span := object{"from": "2020-12-05T09:00:00+08:00", "to": "2020-12-05T11:00:00+08:00"}
	got := f.post(path+"/redeliver", span).is(http.StatusAccepted)
	require.InEpsilon(t, 7.0, got["queued"], 0.001)
	span["cursor"] = got["cursor"]
	require.Nil(t, f.post(path+"/redeliver", span).is(http.StatusAccepted)["cursor"])
	span["to"] = "2020-12-05T12:00:00+08:00"
	field(t, f.post(path+"/redeliver", span).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
}

// parts answers a range in two parts.
type parts struct{ api.Webhooks }

func (p parts) RedeliverRange(_ context.Context, _ string, r store.LogRange, _ time.Time) (int, store.LogPlace, error) {
	place := store.LogPlace{RecordedAt: time.Date(2020, 12, 5, 2, 0, 0, 123456789, time.UTC), Position: 42}
	switch r.After {
	case store.LogPlace{}:
		return 7, place, nil
	case place:
		return 1, store.LogPlace{}, nil
	default:
		return 0, place, store.ErrInvalid
	}
}

func TestWebhookAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	const get, post = http.MethodGet, http.MethodPost
	f.approved("a1")
	got := c.check(201, post, "/v1/webhooks", object{"url": hook, "types": []string{"verification.approve"}, "description": "x"}).json()
	path := webhookPath(got)
	c.check(422, post, "/v1/webhooks", object{"url": "x"})
	c.check(200, get, "/v1/webhooks", nil)
	c.check(200, get, path, nil)
	c.check(404, get, path+"x", nil)
	c.check(200, post, path, object{"description": "y", "types": []string{}, "enabled": true})
	c.check(200, post, path+"/rotate-secret", object{"overlap_hours": 0})
	c.check(202, post, path+"/redeliver", object{"from": "2020-12-05T09:00:00+08:00", "to": "2020-12-05T11:00:00+08:00"})
	c.check(202, post, path+"/redeliver", object{"message_id": notify.MessageID("a1", 1)})
	c.check(404, post, path+"/redeliver", object{"message_id": notify.MessageID("a1", 100)})
	c.check(202, post, path+"/test", object{})
	c.check(200, get, path+"/deliveries?state=pending", nil)
	c.check(403, post, path+"/test", nil, as(f.newKey(api.AuditRead)))
	c.check(200, post, path, object{"enabled": false})
	c.check(409, post, path+"/test", nil)
	c.check(200, get, path, nil)
}
