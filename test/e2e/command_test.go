package e2e

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// verigate runs another command of the program and returns what it printed.
func (d *demo) verigate(t testing.TB, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(bounded(t, patience), d.bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnv(), &stdout, &stderr
	require.NoError(t, cmd.Run(), "verigate %v: %s", args, stderr.Bytes())
	return stdout.Bytes()
}

// supportKey makes a key for support staff, who send merchants' commands and may correct.
func (d *demo) supportKey(t testing.TB) string {
	t.Helper()
	made := decoded[struct {
		APIKey   string   `json:"api_key"`
		Label    string   `json:"label"`
		Scopes   []string `json:"scopes"`
		Accounts []string `json:"accounts"`
	}](t, d.verigate(t, "keys", "create", "--data", d.path("data"), "--label", "support", "--scopes", "verifications:write,accounts:correct", "--json"))
	require.NotEmpty(t, made.APIKey)
	return made.APIKey
}
