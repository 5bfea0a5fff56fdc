package app

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

func TestDemoDirIsTakenByOne(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	_, release, err := CreateDemoDir(path, false)
	require.NoError(t, err)
	_, _, err = CreateDemoDir(path, false)
	require.ErrorIs(t, err, ErrDemoRuns)
	require.NoError(t, release())
	_, release, err = CreateDemoDir(path, false)
	require.NoError(t, err)
	require.NoError(t, release())
	_, err = OpenDemoDir(path)
	require.NoError(t, err)
}

func TestForeignDirectoriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	mine := filepath.Join(path, "keys.json")
	require.NoError(t, os.WriteFile(mine, []byte("mine"), 0o600))
	_, _, err := CreateDemoDir(path, true)
	require.ErrorContains(t, err, "holds other files")
	text, err := os.ReadFile(mine)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text))
	_, err = OpenDemoDir(path)
	require.Error(t, err)
}

func TestFreshRemovesWhatARunLeft(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d, release, err := CreateDemoDir(path, false)
	require.NoError(t, err)
	before, err := d.Config("127.0.0.1:0")
	require.NoError(t, err)
	clock, err := d.Clock(func() time.Duration { return time.Hour })
	require.NoError(t, err)
	require.Equal(t, time.Hour, clock.Offset)
	other := filepath.Join(path, "notes.txt") // not ours, put there later
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	require.NoError(t, release())

	d, release, err = CreateDemoDir(path, false)
	require.NoError(t, err)
	same, err := d.Config("127.0.0.1:0")
	require.NoError(t, err)
	require.Equal(t, before.Secrets, same.Secrets, "a restart keeps the secrets")
	clock, err = d.Clock(func() time.Duration { return 2 * time.Hour })
	require.NoError(t, err)
	require.Equal(t, time.Hour, clock.Offset, "and the clock")
	require.NoError(t, release())

	d, release, err = CreateDemoDir(path, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, release()) }()
	after, err := d.Config("127.0.0.1:0")
	require.NoError(t, err)
	require.NotEqual(t, before.Secrets, after.Secrets)
	clock, err = d.Clock(func() time.Duration { return 0 })
	require.NoError(t, err)
	require.Zero(t, clock.Offset)
	require.FileExists(t, other)
}

func TestDemoConfigurationIsGood(t *testing.T) {
	t.Parallel()
	c, err := newDemoDir(t).Config("127.0.0.1:0")
	require.NoError(t, err)
	require.Empty(t, c.Validate())
	require.Empty(t, c.ValidateSecrets())
}

func TestPortsAreKeptWhileTheyAreFree(t *testing.T) {
	t.Parallel()
	d := newDemoDir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	taken := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, d.keepPorts(Addresses{Temporal: l.Addr().String(), Alipay: "http://" + l.Addr().String()}))

	c, err := d.Config("127.0.0.1:0")
	require.NoError(t, err)
	require.Zero(t, c.Temporal.Port, "somebody else has it")
	running, err := d.Running()
	require.NoError(t, err)
	require.Equal(t, taken, running.Temporal.Port, "from beside, the one that has it is ours")
	require.Equal(t, config.Embedded, running.Temporal.Mode)
	require.NoError(t, l.Close())
	c, err = d.Config("127.0.0.1:0")
	require.NoError(t, err)
	require.Equal(t, taken, c.Temporal.Port)
}

func TestSimulatorKeysAreKept(t *testing.T) {
	t.Parallel()
	d := newDemoDir(t)
	first, err := d.SimulatorKeys()
	require.NoError(t, err)
	again, err := d.SimulatorKeys()
	require.NoError(t, err)
	require.True(t, first.keys.App.Equal(again.keys.App))
	require.True(t, first.keys.Gateway.Equal(again.keys.Gateway))
	_, err = decodeSimulatorKeys([]byte("no keys"))
	require.Error(t, err)
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{SecretVault, SecretCodec, SecretLinks, SecretReceipt} {
		old, err := NewSecret(kind)
		require.NoError(t, err, kind)
		other, err := NewSecret(kind)
		require.NoError(t, err, kind)
		require.NotEqual(t, old, other, kind)
		rotated, err := RotateSecret(kind, old)
		require.NoError(t, err, kind)
		require.Greater(t, len(rotated), len(old), kind)
		_, err = RotateSecret(kind, []byte("no secret"))
		require.Error(t, err, kind)
	}
	receipts, err := NewSecret(SecretReceipt)
	require.NoError(t, err)
	rotated, err := RotateSecret(SecretReceipt, receipts)
	require.NoError(t, err)
	before, err := config.NewSecret(string(receipts)).Keys(true)
	require.NoError(t, err)
	after, err := config.NewSecret(string(rotated)).Keys(true)
	require.NoError(t, err)
	require.Len(t, after, 2)
	require.Equal(t, before[0], after[1], "the older key stays behind the new one")
	_, err = NewSecret("other")
	require.Error(t, err)
}
