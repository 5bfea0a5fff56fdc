package deploy

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chartutil"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// mount is where secrets are in containers.
const mount = "/run/secrets/"

// secrets writes what the settings may name, and returns the folder that is in the place of /run/secrets.
func secrets(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		for _, in := range []string{"", "verigate", "owner"} { // where the compose file and the chart have it
			require.NoError(t, os.MkdirAll(filepath.Join(dir, in), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, in, name), []byte(text), 0o600))
		}
	}
	for name, kind := range map[string]string{"vault-keyset": "vault", "codec-keyset": "codec", "link-keys": "links", "receipt-keys": "receipts"} {
		out, err := exec.CommandContext(t.Context(), binary(t), "secrets", "new", kind).Output()
		require.NoError(t, err)
		write(name, string(out))
	}
	for name, in := range map[string]string{"store-url": "verigate", "store-owner-url": "verigate", "keys-url": "verigate_keys", "keys-owner-url": "verigate_keys"} {
		write(name, "postgres://somebody:secret@127.0.0.1:1/"+in)
	}
	for _, name := range []string{"alipay-private-key", "alipay-public-key", "temporal-api-key"} {
		write(name, "not looked into when settings are checked")
	}
	return dir
}

// binary is the program that judges its own settings. make test builds it and names it.
func binary(t *testing.T) string {
	t.Helper()
	file := os.Getenv("VERIGATE_BIN")
	if file == "" {
		t.Skip("VERIGATE_BIN does not name the program")
	}
	return file
}

// verigate runs the program with an environment of its own, and returns how it ended and what it said.
func verigate(t *testing.T, env []string, args ...string) (status int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = append([]string{}, env...), &out, &out, t.TempDir()
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// image is the environment that the image itself gives to a container.
func image(t *testing.T) (env []string) {
	t.Helper()
	_, last, found := strings.Cut(read(t, "../../deploy/Dockerfile"), "\nFROM scratch\n")
	require.True(t, found)
	for _, m := range regexp.MustCompile(`(?m)^ENV (\S+=\S+)$`).FindAllStringSubmatch(last, -1) {
		env = append(env, m[1])
	}
	require.NotEmpty(t, env)
	return env
}

// requireAccepted has the program judge a file of settings.
func requireAccepted(t *testing.T, settings string, env ...string) {
	t.Helper()
	dir := secrets(t) + "/"
	file := filepath.Join(t.TempDir(), "verigate.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(settings, mount, dir)), 0o600))
	for i := range env {
		env[i] = strings.ReplaceAll(env[i], mount, dir)
	}
	status, said := verigate(t, append(image(t), env...), "serve", "--check", "--config", file)
	require.Zero(t, status, "%s\n%s", said, settings)
}

// requireMigrates has the program migrate with an environment. There is no database, so all that it can come to is that.
func requireMigrates(t *testing.T, env []string, args ...string) {
	t.Helper()
	dir := secrets(t) + "/"
	known := read(t, "../../docs/configuration.md")
	for i := range env { // of a variable that no setting has the program says nothing
		name, _, _ := strings.Cut(env[i], "=")
		require.Contains(t, known, "`"+name+"`")
		env[i] = strings.ReplaceAll(env[i], mount, dir)
	}
	status, said := verigate(t, append(image(t), env...), args...)
	require.Equal(t, 1, status, "2 would be a fault of settings or arguments: %s", said)
	require.Contains(t, said, "store.url")
	require.Contains(t, said, "unavailable")
}

func environment(c core.Container) (env []string) {
	for _, e := range c.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	return env
}

// TestSettings: the program takes the settings that the chart writes, in API, worker and migration.
func TestSettings(t *testing.T) {
	t.Parallel()
	binary(t)
	eachSet(t, func(t *testing.T, values chartutil.Values, all []runtime.Object) {
		settings := named[*core.ConfigMap](t, all, "shop-verigate").Data["verigate.yaml"]
		for name, pod := range pods(all) {
			c := pod.Spec.Containers[0]
			if strings.HasSuffix(name, "-migrate") {
				requireMigrates(t, environment(c), c.Args...)
				continue
			}
			requireAccepted(t, settings, environment(c)...)
			require.Equal(t, []string{"--config", "/etc/verigate/verigate.yaml"}, c.Args[1:])
		}
	})
}

// TestSettingsAreJudged: what the chart passes on and the program does not know is found.
func TestSettingsAreJudged(t *testing.T) {
	t.Parallel()
	binary(t)
	values := valueSets(t)["minimal"]
	values["config"].(map[string]any)["limits"] = map[string]any{"qr_leas": "5m"}
	rendered, err := render(t, values)
	require.NoError(t, err)
	settings := named[*core.ConfigMap](t, objects(t, rendered), "shop-verigate").Data["verigate.yaml"]
	file := filepath.Join(t.TempDir(), "verigate.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(settings, mount, secrets(t)+"/")), 0o600))
	status, said := verigate(t, nil, "serve", "--check", "--config", file)
	require.Equal(t, 2, status)
	require.Contains(t, said, "limits.qr_leas")
}

// TestSettingsStay: what the chart does not write itself comes through as it was said.
func TestSettingsStay(t *testing.T) {
	t.Parallel()
	rendered, err := render(t, valueSets(t)["everything"])
	require.NoError(t, err)
	var settings map[string]map[string]any
	text := named[*core.ConfigMap](t, objects(t, rendered), "shop-verigate").Data["verigate.yaml"]
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &settings))
	require.Equal(t, map[string]any{"connections": 30.0, "driver": "postgres", "url": "file:/run/secrets/verigate/store-url", "migrate": false}, settings["store"])
	require.Equal(t, "25s", settings["http"]["shutdown_timeout"])
	require.Equal(t, map[string]any{"cert_file": "/run/secrets/tls/tls.crt", "key_file": "/run/secrets/tls/tls.key"}, settings["http"]["tls"])
	require.Contains(t, text, "max_connections: 1000000\n")
	require.Equal(t, map[string]any{
		"address": "temporal.example.com:7233", "namespace": "shops", "tls": true, "tls_server_name": "temporal",
		"tls_ca_file": "/run/secrets/temporal/ca.crt", "tls_cert_file": "/run/secrets/temporal/tls.crt", "tls_key_file": "/run/secrets/temporal/tls.key",
	}, settings["temporal"])
	require.Equal(t, map[string]any{"qr_lease": "5m"}, settings["limits"])
	migrate := pods(objects(t, rendered))["shop-verigate-migrate"].Spec
	require.Contains(t, environment(migrate.Containers[0]), "VERIGATE_SWEEPS_DAILY=3h", "or it puts the schedule back")
	require.Equal(t, []any{"amd64", "dedicated", "high"}, []any{migrate.NodeSelector["kubernetes.io/arch"], migrate.Tolerations[0].Key, migrate.PriorityClassName})
}

// TestRefuses: wrong values are refused before anything is made of them, and the message says which.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct{ change, says string }{
		"misspelt value":             {`{worker: {replica: 3}}`, "replica"},
		"misspelt section":           {`{config: {storage: {}}}`, "storage"},
		"no image":                   {`{image: {repository: ""}}`, "repository"},
		"no tag":                     {`{image: {tag: ""}}`, "image.tag or image.digest"},
		"tag that moves":             {`{image: {tag: latest}}`, "tag"},
		"digest that is none":        {`{image: {digest: "sha256:12"}}`, "digest"},
		"no URL":                     {`{publicURL: ""}`, "publicURL"},
		"URL in clear":               {`{publicURL: "http://verify.example.com"}`, "publicURL"},
		"URL with a path":            {`{publicURL: "https://verify.example.com/a"}`, "publicURL"},
		"no secret":                  {`{secretName: ""}`, "secretName"},
		"no owner":                   {`{migrate: {secretName: ""}}`, "secretName"},
		"Temporal without port":      {`{temporal: {address: temporal}}`, "address"},
		"API key in clear":           {`{temporal: {apiKey: true}}`, "enabled"},
		"certificate from nowhere":   {`{temporal: {tls: {enabled: true, clientCertificate: true}}}`, "secretName"},
		"certificate without TLS":    {`{temporal: {tls: {secretName: a, ca: true}}}`, "enabled"},
		"replicas as text":           {`{api: {replicas: "2"}}`, "replicas"},
		"no replicas":                {`{api: {replicas: 0}}`, "replicas"},
		"upside down":                {`{api: {autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 2}}}`, "maxReplicas"},
		"stop longer than allowed":   {`{shutdownSeconds: 600}`, "shutdownSeconds"},
		"kept without a tag":         {`{worker: {buildId: "2", kept: [{buildId: "1", replicas: 1}]}}`, "imageTag"},
		"one build twice":            {`{worker: {buildId: "1", kept: [{buildId: "1", imageTag: "1", replicas: 1}]}}`, "two workers"},
		"setting of the chart's own": {`{config: {store: {driver: sqlite}}}`, "config.store.driver is written by this chart"},
		"in clear":                   {`{config: {http: {trusted_proxies: []}}}`, "config.http.trusted_proxies"},
		"drained twice":              {`{config: {http: {drain: 10s}}}`, "drainSeconds"},
		"metrics that nobody reads":  {`{monitoring: {serviceMonitor: true}}`, "metricsFrom"},
		"no budget":                  {`{disruption: {maxUnavailable: 0}}`, "maxUnavailable"},
		"service of no kind":         {`{service: {type: Cluster}}`, "type"},
	} {
		change, err := chartutil.ReadValues([]byte(c.change))
		require.NoError(t, err)
		_, err = render(t, chartutil.MergeTables(change, valueSets(t)["minimal"]))
		require.ErrorContains(t, err, c.says, about)
	}
}

// TestSections: the schema knows the sections of docs/configuration.md, and no others.
func TestSections(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties struct {
			Config struct {
				PropertyNames struct{ Enum []string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, chartDir+"/values.schema.json")), &schema))
	var sections []string
	for _, m := range regexp.MustCompile("(?m)^## `([a-z_]+)").FindAllStringSubmatch(read(t, "../../docs/configuration.md"), -1) {
		sections = append(sections, m[1])
	}
	slices.Sort(sections)
	sections = slices.Compact(sections)
	require.Greater(t, len(sections), 10)
	require.ElementsMatch(t, sections, schema.Properties.Config.PropertyNames.Enum)
}
