package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuditIsListedAndExported(t *testing.T) {
	t.Parallel()
	api := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/v1/audit?limit=50&order=newest&outcome=refused&subject=account%2Fa1":
			_, _ = io.WriteString(w, `{"entries":[{"id":7,"at":"T1","actor":"anna","action":"revoke","subject":"account/a1","reason":"forged","outcome":"forbidden","before":{"state":"verified"}}],"cursor":"next"}`)
		case "/v1/audit:export?format=csv&from=T0":
			_, _ = io.WriteString(w, "id,at\r\n")
		case "/v1/audit:export?format=ndjson":
			_, _ = io.WriteString(w, `{"id":1}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"code":"validation_failed","detail":"`+r.URL.String()+`"}`)
		}
	})
	code, out, errs := call(t, api, "", "audit", "list", "--subject", "account/a1", "--outcome", "refused")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "anna                 revoke                   forbidden    account/a1 (forged)")
	require.Contains(t, out, `before {"state":"verified"}`)
	require.Contains(t, out, "there are more")
	code, out, errs = call(t, api, "", "audit", "list", "--subject", "account/a1", "--outcome", "refused", "--json")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, `"cursor":"next"`)

	file := filepath.Join(t.TempDir(), "audit.csv")
	code, _, errs = call(t, api, "", "audit", "export", "--from", "T0", "--format", "csv", "-o", file)
	require.Equal(t, exitOK, code, errs)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "id,at\r\n", string(text))
	code, _, errs = call(t, api, "", "audit", "export")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not whole")
	code, _, _ = call(t, api, "", "audit", "list", "--order", "random")
	require.Equal(t, exitUsage, code)
}

func TestAuditIsVerified(t *testing.T) {
	t.Parallel()
	sent, answer := "", `{"intact":true,"entries":3,"accounts":2,"log_entries":9,"checkpoints":1,"newest":{"number":4,"at":"T4"},"faults":[]}`
	api := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.String() {
		case "POST /v1/audit:verify":
			body, _ := io.ReadAll(r.Body)
			sent = string(body)
			_, _ = io.WriteString(w, answer)
		case "POST /v1/audit/checkpoints":
			_, _ = io.WriteString(w, `{"number":5}`)
		case "GET /v1/audit/checkpoints?limit=500&cursor=":
			_, _ = io.WriteString(w, `{"checkpoints":[{"number":5},{"number":4}],"cursor":"c"}`)
		case "GET /v1/audit/checkpoints?limit=500&cursor=c":
			_, _ = io.WriteString(w, `{"checkpoints":[{"number":3}],"cursor":null}`)
		}
	})
	code, out, errs := call(t, api, "", "audit", "checkpoints")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "{\"number\":5}\n{\"number\":4}\n{\"number\":3}\n", out)
	file := filepath.Join(t.TempDir(), "kept.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(out), 0o600))
	code, out, errs = call(t, api, "", "audit", "verify", "--kept", file)
	require.Equal(t, exitOK, code, errs)
	require.JSONEq(t, `{"checkpoints":[{"number":5},{"number":4},{"number":3}]}`, sent)
	require.Contains(t, out, "3 entries of the audit log, 2 accounts' logs with 9 entries, 1 checkpoints\nsigned up to T4 (checkpoint 4)\nintact\n")

	answer = `{"intact":false,"faults":[{"log":"audit","entry":7,"kind":"altered"},{"log":"accounts","entry":null,"kind":"rewritten"}],"fault_count":2}`
	code, out, _ = call(t, api, "", "audit", "verify")
	require.Equal(t, exitFailed, code)
	require.JSONEq(t, `{"checkpoints":[]}`, sent)
	require.Contains(t, out, "no checkpoint vouches for them")
	require.Contains(t, out, "FAULT audit entry 7: altered\nFAULT accounts: rewritten\n2 faults\n")
	code, out, _ = call(t, api, "", "audit", "verify", "--json")
	require.Equal(t, exitFailed, code)
	require.JSONEq(t, answer, out)

	require.NoError(t, os.WriteFile(file, []byte("{\"number\":5}\nnot JSON\n"), 0o600))
	code, _, errs = call(t, api, "", "audit", "verify", "--kept", file)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "line 2")
	code, out, _ = call(t, api, "", "audit", "checkpoint")
	require.Equal(t, exitOK, code)
	require.Equal(t, "{\"number\":5}\n", out)
}

func TestReceiptIsChecked(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		`{"receipt":"good"}`: `{"genuine":true,"key_id":"k1","agrees":true,"kept":true,"decision":{"account_id":"a1","action":"create_label","effect":"block","reason":"enforced","at":"T1","message":{"en":"No labels."}}}`,
		`{"receipt":"odd"}`:  `{"genuine":true,"key_id":"k1","agrees":false,"decision":{"account_id":"a1","effect":"block"},"differences":[{"path":"effect","from":"block","to":"allow"},{"path":"rule","from":"r1","to":null}]}`,
		`{"receipt":"lost"}`: `{"genuine":true,"key_id":"k1","agrees":false,"decision":{"account_id":"a1","effect":"block"},"missing":"account_not_found"}`,
		`{"receipt":"bad"}`:  `{"genuine":false,"agrees":false}`,
	}
	api := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, answers[string(body)])
	})
	for receipt, c := range map[string]struct {
		code int
		says string
	}{
		"good": {exitOK, "genuine, signed by key k1\na1 create_label: block (enforced) at T1\nNo labels.\nthe records say the same of that instant\nit is on record"},
		"odd":  {exitFailed, "  effect: the receipt says block, the records allow\n  rule: the receipt says r1, the records nothing\n"},
		"lost": {exitFailed, "the records tell nothing of it: account_not_found"},
		"bad":  {exitFailed, "the signature does not hold"},
	} {
		code, out, errs := call(t, api, "", "receipt", "check", receipt)
		require.Equal(t, c.code, code, errs)
		require.Contains(t, out, c.says)
	}
	code, out, errs := call(t, api, " good\n", "receipt", "check", "-", "--json")
	require.Equal(t, exitOK, code, errs)
	require.JSONEq(t, answers[`{"receipt":"good"}`], out)
	code, _, _ = call(t, api, " \n", "receipt", "check", "-")
	require.Equal(t, exitUsage, code)
}
