package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// webhooksAPI answers as the API does, for one webhook.
func webhooksAPI(t *testing.T) string {
	t.Helper()
	const webhook = `{"webhook_id":"w1","url":"https://h.example","description":"labels","types":[],"enabled":true,"disabled_reason":null,"failing_since":null}`
	answers := map[string]string{
		`POST /v1/webhooks {"description":"labels","types":["restriction.opened","restriction.lifted"],"url":"https://h.example"}`: `{"webhook":` + webhook + `,"secret":"whsec_x"}`,
		`POST /v1/webhooks {"url":"https://h.example"}`: `{"webhook":` + webhook + `,"secret":"whsec_y"}`,
		`GET /v1/webhooks `: `{"webhooks":[` + webhook + `,{"webhook_id":"w2","url":"https://i.example","types":["prompt.counted"],"enabled":false,"disabled_reason":"gone"},` +
			`{"webhook_id":"w3","url":"https://j.example","types":[],"enabled":true,"failing_since":"T1"}]}`,
		`POST /v1/webhooks/w1 {"enabled":true}`:                                                                      webhook,
		`POST /v1/webhooks/w2 {"enabled":false}`:                                                                     `{"webhook_id":"w2","enabled":false,"disabled_reason":"operator"}`,
		`POST /v1/webhooks/w1/rotate-secret {"overlap_hours":24}`:                                                    `{"webhook":` + webhook + `,"secret":"whsec_z"}`,
		`POST /v1/webhooks/w1/rotate-secret {"overlap_hours":0}`:                                                     `{"webhook":` + webhook + `,"secret":"whsec_0"}`,
		`POST /v1/webhooks/w1/test {}`:                                                                               `{"message_id":"test_1"}`,
		`GET /v1/webhooks/w1/deliveries?limit=20 `:                                                                   `{"deliveries":[{"message_id":"test_1","type":"webhook.test","state":"pending","attempts":0,"next_at":"T2"}],"cursor":null}`,
		`GET /v1/webhooks/w1/deliveries?cursor=c%2F1&limit=2&state=failed `:                                          `{"deliveries":[{"message_id":"m1","type":"prompt.counted","account_id":"a1","seq":7,"state":"failed","attempts":10,"last_at":"T1","status":503,"fault":"status"},{"message_id":"m2","type":"prompt.counted","account_id":"a2","seq":8,"state":"failed","attempts":10,"last_at":"T1","fault":"timeout"}],"cursor":"c2"}`,
		`POST /v1/webhooks/w1/redeliver {"message_id":"m1"}`:                                                         `{"queued":1,"cursor":null}`,
		`POST /v1/webhooks/w1/redeliver {"from":"2026-12-04T00:00:00Z","to":"2026-12-05T00:00:00Z"}`:                 `{"queued":500,"cursor":"next"}`,
		`POST /v1/webhooks/w1/redeliver {"cursor":"next","from":"2026-12-04T00:00:00Z","to":"2026-12-05T00:00:00Z"}`: `{"queued":3,"cursor":null}`,
	}
	return fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer, known := answers[r.Method+" "+r.URL.RequestURI()+" "+string(body)]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"status":404,"code":"webhook_not_found","detail":"GET /v1/webhooks lists them."}`
		}
		_, _ = io.WriteString(w, answer)
	})
}

func TestWebhookCommands(t *testing.T) {
	t.Parallel()
	url := webhooksAPI(t)
	for _, c := range []struct {
		args []string
		out  string
	}{
		{[]string{"add", "https://h.example", "--types", "restriction.opened,restriction.lifted", "--description", "labels"}, "w1\nwhsec_x\n"},
		{[]string{"add", "https://h.example"}, "w1\nwhsec_y\n"},
		{[]string{"list"}, "w1  enabled  https://h.example  [all types]  labels\nw2  disabled (gone)  https://i.example  [prompt.counted]  \nw3  failing since T1  https://j.example  [all types]  \n"},
		{[]string{"enable", "w1"}, "w1  enabled\n"},
		{[]string{"disable", "w2"}, "w2  disabled (operator)\n"},
		{[]string{"rotate", "w1"}, "whsec_z\n"},
		{[]string{"rotate", "w1", "--overlap-hours", "0"}, "whsec_0\n"},
		{[]string{"test", "w1"}, "test_1\n"},
		{[]string{"deliveries", "w1"}, "test_1  pending    webhook.test  tries 0, not tried, next at T2\n"},
		{[]string{"deliveries", "w1", "--state", "failed", "--limit", "2", "--cursor", "c/1"},
			"m1  failed     prompt.counted  a1 7  tries 10, 503 at T1\nm2  failed     prompt.counted  a2 8  tries 10, timeout at T1\n"},
		{[]string{"redeliver", "w1", "--message", "m1"}, "1 queued\n"},
		{[]string{"redeliver", "w1", "--from", "2026-12-04T00:00:00Z", "--to", "2026-12-05T00:00:00Z"}, "500 queued\n3 queued\n"},
	} {
		code, out, errs := call(t, url, "", append([]string{"webhooks"}, c.args...)...)
		require.Equal(t, exitOK, code, "%v: %s", c.args, errs)
		require.Equal(t, c.out, out, "%v", c.args)
	}
	code, out, _ := call(t, url, "", "webhooks", "test", "w9")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	code, out, _ = call(t, url, "", "webhooks", "list", "--json")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, `{"webhooks":[{"webhook_id":"w1"`)
	code, out, _ = call(t, url, "", "webhooks", "redeliver", "w1", "--from", "2026-12-04T00:00:00Z", "--to", "2026-12-05T00:00:00Z", "--json")
	require.Equal(t, exitOK, code)
	first, second, _ := strings.Cut(out, "\n")
	require.JSONEq(t, `{"queued":500,"cursor":"next"}`, first)
	require.JSONEq(t, `{"queued":3,"cursor":null}`, second)
	for _, bad := range [][]string{
		{"redeliver", "w1"}, {"redeliver", "w1", "--message", "m", "--from", "2026-12-04T00:00:00Z"}, {"redeliver", "w1", "--message", "m", "--to", "x"},
		{"redeliver", "w1", "--from", "2026-12-04T00:00:00Z"}, {"redeliver", "w1", "--from", "yesterday", "--to", "2026-12-04T00:00:00Z"},
		{"deliveries", "w1", "--state", "lost"}, {"add"},
	} {
		code, _, errs := call(t, url, "", append([]string{"webhooks"}, bad...)...)
		require.Equal(t, exitUsage, code, "%v", bad)
		require.NotEmpty(t, errs)
	}
}
