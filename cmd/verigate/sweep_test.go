package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSweepCommands(t *testing.T) {
	t.Parallel()
	const id = "p.1.20201203T160000Z"
	one := func(state string, done int) string {
		return fmt.Sprintf(`{"id":%q,"state":%q,"total":10,"done":%d,"restricted":3,"lifted":1,"eta":null,`+
			`"counts":[{"rule":"r","state":"unverified","restricted":3,"lifted":1}]}`, id, state, done)
	}
	var polls atomic.Int32
	url := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.Method + " " + r.URL.String() + " " + string(body) {
		case `POST /v1/sweeps {"dry_run":true,"policy":"p","reason":"by_hand"}`, `POST /v1/sweeps {"dry_run":false,"policy":"p","reason":"x"}`:
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"id":"`+id+`"}`)
		case `GET /v1/sweeps/` + id + ` `:
			if polls.Add(1) == 1 {
				_, _ = io.WriteString(w, one("running", 5))
				return
			}
			_, _ = io.WriteString(w, one("done", 10))
		case `POST /v1/sweeps/` + id + `/pause `:
			_, _ = io.WriteString(w, one("paused", 5))
		case `POST /v1/sweeps/` + id + `/resume `:
			_, _ = io.WriteString(w, one("running", 5))
		case `POST /v1/sweeps/` + id + `/cancel `:
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"status":409,"code":"sweep_ended","detail":"The sweep has ended"}`)
		case `GET /v1/sweeps?limit=2 `:
			_, _ = io.WriteString(w, `{"sweeps":[`+one("done", 10)+`,`+one("cancelled", 4)+`],"cursor":null}`)
		default:
			t.Errorf("unexpected %s %s %s", r.Method, r.URL, body)
		}
	})
	code, out, errs := call(t, url, "", "sweep", "run", "p", "--dry-run", "--wait")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "running 5/10 accounts, 3 restricted, 1 lifted\n", errs, "a line per change where there is no terminal")
	require.Contains(t, out, id+" done: 10 of 10 accounts, 3 restricted, 1 lifted\n")
	require.Contains(t, out, "unverified")

	code, out, _ = call(t, url, "", "sweep", "run", "p", "--reason", "x")
	require.Equal(t, exitOK, code)
	require.Equal(t, id+"\n", out)
	code, out, _ = call(t, url, "", "sweep", "status", id, "--json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, one("done", 10), out)
	code, out, _ = call(t, url, "", "sweep", "pause", id)
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "paused: 5 of 10")
	code, _, _ = call(t, url, "", "sweep", "resume", id)
	require.Equal(t, exitOK, code)
	code, _, errs = call(t, url, "", "sweep", "cancel", id)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "409 sweep_ended")
	code, out, _ = call(t, url, "", "sweep", "list", "--limit", "2")
	require.Equal(t, exitOK, code)
	require.Equal(t, 2, strings.Count(out, "\n"))
}

func TestSweepWaitTellsWhenItWasCancelled(t *testing.T) {
	t.Parallel()
	url := fakeAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"p.1.20201203T160000Z","state":"cancelled","total":10,"done":4}`)
	})
	code, _, _ := call(t, url, "", "sweep", "status", "p.1.20201203T160000Z", "--wait")
	require.Equal(t, exitFailed, code)
}
