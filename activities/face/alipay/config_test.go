package alipay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities/face/alipay"
	"github.com/verigate/verigate/activities/face/alipay/alipaysim"
)

func goodConfig(t testing.TB) alipay.Config {
	t.Helper()
	_, appPrivate, gatewayPublic := keysOf(t)
	cfg := alipay.DefaultConfig()
	cfg.AppID, cfg.AppPrivateKeyPEM, cfg.AlipayPublicKeyPEM = testAppID, alipay.Secret(appPrivate), gatewayPublic
	return cfg
}

func TestValidate(t *testing.T) {
	t.Parallel()
	keys, _, _ := keysOf(t)
	appPublic, err := alipaysim.EncodePublicKey(&keys.App.PublicKey)
	require.NoError(t, err)
	appCert, _ := selfSigned(t, keys.App, 1)
	gatewayCert, _ := selfSigned(t, keys.Gateway, 2)
	root := fixture(t, "root_bundle.pem")
	certs := func(app, gateway, root string) func(*alipay.Config) {
		return func(c *alipay.Config) {
			c.AlipayPublicKeyPEM, c.AppCertPEM, c.AlipayCertPEM, c.AlipayRootCertPEM = "", app, gateway, root
		}
	}
	for name, c := range map[string]struct {
		change func(*alipay.Config)
		want   string // "" for none
	}{
		"good":                   {func(*alipay.Config) {}, ""},
		"good certificates":      {certs(appCert, gatewayCert, root), ""},
		"http":                   {func(c *alipay.Config) { c.Gateway = "http://127.0.0.1/gateway.do" }, "gateway must"},
		"http allowed":           {func(c *alipay.Config) { c.Gateway, c.AllowHTTP = "http://127.0.0.1/gateway.do", true }, ""},
		"gateway with query":     {func(c *alipay.Config) { c.Gateway += "?a=b" }, "gateway must"},
		"page gateway":           {func(c *alipay.Config) { c.PageGateway = "gateway.do" }, "page_gateway must"},
		"no app id":              {func(c *alipay.Config) { c.AppID = "" }, "app_id"},
		"biz code":               {func(c *alipay.Config) { c.BizCode = "FACE_SDK" }, "biz_code"},
		"layout":                 {func(c *alipay.Config) { c.Layout = "" }, "layout"},
		"timeout":                {func(c *alipay.Config) { c.Timeout = 0 }, "timeout"},
		"launch":                 {func(c *alipay.Config) { c.LaunchFresh = 24 * time.Hour }, "launch_fresh"},
		"poll":                   {func(c *alipay.Config) { c.MinPoll = 0 }, "min_poll"},
		"rate":                   {func(c *alipay.Config) { c.RatePerSecond = -1 }, "rate_per_second"},
		"rate without burst":     {func(c *alipay.Config) { c.Burst = 0 }, "burst"},
		"no private key":         {func(c *alipay.Config) { c.AppPrivateKeyPEM = "" }, "app_private_key"},
		"short private key":      {func(c *alipay.Config) { c.AppPrivateKeyPEM = alipay.Secret(shortKey(t)) }, "app_private_key"},
		"EC private key":         {func(c *alipay.Config) { c.AppPrivateKeyPEM = alipay.Secret(ecKey(t)) }, "app_private_key"},
		"PKCS#1 private key":     {func(c *alipay.Config) { c.AppPrivateKeyPEM = alipay.Secret(pkcs1(t)) }, ""},
		"no alipay key":          {func(c *alipay.Config) { c.AlipayPublicKeyPEM = "" }, "alipay_public_key"},
		"our own as alipay key":  {func(c *alipay.Config) { c.AlipayPublicKeyPEM = appPublic }, "application's own key"},
		"key and certificates":   {func(c *alipay.Config) { c.AppCertPEM = appCert }, "not both"},
		"certificates exchanged": {certs(gatewayCert, appCert, root), "app_cert does not belong"},
		"certificate missing":    {certs(appCert, "", root), "alipay_cert must"},
		"root missing":           {certs(appCert, gatewayCert, ""), "alipay_root_cert must"},
		"root damaged":           {certs(appCert, gatewayCert, "-----BEGIN"), "alipay_root_cert must"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := goodConfig(t)
			c.change(&cfg)
			err := cfg.Validate()
			_, newErr := alipay.New(cfg, alipay.Deps{Now: time.Now})
			if c.want == "" {
				require.NoError(t, err)
				require.NoError(t, newErr)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, newErr, c.want)
			require.NotContains(t, err.Error(), "BEGIN")
		})
	}
}

func TestValidateReturnsEveryFault(t *testing.T) {
	t.Parallel()
	err := alipay.Config{RatePerSecond: 1}.Validate()
	for _, field := range []string{"gateway", "app_id", "biz_code", "layout", "timeout", "launch_fresh", "min_poll", "burst", "app_private_key", "alipay_public_key"} {
		require.ErrorContains(t, err, field)
	}
	_, err = alipay.New(goodConfig(t), alipay.Deps{})
	require.ErrorContains(t, err, "now is required")
}

func TestConfigPrintsNoKey(t *testing.T) {
	t.Parallel()
	cfg := goodConfig(t)
	asJSON, err := json.Marshal(cfg)
	require.NoError(t, err)
	for _, form := range []string{fmt.Sprintf("%v", cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), string(asJSON)} {
		require.NotContains(t, form, "PRIVATE KEY")
	}
	const secret = "canary-5f2b9c"
	for _, verb := range strings.Split("vsqxXdbocUeEfFgGtT", "") { // %p and %w pass by every Formatter; go vet refuses them
		said := fmt.Sprintf("%"+verb+" %#"+verb, alipay.Secret(secret), []alipay.Secret{secret})
		require.NotContains(t, said, secret, verb)
		require.NotContains(t, strings.ToLower(said), hex.EncodeToString([]byte(secret)), verb)
	}
}

func pkcs1(t testing.TB) string {
	t.Helper()
	keys, _, _ := keysOf(t)
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keys.App)}))
}

func shortKey(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	text, err := alipaysim.EncodePrivateKey(key)
	require.NoError(t, err)
	return text
}

func ecKey(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
