package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/internal/config"
)

const canary = "canary-5f2b9c"

// complete is a configuration with nothing missing, as a file.
const complete = `
provider:
  alipay:
    app_id: "2021000000000000"
    private_key: file:app.pem
    public_key: env:ALIPAY_KEY
`

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func sources(file string, env ...string) config.Sources {
	return config.Sources{
		File: []byte(file), Env: environment(append(env, "ALIPAY_KEY", "pem", "EMPTY", " ")...),
		ReadFile: func(path string) ([]byte, error) {
			switch path {
			case "app.pem":
				return []byte(canary + "\n"), nil
			case "empty":
				return nil, nil
			default:
				return nil, errors.New("no such file")
			}
		},
	}
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	s := sources(complete+"http:\n  listen: 127.0.0.1:1\n  idle_timeout: 3s\nlog: {level: warn}\n",
		"VERIGATE_HTTP_LISTEN", "127.0.0.1:2", "VERIGATE_LOG_LEVEL", "error", "VERIGATE_SERVICE_HOST", "10.0.0.1",
		"VERIGATE_PROVIDER_ALIPAY_SANDBOX_NUMBERS", "a, b,")
	s.Flags = map[string]string{"http.listen": "127.0.0.1:3"}
	c, err := config.Load(s)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", c.HTTP.Listen)
	require.Equal(t, "error", c.Log.Level)
	require.Equal(t, 3*time.Second, c.HTTP.IdleTimeout)
	require.Equal(t, []string{"a", "b"}, c.Provider.Alipay.SandboxNumbers)
	require.Equal(t, 5*time.Second, c.HTTP.ReadHeaderTimeout, "the default of what nobody sets")
	require.Equal(t, canary, c.Provider.Alipay.PrivateKey.Reveal(), "without the line break at the end of the file")
	require.Equal(t, "pem", c.Provider.Alipay.PublicKey.Reveal())
}

func TestSecretsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	c, err := config.Load(sources(complete, "VERIGATE_SECRETS_VAULT_KEYSET", canary, "VERIGATE_SECRETS_CODEC_KEYSET", "file:app.pem"))
	require.NoError(t, err)
	require.Equal(t, canary, c.Secrets.VaultKeyset.Reveal())
	require.Equal(t, canary, c.Secrets.CodecKeyset.Reveal())
}

// TestAllFaultsAtOnce is the promise of the package: one run shows everything, with its place.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	s := sources(`http:
  listen: nowhere
  read_header_timeout: 5
  idle_timeout: 2h
  idle_timeout: 1m
  colour: blue
store: sqlite
log:
  level: [info]
limits:
  attempts_per_day: many
provider:
  alipay:
    private_key: `+canary+`
    app_cert: file:missing
    alipay_cert: env:MISSING
    root_cert: file:empty
nonsense: 1
`, "VERIGATE_LIMITS_QR_LEASE", "1s", "VERIGATE_TEMPORAL_MODE", "cloudy", "VERIGATE_TEMPORAL_API_KEY", "key")
	s.Flags = map[string]string{"http.public_url": "ftp://x", "unknown.flag": "1", "secrets.vault_keyset": canary}
	_, err := config.Load(s)
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	text := "\n" + err.Error() + "\n"
	for _, want := range []string{
		"http.listen (line 2): must be host:port, such as 127.0.0.1:8080",
		"http.read_header_timeout (line 3): must be a duration with its unit such as 90s, 100ms to 1m",
		"http.idle_timeout (line 5): is given twice; remove one",
		"http.colour (line 6): is no setting; docs/configuration.md lists them",
		"store (line 7): must be a mapping of settings",
		"log.level (line 9): must be a single value, debug, info, warn, error",
		"limits.attempts_per_day (line 11): must be a whole number, 1 to 100",
		"provider.alipay.private_key (line 14): must say where the secret is: file:PATH or env:NAME; the secret itself does not belong here",
		"provider.alipay.app_cert (line 15): the file that it names cannot be read: no such file",
		"provider.alipay.alipay_cert (line 16): the environment variable that it names is not set",
		"provider.alipay.root_cert (line 17): the file that it names is empty",
		"nonsense (line 18): is no setting",
		"limits.qr_lease (VERIGATE_LIMITS_QR_LEASE): must be from 5s to 1h",
		"temporal.mode (VERIGATE_TEMPORAL_MODE): must be one of embedded, remote",
		"temporal.api_key (VERIGATE_TEMPORAL_API_KEY): needs temporal.tls",
		"http.public_url (flag): must be an absolute http or https URL",
		"unknown.flag (flag): is no setting",
		"secrets.vault_keyset (flag): must say where the secret is",
		"provider.alipay.app_id: must be the application's id",
	} {
		require.Contains(t, text, "\n  "+want)
	}
	require.NotContains(t, text, canary, "no value is quoted")
}

func TestFilesThatAreNoSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"not yaml":      {"a: [", "is not YAML"},
		"two documents": {complete + "---\n" + complete, "must hold one document"},
		"list":          {"- a", "must be a mapping of settings"},
		"anchor":        {"log:\n  level: &x info\n  format: *x\n", "must be written out, without anchors and aliases"},
		"nested list":   {"provider:\n  alipay:\n    sandbox_numbers: [[a]]\n", "must be a list of texts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(sources(c.file))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	t.Parallel()
	base := config.Default()
	base.Provider.Kind = config.ProviderSimulated
	for _, file := range []string{"", "\n", "# nothing yet\n", "---\n", "log:\n"} {
		s := sources(file)
		s.Base = &base
		c, err := config.Load(s)
		require.NoError(t, err, file)
		require.Equal(t, base, c)
	}
}

func TestWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*config.Config){
		"temporal.dir":                func(c *config.Config) { c.Temporal.Mode, c.Temporal.Dir = config.Embedded, "" },
		"worker.in_process":           func(c *config.Config) { c.Temporal.Mode, c.Worker.InProcess = config.Embedded, false },
		"temporal.tls_key_file":       func(c *config.Config) { c.Temporal.TLS, c.Temporal.TLSCertFile = true, "x" },
		"http.trusted_proxies":        func(c *config.Config) { c.HTTP.TrustedProxies = []string{"10.0.0.1/8"} },
		"http.tls.key_file":           func(c *config.Config) { c.HTTP.TLS.CertFile = "cert.pem" },
		"http.listen":                 func(c *config.Config) { c.HTTP.Listen = "0.0.0.0:8080" },
		"admin.session_idle":          func(c *config.Config) { c.Admin.SessionIdle = c.Admin.SessionLife + 1 },
		"admin.payload_origins":       func(c *config.Config) { c.Admin.PayloadOrigins = []string{"https://temporal.example/"} },
		"admin.oidc.client_id":        func(c *config.Config) { provided(c).ClientID = "" },
		"http.public_url":             func(c *config.Config) { provided(c); c.HTTP.PublicURL = "" },
		"admin.oidc.scopes":           func(c *config.Config) { provided(c).Scopes = []string{"profile"} },
		"admin.oidc.claim":            func(c *config.Config) { provided(c).Claim = "" },
		"admin.oidc.roles":            func(c *config.Config) { provided(c).Roles = []string{"group=king"} },
		"webhooks.allowed_networks":   func(c *config.Config) { c.Webhooks.AllowedNetworks = []string{"10.0.0.0/8", "10.0.0.1/8"} },
		"webhooks.allow_http":         func(c *config.Config) { c.Webhooks.AllowHTTP = true },
		"temporal.tls":                func(c *config.Config) { c.Temporal.TLSServerName = "x" },
		"temporal.provider_timeout":   func(c *config.Config) { c.HTTP.WriteTimeout = 20 * time.Second },
		"temporal.command_timeout":    func(c *config.Config) { c.HTTP.WriteTimeout = 10 * time.Second },
		"provider.alipay.public_key":  func(c *config.Config) { c.Provider.Kind = config.ProviderAlipay },
		"provider.alipay.private_key": func(c *config.Config) { c.Provider.Kind = config.ProviderAlipay },
		"provider.alipay.app_cert": func(c *config.Config) {
			c.Provider.Kind, c.Provider.Alipay.AppCert = config.ProviderAlipay, config.NewSecret("x")
		},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			c := config.Default()
			c.Provider.Kind = config.ProviderSimulated
			require.Empty(t, c.Validate(), "the configuration is good before the change")
			change(&c)
			var fields []string
			for _, f := range c.Validate() {
				fields = append(fields, f.Field)
			}
			require.Contains(t, fields, field)
		})
	}
}

// TestInClearOnlyOnPurpose: what other machines reach speaks TLS, here or at a proxy that is named, or somebody said that
// it need not.
func TestInClearOnlyOnPurpose(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		listen string
		change func(*config.HTTP)
		bad    string
	}{
		{"127.0.0.1:8080", nil, ""}, {"[::1]:8080", nil, ""}, {"localhost:0", nil, ""}, {"127.9.9.9:1", nil, ""},
		{"0.0.0.0:8080", nil, "http.listen"}, {":8080", nil, "http.listen"}, {"[::]:8080", nil, "http.listen"}, {"10.0.0.1:8080", nil, "http.listen"},
		{"verigate.internal:8080", nil, "http.listen"},
		{":8080", func(h *config.HTTP) { h.AllowClear = true }, ""},
		{":8080", func(h *config.HTTP) { h.TrustedProxies = []string{"10.0.0.0/8"} }, ""},
		{":8080", func(h *config.HTTP) { h.TLS = config.HTTPTLS{CertFile: "c", KeyFile: "k"} }, ""},
		{":8080", func(h *config.HTTP) {
			h.TLS, h.PublicURL = config.HTTPTLS{CertFile: "c", KeyFile: "k"}, "http://pay.example"
		}, "http.public_url"},
	} {
		c := config.Default()
		c.Provider.Kind, c.HTTP.Listen = config.ProviderSimulated, tc.listen
		if tc.change != nil {
			tc.change(&c.HTTP)
		}
		faults := c.Validate()
		if tc.bad == "" {
			require.Empty(t, faults, tc.listen)
			continue
		}
		require.Len(t, faults, 1, tc.listen)
		require.Equal(t, tc.bad, faults[0].Field)
	}
}

func TestSecretsAreJudged(t *testing.T) {
	t.Parallel()
	c := config.Default()
	require.Len(t, c.ValidateSecrets(), 4)
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	c.Secrets = config.Secrets{
		VaultKeyset: config.NewSecret("v"), CodecKeyset: config.NewSecret("c"),
		LinkKeys: config.NewSecret(key + "\n\n" + key), ReceiptKeys: config.NewSecret("r1:" + key),
	}
	require.Empty(t, c.ValidateSecrets())
	keys, err := c.Secrets.ReceiptKeys.Keys(true)
	require.NoError(t, err)
	require.Equal(t, []config.Key{{ID: "r1", Secret: bytes.Repeat([]byte{7}, 32)}}, keys)

	for _, bad := range []string{"short", key[:20], ":" + key, "id " + key, "\n"} {
		c.Secrets.ReceiptKeys = config.NewSecret(bad)
		faults := c.ValidateSecrets()
		require.Len(t, faults, 1, bad)
		require.NotContains(t, faults.Error(), strings.TrimSpace(bad)+"!")
	}
}

// TestSecretsAreNeverShown tries every way in which a configuration may end up in a log.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Secrets.VaultKeyset = config.NewSecret(canary)
	c.Provider.Alipay.PrivateKey = config.NewSecret(canary)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "c", c, "s", c.Secrets, "v", c.Secrets.VaultKeyset)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "p", &c, "v", c.Secrets.VaultKeyset)
	asJSON, err := json.Marshal(c)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(c)
	require.NoError(t, err)
	forms := []string{log.String(), string(asJSON), string(asYAML)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		forms = append(forms, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, c.Secrets.VaultKeyset))
	}
	for f := range c.Fields() {
		forms = append(forms, f.Text())
	}
	for _, form := range forms {
		require.NotContains(t, form, canary)
		require.NotContains(t, form, fmt.Sprintf("%x", canary))
	}
	require.Contains(t, string(asYAML), "[secret]")
}

// TestEveryFieldCanBeSet: each field has a name, takes its own default as text from the environment, and a bound that
// can be read.
func TestEveryFieldCanBeSet(t *testing.T) {
	t.Parallel()
	base := config.Default()
	base.Provider.Kind = config.ProviderSimulated
	var env []string
	paths := map[string]bool{}
	for f := range base.Fields() {
		require.Regexp(t, `^[a-z]+(\.[a-z_]+)+$`, f.Path)
		require.False(t, paths[f.Path], f.Path)
		paths[f.Path] = true
		env = append(env, f.Env(), f.Text())
	}
	c, err := config.Load(config.Sources{Base: &base, Env: environment(env...)})
	require.NoError(t, err)
	require.Equal(t, base, c)
	require.Greater(t, len(paths), 40)
}
