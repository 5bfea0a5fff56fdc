package builds_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWithoutTheEngine builds the program for a fleet: it holds nothing of the engine, says so where the engine would be
// needed, and takes a configuration for a remote one.
func TestWithoutTheEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "verigate")
	build := exec.Command("go", "build", "-tags", "noengine", "-ldflags", "-s -w", "-o", binary, "./cmd/verigate")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	require.NotEmpty(t, info.Deps)
	for _, m := range info.Deps {
		require.NotEqual(t, "go.temporal.io/server", m.Path)
		require.NotContains(t, m.Path, "temporalio/ui-server")
	}

	run := func(args ...string) (code int, text string) {
		cmd := exec.Command(binary, args...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &exit)
			return exit.ExitCode(), string(out)
		}
		return 0, string(out)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "secrets"), 0o700))
	for _, name := range []string{"vault", "codec", "links", "receipts"} {
		code, secret := run("secrets", "new", name)
		require.Zero(t, code, secret)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets", name), []byte(secret), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "verigate.yaml"), []byte(configuration), 0o600))

	code, text := run("serve", "--check", "--config", "verigate.yaml")
	require.Zero(t, code, text)
	for _, embedded := range []string{"serve", "worker"} {
		args := []string{embedded, "--config", "verigate.yaml", "--set", "temporal.mode=embedded", "--set", "temporal.dir=."}
		code, text = run(args...)
		require.Equal(t, 2, code, text)
		require.Contains(t, text, "temporal.mode: this binary was built without the embedded engine: set temporal.mode to remote")
	}
	code, text = run("demo", "--data", "demo")
	require.Equal(t, 2, code, text)
	require.Contains(t, text, "demo needs the embedded engine, and this binary was built without it")
	require.NoDirExists(t, filepath.Join(dir, "demo"), "a demonstration that cannot run leaves nothing")
}

const configuration = `provider: {kind: simulated}
secrets:
  vault_keyset: file:secrets/vault
  codec_keyset: file:secrets/codec
  link_keys: file:secrets/links
  receipt_keys: file:secrets/receipts
`
