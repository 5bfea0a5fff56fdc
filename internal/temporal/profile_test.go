package temporal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/temporal"
)

// around is an environment.
type around map[string]string

func (a around) LookupEnv(name string) (string, bool) {
	value, ok := a[name]
	return value, ok
}

func (a around) Environ() (all []string) {
	for name, value := range a {
		all = append(all, name+"="+value)
	}
	return all
}

const profiles = `
[profile.default]
address = "default.example.com:7233"

[profile.prod]
address = "prod.example.com:7233"
namespace = "merchants"
api_key = "key-of-prod"
authority = "edge.example.com"
[profile.prod.tls]
server_name = "frontend"
server_ca_cert_path = "ca.pem"
client_cert_data = "CERT"
client_key_data = "KEY"
[profile.prod.codec]
endpoint = "https://codec.example.com"
[profile.prod.grpc_meta]
x-region = "eu"
x-gone = "1"

[profile.blind]
[profile.blind.tls]
disable_host_verification = true

[profile.half]
[profile.half.tls]
client_cert_data = "CERT"

[profile.twice]
[profile.twice.tls]
server_ca_cert_path = "ca.pem"
server_ca_cert_data = "CA"
`

// load reads settings, environment and the file temporal.toml.
func load(settings string, env around) (config.Config, error) {
	return config.Load(config.Sources{
		File: []byte("provider: {kind: simulated}\n" + settings), Env: env.LookupEnv, Profile: temporal.ReadProfile(env),
		ReadFile: func(path string) ([]byte, error) {
			switch path {
			case "temporal.toml":
				return []byte(profiles), nil
			case "broken.toml":
				return []byte("[profile.default]\napi_key = key-in-clear\n"), nil
			case "kinds.toml":
				return []byte("[profile.default]\naddress = 7\n"), nil
			case "empty.toml":
				return nil, nil
			default:
				return nil, errors.New("no such file")
			}
		},
	})
}

func TestProfileFillsIn(t *testing.T) {
	t.Parallel()
	c, err := load("temporal: {config_file: temporal.toml, profile: prod}", around{"TEMPORAL_GRPC_META_X_TEAM": "idv", "TEMPORAL_GRPC_META_X_GONE": ""})
	require.NoError(t, err)
	got := c.Temporal
	require.Equal(t, "prod.example.com:7233", got.Address)
	require.Equal(t, "merchants", got.Namespace)
	require.Equal(t, "key-of-prod", got.APIKey.Reveal())
	require.True(t, got.TLS)
	require.Equal(t, "frontend", got.TLSServerName)
	require.Equal(t, "ca.pem", got.TLSCAFile)
	require.Equal(t, "CERT", got.Inline.Cert.Reveal())
	require.Equal(t, "KEY", got.Inline.Key.Reveal())
	require.Equal(t, "edge.example.com", got.Inline.Authority)
	require.Equal(t, map[string]config.Secret{"x-region": config.NewSecret("eu"), "x-team": config.NewSecret("idv")}, got.Inline.Headers)
}

func TestWhereTheProfileIsFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings, address string
		env               around
	}{
		"nobody says anything":            {"", "127.0.0.1:7233", nil},
		"a variable":                      {"", "env.example.com:1", around{"TEMPORAL_ADDRESS": "env.example.com:1"}},
		"an empty variable":               {"", "127.0.0.1:7233", around{"TEMPORAL_ADDRESS": ""}},
		"a file":                          {"temporal: {config_file: temporal.toml}", "default.example.com:7233", nil},
		"a file of the environment":       {"", "default.example.com:7233", around{"TEMPORAL_CONFIG_FILE": "temporal.toml"}},
		"a profile of the environment":    {"temporal: {config_file: temporal.toml}", "prod.example.com:7233", around{"TEMPORAL_PROFILE": "prod"}},
		"our profile before the variable": {"temporal: {config_file: temporal.toml, profile: default}", "default.example.com:7233", around{"TEMPORAL_PROFILE": "prod"}},
		"a variable before the file":      {"temporal: {config_file: temporal.toml}", "env.example.com:1", around{"TEMPORAL_ADDRESS": "env.example.com:1"}},
		"our setting before both": {
			"temporal: {config_file: temporal.toml, address: ours.example.com:2}", "ours.example.com:2", around{"TEMPORAL_ADDRESS": "env.example.com:1"},
		},
		"our default, said, before both": {"temporal: {address: 127.0.0.1:7233}", "127.0.0.1:7233", around{"TEMPORAL_ADDRESS": "env.example.com:1"}},
		"an embedded engine": {
			"temporal: {mode: embedded}", "127.0.0.1:7233", around{"TEMPORAL_ADDRESS": "env.example.com:1", "TEMPORAL_PROFILE": "missing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(c.settings, c.env)
			require.NoError(t, err)
			require.Equal(t, c.address, got.Temporal.Address)
		})
	}
}

// TestProfileAndSettingsAreNotMixed: what belongs together is from one place.
func TestProfileAndSettingsAreNotMixed(t *testing.T) {
	t.Parallel()
	c, err := load("temporal: {config_file: temporal.toml, profile: prod, tls_cert_file: own.pem, tls_key_file: own.key}", nil)
	require.NoError(t, err)
	require.Equal(t, "own.pem", c.Temporal.TLSCertFile)
	require.False(t, c.Temporal.Inline.Cert.IsSet())
	require.False(t, c.Temporal.Inline.Key.IsSet())

	c, err = load("temporal: {config_file: temporal.toml, profile: twice, tls_ca_file: own.pem}", nil)
	require.NoError(t, err)
	require.Equal(t, "own.pem", c.Temporal.TLSCAFile)
	require.False(t, c.Temporal.Inline.CA.IsSet())

	c, err = load("temporal: {tls: false}", around{"TEMPORAL_TLS": "true", "TEMPORAL_TLS_SERVER_NAME": "x"})
	require.NoError(t, err)
	require.False(t, c.Temporal.TLS)
	require.Empty(t, c.Temporal.TLSServerName)
}

func TestProfileFaults(t *testing.T) {
	t.Parallel()
	const file = "temporal: {config_file: temporal.toml, profile: "
	for name, c := range map[string]struct {
		settings, want string
		env            around
	}{
		"no file":             {"temporal: {profile: prod}", "temporal.profile (line 2): needs temporal.config_file", nil},
		"no file, variable":   {"", "temporal.profile (TEMPORAL_PROFILE): needs temporal.config_file", around{"TEMPORAL_PROFILE": "prod"}},
		"missing file":        {"temporal: {config_file: gone.toml}", "temporal.config_file (line 2): cannot be read: no such file", nil},
		"missing, variable":   {"", "temporal.config_file (TEMPORAL_CONFIG_FILE): cannot be read", around{"TEMPORAL_CONFIG_FILE": "gone.toml"}},
		"empty file":          {"temporal: {config_file: empty.toml}", "temporal.config_file (line 2): cannot be read: it is empty", nil},
		"unknown profile":     {file + "test}", "temporal.profile (line 2): is not in temporal.config_file", nil},
		"no TOML":             {"temporal: {config_file: broken.toml}", "temporal.profile: is in a file that is not TOML: line 2", nil},
		"wrong kind":          {"temporal: {config_file: kinds.toml}", "temporal.profile: has values of the wrong kind", nil},
		"no verification":     {file + "blind}", "temporal.tls (profile blind): must verify the server", nil},
		"half a pair":         {file + "half}", "temporal.tls_key_file (profile half): and temporal.tls_cert_file belong together", nil},
		"file and text":       {file + "twice}", "temporal.tls_ca_file (profile twice): is given as a file and as a text", nil},
		"a key in clear":      {"temporal: {tls: false}", "temporal.api_key (TEMPORAL_API_KEY): needs temporal.tls", around{"TEMPORAL_API_KEY": "k"}},
		"no address":          {"", "temporal.address (TEMPORAL_ADDRESS): must be host:port", around{"TEMPORAL_ADDRESS": "nowhere"}},
		"an embedded engine":  {"temporal: {mode: embedded, profile: prod}", "temporal.profile (line 2): and temporal.config_file count with temporal.mode remote only", nil},
		"TLS off, key in env": {"", "temporal.api_key (TEMPORAL_API_KEY): needs temporal.tls", around{"TEMPORAL_API_KEY": "k", "TEMPORAL_TLS": "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(c.settings, c.env)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "key-in-clear")
			require.Equal(t, 1, strings.Count(err.Error(), "\n"), "one fault: %v", err)
		})
	}
}
