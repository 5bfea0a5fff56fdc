package acs3_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify/aliyunsms/acs3"
)

// TestVectors are the examples of Alibaba Cloud's documentation of the scheme.
func TestVectors(t *testing.T) {
	t.Parallel()
	request := func(date, nonce string) string {
		return "POST\n/\nImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai\nhost:ecs.cn-shanghai.aliyuncs.com\n" +
			"x-acs-action:RunInstances\nx-acs-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-acs-date:" + date +
			"\nx-acs-signature-nonce:" + nonce + "\nx-acs-version:2014-05-26\n\nhost;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version\n" +
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	}
	for _, v := range []struct{ date, nonce, signature string }{
		{"2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d", "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"},
		{"2023-10-26T09:01:01Z", "d410180a5abf7fe235dd9b74aca91fc0", "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804"},
	} {
		require.Equal(t, v.signature, acs3.Sign("YourAccessKeySecret", request(v.date, v.nonce)))
		at, err := time.Parse(time.RFC3339, v.date)
		require.NoError(t, err)
		h := acs3.Request{
			Host: "ecs.cn-shanghai.aliyuncs.com", Action: "RunInstances", Version: "2014-05-26", At: at, Nonce: v.nonce,
			Query: url.Values{"RegionId": {"cn-shanghai"}, "ImageId": {"win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}},
		}.Header("YourAccessKeyId", "YourAccessKeySecret")
		require.True(t, strings.HasSuffix(h.Get("Authorization"), ",Signature="+v.signature))
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a=%20%2A%2B~&b=%E5%BC%A0%2F", acs3.Encode(url.Values{"b": {"张/"}, "a": {" *+~"}}))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Date(2020, 12, 1, 10, 0, 0, 0, time.UTC)
	secret := func(id string) string { return map[string]string{"id": "secret"}[id] }
	signed := func() *http.Request {
		q := url.Values{"Phone": {"1 + *~"}}
		r := httptest.NewRequest(http.MethodPost, "https://sms.example/?"+acs3.Encode(q), http.NoBody)
		r.Header = acs3.Request{Host: "sms.example", Action: "SendSms", Version: "v", Query: q, At: now, Nonce: "n"}.Header("id", "secret")
		return r
	}
	id, nonce, err := acs3.Verify(signed(), secret, now)
	require.NoError(t, err)
	require.Equal(t, []string{"id", "n"}, []string{id, nonce})
	for _, late := range []time.Duration{15 * time.Minute, -15 * time.Minute} {
		_, _, err = acs3.Verify(signed(), secret, now.Add(late))
		require.NoError(t, err)
		_, _, err = acs3.Verify(signed(), secret, now.Add(late+late/900))
		require.ErrorIs(t, err, acs3.ErrSignature)
	}
	for name, change := range map[string]func(r *http.Request){
		"query":    func(r *http.Request) { r.URL.RawQuery += "1" },
		"host":     func(r *http.Request) { r.Host = "other.example" },
		"method":   func(r *http.Request) { r.Method = http.MethodGet },
		"action":   func(r *http.Request) { r.Header.Set("X-Acs-Action", "Other") },
		"version":  func(r *http.Request) { r.Header.Set("X-Acs-Version", "w") },
		"nonce":    func(r *http.Request) { r.Header.Set("X-Acs-Signature-Nonce", "m") },
		"no nonce": func(r *http.Request) { r.Header.Del("X-Acs-Signature-Nonce") },
		"date":     func(r *http.Request) { r.Header.Set("X-Acs-Date", "2020-12-01T10:00:01Z") },
		"body":     func(r *http.Request) { r.Header.Set("X-Acs-Content-Sha256", strings.Repeat("0", 64)) },
		"unsigned": func(r *http.Request) { r.Header.Del("Authorization") },
		"other key": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "=id,", "=di,", 1))
		},
		"scheme": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "ACS3", "ACS2", 1))
		},
		"fewer headers": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		},
	} {
		r := signed()
		change(r)
		_, _, err := acs3.Verify(r, secret, now)
		require.ErrorIs(t, err, acs3.ErrSignature, name)
	}
}
