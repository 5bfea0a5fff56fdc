package alipaysim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSigningStringMatchesTheVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "..", "testdata", "alipay")
	raw, err := os.ReadFile(filepath.Join(dir, "rsa2.json"))
	require.NoError(t, err)
	pub, err := os.ReadFile(filepath.Join(dir, "app_public.pem"))
	require.NoError(t, err)
	key, err := DecodePublicKey(string(pub))
	require.NoError(t, err)
	var all struct {
		Requests []struct {
			Name         string            `json:"name"`
			Params       map[string]string `json:"params"`
			StringToSign string            `json:"string_to_sign"`
			Sign         string            `json:"sign"`
		} `json:"requests"`
	}
	require.NoError(t, json.Unmarshal(raw, &all))
	require.NotEmpty(t, all.Requests)
	for _, v := range all.Requests {
		form := url.Values{"sign": {v.Sign}}
		for name, value := range v.Params {
			form.Set(name, value)
		}
		require.Equal(t, v.StringToSign, signingString(form), v.Name)
		require.True(t, signatureOK(key, signingString(form), v.Sign), v.Name)
		require.False(t, signatureOK(key, signingString(form)+"x", v.Sign), v.Name)
	}
}

func TestAllThreeLayouts(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.RequireCharsetInURL = true })
	for i, inURL := range [][]string{
		{"app_id", "charset", "format", "method", "sign", "sign_type", "timestamp", "version"},
		{"charset"},
	} {
		form := b.params(t, methodInitialize, initializeContentOf("A"+string(rune('0'+i)), ""))
		query := url.Values{}
		for _, name := range inURL {
			query.Set(name, form.Get(name))
			form.Del(name)
		}
		_, _, body := b.do(t, http.MethodPost, "/gateway.do?"+query.Encode(), "application/x-www-form-urlencoded", form.Encode())
		_, fields, _ := b.unwrap(t, body)
		require.Equal(t, "10000", fields["code"])
	}
	// Everything in the body: taken only if charset need not be in the URL.
	form := b.params(t, methodInitialize, initializeContentOf("A9", ""))
	_, fields, _ := b.node(t, form)
	require.Equal(t, "isv.invalid-signature", fields["sub_code"])
	lax := newBench(t)
	require.NotEmpty(t, lax.start(t, "A9", ""))
}

func TestGatewayRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.TimestampTolerance = time.Minute; c.AppCertSN = ""; c.RootCertSN = "" })
	query := `{"certify_id":"e63e21d979ef24934d5aa384847e7560"}`
	resign := func(change func(url.Values)) func(url.Values) {
		return func(f url.Values) { change(f); b.sign(t, f) }
	}
	const own, gateway = "alipay_user_certify_open_query_response", "error_response"
	for name, c := range map[string]struct {
		change          func(url.Values)
		node, code, sub string
	}{
		"no sign":            {func(f url.Values) { f.Del("sign") }, gateway, "40001", "isv.missing-signature"},
		"no app id":          {func(f url.Values) { f.Del("app_id") }, gateway, "40001", "isv.missing-app-id"},
		"no method":          {func(f url.Values) { f.Del("method") }, gateway, "40001", "isv.missing-method"},
		"no sign type":       {func(f url.Values) { f.Del("sign_type") }, gateway, "40001", "isv.missing-signature-type"},
		"no timestamp":       {func(f url.Values) { f.Del("timestamp") }, gateway, "40001", "isv.missing-timestamp"},
		"no version":         {func(f url.Values) { f.Del("version") }, gateway, "40001", "isv.missing-version"},
		"other app":          {resign(func(f url.Values) { f.Set("app_id", "1") }), gateway, "40002", "isv.invalid-app-id"},
		"other method":       {resign(func(f url.Values) { f.Set("method", "alipay.trade.pay") }), gateway, "40002", "isv.invalid-method"},
		"page by post":       {resign(func(f url.Values) { f.Set("method", methodCertify) }), gateway, "40002", "isv.invalid-method"},
		"RSA":                {resign(func(f url.Values) { f.Set("sign_type", "RSA") }), gateway, "40002", "isv.invalid-signature-type"},
		"twice":              {resign(func(f url.Values) { f.Add("version", "1.0") }), gateway, "40002", "isv.invalid-parameter"},
		"tampered":           {func(f url.Values) { f.Set("biz_content", `{"certify_id":"other"}`) }, own, "40002", "isv.invalid-signature"},
		"sign_type unsigned": {func(f url.Values) { f.Del("sign_type"); b.sign(t, f); f.Set("sign_type", "RSA2") }, own, "40002", "isv.invalid-signature"},
		"old":                {resign(func(f url.Values) { f.Set("timestamp", "2020-12-03 23:58:59") }), own, "40002", "isv.invalid-timestamp"},
		"UTC timestamp":      {resign(func(f url.Values) { f.Set("timestamp", "2020-12-03 16:00:00") }), own, "40002", "isv.invalid-timestamp"},
		"malformed time":     {resign(func(f url.Values) { f.Set("timestamp", "2020-12-04T00:00:00") }), own, "40002", "isv.invalid-timestamp"},
	} {
		form := b.params(t, methodQuery, query)
		c.change(form)
		node, fields, signed := b.node(t, form)
		require.Equal(t, []any{c.node, c.code, c.sub}, []any{node, fields["code"], fields["sub_code"]}, name)
		require.False(t, signed, name)
	}
}

func TestBadSignatureEchoesTheStringAsTheRealOneDoes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	form := b.params(t, methodInitialize, initializeContentOf("A1", ""))
	form.Set("version", "1.1")
	_, fields, _ := b.node(t, form)
	require.Contains(t, fields["sub_msg"], canaryName)
	require.NotContains(t, b.logs.String(), canaryName)
	require.NotContains(t, b.logs.String(), canaryNo)
}

func TestInitializeContent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := initializeContentOf("A1", "https://idv.example.com/r/1")
	for name, c := range map[string]struct{ content, sub string }{
		"order number long":  {strings.Replace(good, `"A1"`, `"`+strings.Repeat("A", 33)+`"`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"order number dash":  {strings.Replace(good, `"A1"`, `"A-1"`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"null":               {strings.Replace(good, `"never"`, `null`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"biz code":           {strings.Replace(good, `"FACE"`, `"X"`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"no name":            {strings.Replace(good, canaryName, ``, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"long name":          {strings.Replace(good, canaryName, strings.Repeat("名", 51), 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"return_url missing": {strings.Replace(good, `"return_url":"https://idv.example.com/r/1",`, ``, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"return_url script":  {strings.Replace(good, `https://idv.example.com/r/1`, `javascript:alert(1)`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"return_url injects": {strings.Replace(good, `https://idv.example.com`, `https://a;script-src`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"strategy":           {strings.Replace(good, `"never"`, `"always"`, 1), "ILLEGAL_ARGUMENT_FORMAT"},
		"identity as string": {strings.Replace(good, `{"identity_type":"CERT_INFO","cert_type":"IDENTITY_CARD","cert_name":"`+canaryName+`","cert_no":"`+canaryNo+`"}`, `"{}"`, 1), "unknown-sub-code"},
		"no object":          {`[]`, "unknown-sub-code"},
	} {
		require.NotEqual(t, good, c.content, name)
		node, fields, signed := b.node(t, b.params(t, methodInitialize, c.content))
		require.Equal(t, "alipay_user_certify_open_initialize_response", node, name)
		require.Equal(t, []any{"40004", c.sub}, []any{fields["code"], fields["sub_code"]}, name)
		require.True(t, signed, name)
	}
	require.Zero(t, b.sim.Orders())
}

func TestRepeatedOrderNumber(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t, "A1", "")
	_, fields, _ := b.node(t, b.params(t, methodInitialize, initializeContentOf("A1", "")))
	require.Equal(t, "SIM_ORDER_NO_REPEATED", fields["sub_code"])
	lax := newBench(t, func(c *Config) { c.RepeatOrder = true })
	first := lax.start(t, "A1", "")
	require.Equal(t, first, lax.start(t, "A1", ""))
}

func TestQueryOverTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	waiting, passed := b.start(t, "A1", ""), b.start(t, "A2", "")
	require.Equal(t, "F", b.ask(t, waiting)["passed"])
	for _, result := range []string{"fail", "cancel", "close"} {
		require.NoError(t, b.sim.Decide(passed, result))
		require.Equal(t, "F", b.ask(t, passed)["passed"], result)
	}
	require.NoError(t, b.sim.Decide(passed, "pass"))
	require.Equal(t, "T", b.ask(t, passed)["passed"])
	require.NoError(t, b.sim.Decide(passed, "pass"))
	require.ErrorIs(t, b.sim.Decide(passed, "fail"), errAlreadyPassed)

	b.advance(23*time.Hour - time.Second)
	require.Equal(t, "F", b.ask(t, waiting)["passed"])
	b.advance(time.Second)
	require.Equal(t, "CERTIFY_ID_EXPIRED", b.ask(t, waiting)["sub_code"])
	require.ErrorIs(t, b.sim.Decide(waiting, "pass"), errExpired)
	require.Equal(t, "T", b.ask(t, passed)["passed"])
	b.advance(91 * 24 * time.Hour)
	require.Equal(t, "CERTIFY_ID_EXPIRED", b.ask(t, passed)["sub_code"])
	require.Equal(t, "OPEN_CERTIFY_BILL_NOT_EXIST", b.ask(t, "e63e21d979ef24934d5aa384847e7560")["sub_code"])
}

func TestCertificateMode(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.CertSN, c.AppCertSN, c.RootCertSN = "gw", "app", "root" })
	form := b.params(t, methodInitialize, initializeContentOf("A1", ""))
	_, fields, _ := b.node(t, form)
	require.Equal(t, "isv.invalid-app-cert-sn", fields["sub_code"])
	form.Set("app_cert_sn", "app")
	b.sign(t, form)
	_, fields, _ = b.node(t, form)
	require.Equal(t, "isv.invalid-alipay-root-cert-sn", fields["sub_code"])
	form.Set("alipay_root_cert_sn", "root")
	b.sign(t, form)
	_, _, body := b.do(t, http.MethodPost, "/gateway.do", "application/x-www-form-urlencoded", form.Encode())
	require.Contains(t, body, `"alipay_cert_sn":"gw"`)
}
