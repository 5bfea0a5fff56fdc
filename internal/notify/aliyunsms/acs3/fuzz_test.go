package acs3_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify/aliyunsms/acs3"
)

// FuzzVerify: of all headers, only those that were signed are believed, for the key that signed.
func FuzzVerify(f *testing.F) {
	now := time.Date(2020, 12, 1, 10, 0, 0, 0, time.UTC)
	header := func() http.Header {
		return acs3.Request{Host: "sms.example", Action: "SendSms", Version: "v", At: now, Nonce: "n"}.Header("id", "secret")
	}
	good := header().Get("Authorization")
	f.Add(good, header().Get("x-acs-date"), "n", "")
	f.Add(good, header().Get("x-acs-date"), "n", "Phone=1") // a parameter that nobody signed
	f.Add(good, header().Get("x-acs-date"), "other", "")
	f.Add("ACS3-HMAC-SHA256 Credential=,SignedHeaders=;,Signature=", "", "", "a=b")
	f.Add("ACS3-HMAC-SHA256", "2020-12-01T10:00:00+99:99", "n", "%zz")
	f.Fuzz(func(t *testing.T, authorization, date, nonce, query string) {
		r := httptest.NewRequest(http.MethodPost, "https://sms.example/", http.NoBody)
		r.Header = header()
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("x-acs-date", date)
		r.Header.Set("x-acs-signature-nonce", nonce)
		id, got, err := acs3.Verify(r, func(id string) string { return map[string]string{"id": "secret"}[id] }, now)
		if err != nil {
			require.Equal(t, acs3.ErrSignature, err)
			require.Empty(t, id+got)
			return
		}
		require.Equal(t, []string{"id", nonce}, []string{id, got})
		require.Empty(t, r.URL.Query())
		require.Equal(t, "n", strings.TrimSpace(nonce))
		require.Contains(t, authorization, good[len(good)-64:], "the signature of what was signed")
	})
}
