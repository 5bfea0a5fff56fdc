package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var errNoScript = errors.New("README.md has no block of sh after the line <!-- e2e -->")

// script returns the first block of sh behind the marker.
func script(readme string) (string, error) {
	_, rest, found := strings.Cut(readme, "<!-- e2e -->\n")
	if !found || !strings.HasPrefix(rest, "```sh\n") {
		return "", errNoScript
	}
	text, _, found := strings.Cut(strings.TrimPrefix(rest, "```sh\n"), "\n```")
	if !found {
		return "", errNoScript
	}
	return text + "\n", nil
}

func TestScript(t *testing.T) {
	t.Parallel()
	text, err := script("# A\n```sh\nno\n```\n<!-- e2e -->\n```sh\na\n\nb\n```\nmore\n```sh\nc\n```\n")
	require.NoError(t, err)
	require.Equal(t, "a\n\nb\n", text)
	for _, bad := range []string{"", "```sh\na\n```", "<!-- e2e -->\n```json\n{}\n```", "<!-- e2e -->\n```sh\na"} {
		_, err := script(bad)
		require.ErrorIs(t, err, errNoScript)
	}
}

// TestReadme runs the README's script as it stands, with the ready file in VERIGATE_READY.
func TestReadme(t *testing.T) {
	t.Parallel()
	bin := binary(t, binEnv)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	text, err := script(string(readme))
	require.NoError(t, err)
	d := startDemo(t, withBinary(bin))
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(bounded(t, patience), "sh", "-eu")
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnv(), "VERIGATE_READY="+d.path("ready.json"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &stdout, &stderr
	require.NoError(t, cmd.Run(), "stdout: %s\nstderr: %s", stdout.Bytes(), stderr.Bytes())
	for _, want := range []string{`"effect":"block"`, `"state":"verified"`, `"effect":"allow"`} {
		require.Contains(t, stdout.String(), want, "the reader sees it")
	}
}
