package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/verigate/verigate/internal/config"
)

// DemoDir is the directory of a demonstration: its clock, keys, ports, databases and logs.
type DemoDir struct{ path string }

// ErrDemoRuns means that another process uses the directory.
var ErrDemoRuns = errors.New("app: another demonstration runs on this directory; stop it, or use another --data")

// marker tells a directory of ours from one that must not be removed.
const marker = "verigate-demo.json"

// OpenDemoDir returns the directory of a demonstration that ran before.
func OpenDemoDir(path string) (DemoDir, error) {
	if _, err := os.Stat(filepath.Join(path, marker)); err != nil {
		return DemoDir{}, fmt.Errorf("app: %s is not the directory of a demonstration: %w", path, err)
	}
	return DemoDir{path}, nil
}

// CreateDemoDir creates the directory if it is missing and takes it for this process until release. fresh removes
// what an earlier demonstration left; a directory that holds anything else is refused.
func CreateDemoDir(path string, fresh bool) (d DemoDir, release func() error, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return d, nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return d, nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return d, nil, err
	}
	d = DemoDir{path}
	if _, err := os.Stat(d.file(marker)); err != nil && len(entries) > 0 {
		return d, nil, fmt.Errorf("app: %s holds other files; name an empty directory", path)
	}
	if err := writeJSON(d.file(marker), map[string]int{"format": 1}); err != nil {
		return d, nil, err
	}
	lock, err := os.OpenFile(d.file("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return d, nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return d, nil, errors.Join(ErrDemoRuns, lock.Close())
	}
	if fresh {
		if err := d.clear(); err != nil {
			return d, nil, errors.Join(err, lock.Close())
		}
	}
	for _, dir := range []string{"engine", "secrets"} {
		if err := os.MkdirAll(d.file(dir), 0o700); err != nil {
			return d, nil, errors.Join(err, lock.Close())
		}
	}
	return d, lock.Close, nil // the lock ends with the file
}

func (d DemoDir) file(name string) string { return filepath.Join(d.path, name) }

// Path is the directory itself.
func (d DemoDir) Path() string { return d.path }

// LogFile is where the program and the engine write their logs.
func (d DemoDir) LogFile(name string) (*os.File, error) {
	return os.OpenFile(d.file(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// clear removes what a demonstration made, by name: a mistaken path loses nothing else.
func (d DemoDir) clear() error {
	var faults []error
	for _, name := range []string{
		"engine", "secrets", "clock.json", "ports.json", "keys.json", "operators.json", "alipay.json", elsewhereFile, "verigate.log", "engine.log",
		"verigate.db", "verigate.db-wal", "verigate.db-shm", "verigate-keys.db", "verigate-keys.db-wal", "verigate-keys.db-shm",
	} {
		faults = append(faults, os.RemoveAll(d.file(name)))
	}
	return errors.Join(faults...)
}

// Config returns the configuration of the demonstration; secrets are made at the first call.
func (d DemoDir) Config(listen string) (config.Config, error) {
	c := config.Default()
	c.HTTP.Listen = listen
	c.Store.Path = d.file("verigate.db")
	c.Temporal.Mode, c.Temporal.Dir, c.Temporal.UIPort = config.Embedded, d.file("engine"), 0
	c.Provider.Kind, c.Provider.SimulatorState = config.ProviderSimulated, d.file("alipay.json")
	c.Notify.Kind = config.NotifySimulated
	c.QR.Content = "scan_link" // so that the scan is seen, whatever opens it
	c.Pages.OperatorZh, c.Pages.OperatorEn, c.Pages.Contact = "示例商户平台", "Example Merchant Platform", "privacy@platform.example"
	c.Webhooks.AllowedNetworks, c.Webhooks.AllowHTTP = []string{"127.0.0.0/8", "::1/128"}, true // receivers on this machine
	// Whoever tries it, and its tests, is all merchants at once, from one address.
	c.Rates.PerAccount, c.Rates.PerAccountBurst, c.Rates.PerAddress, c.Rates.PerAddressBurst = 100, 1000, 1000, 10_000
	c.Log = config.Log{Level: "info", Format: "text"}
	for kind, secret := range map[string]*config.Secret{
		SecretVault: &c.Secrets.VaultKeyset, SecretCodec: &c.Secrets.CodecKeyset,
		SecretLinks: &c.Secrets.LinkKeys, SecretReceipt: &c.Secrets.ReceiptKeys,
	} {
		var err error
		if *secret, err = d.secret(kind); err != nil {
			return c, err
		}
	}
	return c, errors.Join(d.usePorts(&c), d.elsewhere(&c))
}

// secret returns one of the demonstration's own, made at the first call.
func (d DemoDir) secret(kind string) (config.Secret, error) {
	text, err := keep(d.file(filepath.Join("secrets", kind)), func() ([]byte, error) { return NewSecret(kind) })
	if err != nil {
		return config.Secret{}, fmt.Errorf("app: secret %s: %w", kind, err)
	}
	return config.NewSecret(string(text)), nil
}

// SimulatorKeys returns the simulated provider's keys, made at the first call.
func (d DemoDir) SimulatorKeys() (SimulatorKeys, error) {
	text, err := keep(d.file(filepath.Join("secrets", "alipay")), func() ([]byte, error) {
		keys, err := newSimulatorKeys()
		if err != nil {
			return nil, err
		}
		return keys.encode()
	})
	if err != nil {
		return SimulatorKeys{}, err
	}
	return decodeSimulatorKeys(text)
}

// portsFile remembers ports, so that a bookmark is good after a restart.
type portsFile struct {
	Alipay     int `json:"alipay"`
	Temporal   int `json:"temporal"`
	TemporalUI int `json:"temporal_ui"`
	Portal     int `json:"portal"`
	SMS        int `json:"sms"`
}

func (d DemoDir) usePorts(c *config.Config) error {
	var p portsFile
	if _, err := readJSON(d.file("ports.json"), &p); err != nil {
		return err
	}
	c.Provider.SimulatorListen = "127.0.0.1:" + strconv.Itoa(stillFree(p.Alipay))
	c.Notify.SimulatorListen = "127.0.0.1:" + strconv.Itoa(stillFree(p.SMS))
	c.Temporal.Port, c.Temporal.UIPort = stillFree(p.Temporal), stillFree(p.TemporalUI)
	return nil
}

// stillFree returns the port, or 0 if somebody else has it now.
func stillFree(port int) int {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0
	}
	_ = l.Close()
	return port
}

// Running is the configuration to reach a demonstration that runs on the directory, from beside it.
func (d DemoDir) Running() (config.Config, error) {
	c, err := d.Config("127.0.0.1:0")
	if err != nil {
		return c, err
	}
	var p portsFile
	if _, err := readJSON(d.file("ports.json"), &p); err != nil {
		return c, err
	}
	c.Temporal.Port = p.Temporal
	return c, nil
}

func (d DemoDir) keepPorts(a Addresses) error {
	return writeJSON(d.file("ports.json"), portsFile{
		Alipay: portOf(a.Alipay), Temporal: portOf(a.Temporal), TemporalUI: portOf(a.TemporalUI), Portal: portOf(a.Portal),
		SMS: portOf(a.SMS),
	})
}

// clockFile remembers business time.
type clockFile struct {
	Offset time.Duration `json:"offset_ns"`
}

// Clock returns the business clock of the data. The first call fixes it: offset is asked then, and later runs go on
// with the same one, because business time must not go back behind what was recorded.
func (d DemoDir) Clock(offset func() time.Duration) (Clock, error) {
	var f clockFile
	known, err := readJSON(d.file("clock.json"), &f)
	if err != nil || known {
		return Clock{f.Offset}, err
	}
	f.Offset = offset()
	return Clock{f.Offset}, writeJSON(d.file("clock.json"), f)
}
