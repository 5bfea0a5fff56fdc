package admin_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

const founding = "wishpost-face-verification"

func TestSweepFromThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	page := w.get(api.RoleOperator, "/admin/sweeps").is(http.StatusOK)
	require.Contains(t, page, "There has been no sweep yet.")
	require.Contains(t, page, `<option value="`+founding+`"`)
	require.NotContains(t, w.get(api.RoleViewer, "/admin/sweeps").is(http.StatusOK), `action="/admin/sweeps"`)

	missing := w.post(api.RoleOperator, "/admin/sweeps", "once", once(t, page), "policy", founding).is(http.StatusUnprocessableEntity)
	require.Contains(t, missing, `id="fault-reason"`)
	require.Contains(t, missing, "<title>Error: ")

	const id = founding + ".1.20201205T020000Z"
	sent := []string{"once", once(t, missing), "policy", founding, "reason", "by_hand"}
	w.post(api.RoleOperator, "/admin/sweeps", sent...).leads("/admin/sweeps/" + id + "?done=sweep_start")
	w.post(api.RoleOperator, "/admin/sweeps", sent...).leads("/admin/sweeps/" + id + "?done=sweep_start") // pressed twice
	running := w.get(api.RoleOperator, "/admin/sweeps/"+id+"?done=sweep_start").is(http.StatusOK)
	require.Contains(t, running, "The sweep has begun.")
	require.Contains(t, running, `<progress value="5" max="10"`)
	require.Contains(t, running, `data-refresh="2"`)

	w.post(api.RoleViewer, "/admin/sweeps/"+id+"/pause").is(http.StatusForbidden)
	w.post(api.RoleOperator, "/admin/sweeps/"+id+"/pause", "once", once(t, running)).leads("/admin/sweeps/" + id + "?done=sweep_pause")
	require.Contains(t, w.get(api.RoleOperator, "/admin/sweeps/"+id).is(http.StatusOK), "Go on")
	w.post(api.RoleOperator, "/admin/sweeps/"+id+"/resume").leads("/admin/sweeps/" + id + "?done=sweep_resume")

	w.sweeps.Finish(t, id)
	done := w.get(api.RoleAuditor, "/admin/sweeps/"+id).is(http.StatusOK)
	require.Contains(t, done, "existing-individuals")
	require.NotContains(t, done, "data-refresh")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/sweeps").is(http.StatusOK), id)
	require.Contains(t, w.post(api.RoleOperator, "/admin/sweeps/"+id+"/cancel").is(http.StatusConflict), "sweep_ended")
	w.get(api.RoleViewer, "/admin/sweeps/nothing").is(http.StatusNotFound)
}

func TestRemindersFromThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	page := w.get(api.RoleOperator, "/admin/reminders").is(http.StatusOK)
	got := w.post(api.RoleOperator, "/admin/reminders", "once", once(t, page), "policy", founding, "dry_run", "1")
	require.Equal(t, http.StatusSeeOther, got.status)
	run, _, _ := strings.Cut(got.header.Get("Location"), "?")
	require.Contains(t, w.get(api.RoleOperator, run).is(http.StatusOK), "dry run")
	w.post(api.RoleOperator, run+"/pause").leads(run + "?done=reminders_pause")
	require.Contains(t, w.get(api.RoleAuditor, run).is(http.StatusOK), "paused")
	w.post(api.RoleAuditor, run+"/resume").is(http.StatusForbidden)
	w.post(api.RoleOperator, run+"/cancel").leads(run + "?done=reminders_cancel")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/reminders").is(http.StatusOK), "cancelled")
	w.get(api.RoleViewer, "/admin/reminders").is(http.StatusForbidden)
	w.runs.Failing = api.ErrEngineUnavailable
	require.Contains(t, w.get(api.RoleOperator, "/admin/reminders").is(http.StatusOK), "the runs cannot be shown")
}

func TestAnExtensionTakesTwoPersons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	page := w.get(api.RoleOperator, "/admin/extensions").is(http.StatusOK)
	ask := func(pairs ...string) answer { return w.post(api.RoleOperator, "/admin/extensions", pairs...) }
	unknown := ask("once", once(t, page), "account", "a9", "until", "2020-12-20T10:00", "reason", "hardship", "note", "typed").is(http.StatusUnprocessableEntity)
	require.Contains(t, unknown, "There is no account of this id.")
	require.Contains(t, unknown, ">typed</textarea>")
	require.Contains(t, ask("account", "a1", "until", "2020-12-01T10:00", "reason", "hardship").is(http.StatusUnprocessableEntity), `id="fault-until"`)
	ask("account", "", "until", "2020-12-20T10:00", "reason", "hardship").is(http.StatusUnprocessableEntity)

	ask("once", once(t, unknown), "account", "a1", "until", "2020-12-20T10:00", "reason", "hardship").leads("/admin/extensions?done=extension_request&state=requested")
	mine := w.get(api.RoleOperator, "/admin/extensions?state=requested").is(http.StatusOK)
	require.Contains(t, mine, "2020-12-20 10:00:00")
	require.Contains(t, mine, "asked for by you")
	theirs := w.get(api.RoleAdmin, "/admin/extensions").is(http.StatusOK)
	approve := regexp.MustCompile(`/admin/extensions/[^/"]+/approve`).FindString(theirs)
	require.NotEmpty(t, approve)
	require.Contains(t, w.post(api.RoleOperator, approve, "reason", "ok").is(http.StatusConflict), "second_approver")
	w.post(api.RoleAuditor, approve, "reason", "ok").is(http.StatusForbidden)
	w.post(api.RoleAdmin, approve, "once", once(t, theirs), "reason", "ok", "back", "/admin/extensions?state=approved").leads("/admin/extensions?done=extension_approve&state=approved")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/extensions?state=approved").is(http.StatusOK), "a1")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/extensions?state=lapsed").is(http.StatusOK), "There are none that fit.")
	w.clock.advance(60 * 24 * time.Hour)
	require.Contains(t, w.get(api.RoleAuditor, "/admin/extensions?state=lapsed").is(http.StatusOK), "a1")
}

func (w *world) upload(role api.Role, path, file, content string) answer {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", file)
	require.NoError(w.t, err)
	_, err = part.Write([]byte(content))
	require.NoError(w.t, err)
	require.NoError(w.t, form.Close())
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set(asHeader, string(role))
	return w.send(r)
}

func TestExtensionsFromAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	w.account("a2")
	const lines = "account_id,until,reason\na1,2020-12-20T10:00:00+08:00,hardship\na9,2020-12-20T10:00:00+08:00,hardship\na2,yesterday,hardship\n"
	got := w.upload(api.RoleOperator, "/admin/extensions/import", "list.csv", lines).is(http.StatusOK)
	require.Contains(t, got, "1 asked for, 0 known already, 2 refused.")
	require.Contains(t, got, "Line 4")
	batch := regexp.MustCompile(`batch_id=([A-Za-z0-9._-]+)`).FindStringSubmatch(got)[1]
	w.post(api.RoleAdmin, "/admin/extensions/batch/approve", "batch_id", batch, "reason", "ok").leads("/admin/?done=extension_batch_approve")
	require.Contains(t, w.get(api.RoleAdmin, "/admin/extensions?batch_id="+batch).is(http.StatusOK), "approved")
	w.upload(api.RoleViewer, "/admin/extensions/import", "list.csv", lines).is(http.StatusForbidden)
	require.Contains(t, w.post(api.RoleOperator, "/admin/extensions/import").is(http.StatusUnprocessableEntity), "Choose a file.")
	require.Contains(t, w.upload(api.RoleOperator, "/admin/extensions/import", "list.csv", "name,colour\nx,y\n").is(http.StatusBadRequest), `role="alert"`)
}

func TestWebhookFromThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	page := w.get(api.RoleOperator, "/admin/webhooks").is(http.StatusOK)
	require.Contains(t, page, "There is no webhook yet.")
	bad := w.post(api.RoleOperator, "/admin/webhooks", "once", once(t, page), "url", "http://127.0.0.1/x", "description", "typed").is(http.StatusUnprocessableEntity)
	require.Contains(t, bad, `id="fault-url"`)
	require.Contains(t, bad, `value="typed"`)

	sent := []string{"once", once(t, bad), "url", "https://hooks.example/v", "description", "shop", "types", "restriction.opened", "types", "restriction.lifted"}
	shown := w.post(api.RoleOperator, "/admin/webhooks", sent...).is(http.StatusOK)
	require.Contains(t, shown, "whsec_")
	require.NotContains(t, w.post(api.RoleOperator, "/admin/webhooks", sent...).is(http.StatusOK), "whsec_", "a secret is shown once")
	address := regexp.MustCompile(`/admin/webhooks/[^"/]+`).FindString(shown)
	one := w.get(api.RoleAuditor, address).is(http.StatusOK)
	require.Contains(t, one, "https://hooks.example/v")
	require.NotContains(t, one, "whsec_")
	require.NotContains(t, one, "<form method=\"post\" action=\""+address)
	require.Contains(t, w.get(api.RoleAuditor, "/admin/webhooks").is(http.StatusOK), "2 types")

	w.post(api.RoleAuditor, address+"/test").is(http.StatusForbidden)
	w.post(api.RoleOperator, address+"/test").leads(address + "?done=webhook_test")
	require.Contains(t, w.get(api.RoleOperator, address).is(http.StatusOK), "webhook.test")
	require.Contains(t, w.post(api.RoleOperator, address+"/rotate").is(http.StatusOK), "whsec_")
	w.post(api.RoleOperator, address, "description", "closed").leads(address + "?done=webhook_change")
	off := w.get(api.RoleOperator, address).is(http.StatusOK)
	require.Contains(t, off, "disabled")
	w.post(api.RoleOperator, address, "description", "open", "enabled", "1", "types", "no.such").is(http.StatusUnprocessableEntity)
	w.post(api.RoleOperator, address, "description", "open", "enabled", "1").leads(address + "?done=webhook_change")

	w.account("a1")
	queued := w.post(api.RoleOperator, address+"/redeliver", "from", "2020-12-01T00:00", "to", "2020-12-06T00:00").is(http.StatusOK)
	require.Contains(t, queued, "0 messages are queued.")
	require.Contains(t, w.post(api.RoleOperator, address+"/redeliver", "from", "2020-12-06T00:00", "to", "2020-12-01T00:00").is(http.StatusUnprocessableEntity), "fault-")
	w.get(api.RoleViewer, "/admin/webhooks").is(http.StatusForbidden)
	w.get(api.RoleOperator, "/admin/webhooks/nothing").is(http.StatusNotFound)
}

// lookOperations fills the pages of this file for a browser.
func lookOperations(w *world) {
	w.t.Helper()
	w.clock.advance(96 * time.Hour)
	w.post(api.RoleOperator, "/admin/sweeps", "policy", founding, "reason", "by_hand")
	w.sweeps.Finish(w.t, founding+".1."+w.clock.now().UTC().Format("20060102T150405Z"))
	w.clock.advance(time.Minute)
	w.post(api.RoleOperator, "/admin/sweeps", "policy", founding, "reason", "after_correction", "dry_run", "1")
	w.post(api.RoleOperator, "/admin/reminders", "policy", founding)
	for _, id := range []string{"a1", "a2", "a3"} {
		w.post(api.RoleOperator, "/admin/extensions", "account", id, "until", "2020-12-20T10:00", "reason", "hardship")
	}
	w.post(api.RoleOperator, "/admin/webhooks", "url", "https://hooks.example/verigate", "description", "orders")
	w.post(api.RoleOperator, "/admin/webhooks", "url", "https://hooks.example/labels", "description", "labels", "types", "restriction.opened")
}
