package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/fixturetest"
)

// call runs the program in this process against an API.
func call(t *testing.T, url, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"VERIGATE_URL": url, "VERIGATE_API_KEY": "vg_k_secret"}[name]
		return v, ok
	}
	code = run(t.Context(), args, lookup(env), strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func fakeAPI(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer vg_k_secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDecideAsksTheAPI(t *testing.T) {
	t.Parallel()
	url := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.EscapedPath() + " " + string(body) {
		case `/v1/accounts/a1/decisions {"action":"create_label"}`:
			_, _ = io.WriteString(w, `{"effect":"block","reason":"enforced","rule":"r1","policy":"p","policy_version":3,"at":"T1","since":"T0","next_change_at":null,"message":{"en":"No labels."}}`)
		case `/v1/accounts/a%2F1/decisions {"action":"login","at":"2020-12-04T00:00:00+08:00","basis":"did"}`:
			_, _ = io.WriteString(w, `{"effect":"prompt","reason":"announced","at":"T1","next_change_at":"T2"}`)
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"status":422,"code":"validation_failed","detail":"Every fault is listed.","errors":[{"field":"action","message":"is not declared"}]}`)
		}
	})
	code, out, _ := call(t, url, "", "decide", "a1", "create_label")
	require.Equal(t, exitOK, code)
	require.Equal(t, "block (enforced) at T1\nNo labels.\nrule r1 of p version 3\nsince T0\n", out)

	code, out, _ = call(t, url, "", "decide", "a/1", "login", "--at", "2020-12-04T00:00:00+08:00", "--basis", "did", "--json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, `{"effect":"prompt","reason":"announced","at":"T1","next_change_at":"T2"}`, out)

	code, out, errs := call(t, url, "", "decide", "a1", "fly")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Equal(t, "verigate: the API answers 422 validation_failed: Every fault is listed.\n  action: is not declared\n", errs)
}

// TestDemo runs the demonstration as a newcomer does, and stops it.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	require.NoError(t, os.WriteFile(file, []byte("stale"), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs fixturetest.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{
			"demo", "--timeline", "--http", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--ready-file", file,
		}, lookup(func(string) (string, bool) { return "", false }), strings.NewReader(""), &out, &errs)
	}()
	var places ready
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &places) == nil
	}, time.Minute, 20*time.Millisecond, "%s", errs.String())
	require.Equal(t, places.API+"/admin/", places.Admin)
	require.NotEmpty(t, places.Temporal)
	require.NotEmpty(t, places.TemporalUI)
	require.NotEmpty(t, places.Alipay)
	require.NotEqual(t, places.API, places.Alipay)

	env := func(name string) (string, bool) {
		v, ok := map[string]string{"VERIGATE_URL": places.API, "VERIGATE_API_KEY": places.DemoKeys.API}[name]
		return v, ok
	}
	var answer, complaint bytes.Buffer
	code := run(ctx, []string{"decide", "sample-old", "create_label", "--at", "2020-12-04T00:00:00+08:00"}, lookup(env), nil, &answer, &complaint)
	require.Equal(t, exitOK, code, complaint.String())
	require.Contains(t, answer.String(), "block (enforced) at 2020-12-04T00:00:00+08:00")

	publishesByTwo(t, places)

	answer.Reset()
	code = run(ctx, []string{"reconcile", "--data", filepath.Join(dir, "data")}, lookup(env), nil, &answer, &complaint)
	require.Equal(t, exitOK, code, complaint.String()+answer.String())
	require.Contains(t, answer.String(), "0 begun again, 0 ended, 0 failed")

	require.Eventually(t, func() bool { return strings.Contains(out.String(), "allow (announced)") }, time.Minute, 20*time.Millisecond)
	stop()
	require.Equal(t, exitOK, <-ended, errs.String())
	for _, want := range []string{places.API, "sample-enterprise", "curl -sS", "export KEY=" + places.DemoKeys.API, "2020-12-03 23:5", "Stopped."} {
		require.Contains(t, out.String(), want)
	}
	require.Empty(t, errs.String())
}
