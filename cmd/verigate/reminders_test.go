package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReminders(t *testing.T) {
	t.Parallel()
	const progress = `{"run_id":"p:1","policy":"p","version":2,"dry_run":true,"state":"paused","shards":4,"shards_done":1,` +
		`"counts":{"seen":9,"due":5,"already":2,"written":3,"sent":1,"no_contact":2,"waiting":3,"failed":4,"outdated":5,"off":6,"milestones":{"P7D":2,"P3D":1}}}`
	url := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.Method + " " + r.URL.EscapedPath() + " " + string(body) {
		case `POST /v1/reminders {"dry_run":true,"policy":"p"}`:
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"run_id":"p:1"}`)
		case "GET /v1/reminders/p:1 ", "POST /v1/reminders/p:1/pause ", "POST /v1/reminders/p:1/resume ", "POST /v1/reminders/p:1/cancel ":
			_, _ = io.WriteString(w, progress)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"status":404,"code":"run_not_found","title":"There is no such run"}`)
		}
	})
	code, out, _ := call(t, url, "", "reminders", "run", "p", "--dry-run")
	require.Equal(t, exitOK, code)
	require.Equal(t, "p:1\n", out)
	code, out, _ = call(t, url, "", "reminders", "run", "p", "--dry-run", "--json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, `{"run_id":"p:1"}`, out)
	for _, step := range []string{"status", "pause", "resume", "cancel"} {
		code, out, _ = call(t, url, "", "reminders", step, "p:1")
		require.Equal(t, exitOK, code, step)
		require.Equal(t, "p:1: paused, dry run, 1 of 4 shards, 9 accounts seen\n5 due: 3 reminded now, 2 before\n  P3D      1\n  P7D      2\n"+
			"messages: 1 sent, 2 without contact, 3 waiting, 4 failed, 5 outdated, 6 off\n", out)
		code, out, _ = call(t, url, "", "reminders", step, "p:1", "--json")
		require.Equal(t, exitOK, code, step)
		require.JSONEq(t, progress, out)
	}
	code, _, errs := call(t, url, "", "reminders", "status", "p:2")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "run_not_found")
	code, _, _ = call(t, url, "", "reminders", "run", "other")
	require.Equal(t, exitFailed, code)
}
