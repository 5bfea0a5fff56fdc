package alipaysim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/fixturetest"
)

const (
	testAppID  = "2021000000000001"
	canaryName = "金丝雀"
	canaryNo   = "11010119900307109X"
)

var testKeys = sync.OnceValues(GenerateKeys)

// bench is a simulator behind real HTTP, with a clock to move and no adapter.
type bench struct {
	sim  *Simulator
	url  string
	keys Keys
	http *http.Client
	logs *fixturetest.Buffer

	mu sync.Mutex
	at time.Time
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func newBench(t testing.TB, options ...func(*Config)) *bench {
	t.Helper()
	keys, err := testKeys()
	require.NoError(t, err)
	b := &bench{keys: keys, at: time.Date(2020, 12, 3, 16, 0, 0, 0, time.UTC), logs: &fixturetest.Buffer{}}
	cfg := Config{
		AppID: testAppID, AppPublicKey: &keys.App.PublicKey, GatewayKey: keys.Gateway, Now: b.now,
		Logger: slog.New(slog.NewJSONHandler(b.logs, nil)), Delay: time.Minute,
	}
	for _, o := range options {
		o(&cfg)
	}
	b.sim, err = New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(b.sim)
	b.url = server.URL
	transport := &http.Transport{}
	b.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() { b.sim.Close(); transport.CloseIdleConnections(); server.Close() })
	return b
}

// params are the signed parameters of a call.
func (b *bench) params(t testing.TB, method, content string) url.Values {
	t.Helper()
	form := url.Values{
		"app_id": {testAppID}, "method": {method}, "format": {"JSON"}, "charset": {"utf-8"}, "sign_type": {"RSA2"},
		"timestamp":   {b.now().In(time.FixedZone("", 8*3600)).Format(time.DateTime)},
		"version":     {"1.0"},
		"biz_content": {content},
	}
	b.sign(t, form)
	return form
}

func (b *bench) sign(t testing.TB, form url.Values) {
	t.Helper()
	form.Del("sign")
	sum := sha256.Sum256([]byte(signingString(form)))
	raw, err := rsa.SignPKCS1v15(nil, b.keys.App, crypto.SHA256, sum[:])
	require.NoError(t, err)
	form.Set("sign", base64.StdEncoding.EncodeToString(raw))
}

// do sends a request and returns status, header and body.
func (b *bench) do(t testing.TB, method, path, contentType, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := b.http.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(raw)
}

// node posts a form in the body and returns the answer's node and whether the
// answer was signed by the gateway.
func (b *bench) node(t testing.TB, form url.Values) (name string, fields map[string]any, signed bool) {
	t.Helper()
	status, _, body := b.do(t, http.MethodPost, "/gateway.do", "application/x-www-form-urlencoded", form.Encode())
	require.Equal(t, http.StatusOK, status)
	return b.unwrap(t, body)
}

func (b *bench) unwrap(t testing.TB, body string) (name string, fields map[string]any, signed bool) {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &all), body)
	for key, raw := range all {
		if strings.HasSuffix(key, "_response") {
			name = key
			require.NoError(t, json.Unmarshal(raw, &fields))
		}
	}
	var signature string
	if raw, ok := all["sign"]; ok {
		require.NoError(t, json.Unmarshal(raw, &signature))
		signed = true
		require.True(t, signatureOK(&b.keys.Gateway.PublicKey, string(all[name]), signature))
	}
	return name, fields, signed
}

func initializeContentOf(orderNo, returnURL string) string {
	return `{"outer_order_no":"` + orderNo + `","biz_code":"FACE","identity_param":{"identity_type":"CERT_INFO","cert_type":"IDENTITY_CARD","cert_name":"` +
		canaryName + `","cert_no":"` + canaryNo + `"},"merchant_config":{"return_url":"` + returnURL + `","face_reserve_strategy":"never"}}`
}

func (b *bench) start(t testing.TB, orderNo, returnURL string) (certifyID string) {
	t.Helper()
	_, fields, signed := b.node(t, b.params(t, methodInitialize, initializeContentOf(orderNo, returnURL)))
	require.True(t, signed)
	require.Equal(t, "10000", fields["code"], "%v", fields["sub_code"])
	return fields["certify_id"].(string)
}

func (b *bench) ask(t testing.TB, id string) map[string]any {
	t.Helper()
	_, fields, signed := b.node(t, b.params(t, methodQuery, `{"certify_id":"`+id+`"}`))
	require.True(t, signed)
	return fields
}
