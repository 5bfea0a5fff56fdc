package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

// ready is what a demonstration writes when it can be used.
type ready struct {
	API         string `json:"api"`
	Admin       string `json:"admin"`
	Portal      string `json:"portal"`
	Alipay      string `json:"alipay"`
	SMS         string `json:"sms"`
	Temporal    string `json:"temporal"`
	TemporalUI  string `json:"temporal_ui"`
	APIKey      string `json:"api_key"`
	ReviewerKey string `json:"reviewer_key"`
	OperatorKey string `json:"operator_key"`

	AdminPassword string `json:"admin_password"`
}

// What a demonstration writes that holds keys on purpose: the files that it is started from, and what it shows to whoever
// started it.
func keyFiles() []string {
	return []string{"ready.json", "stdout", "data/keys.json", "data/ready.json", "data/operators.json"}
}

// demo is one demonstration: its data, and the process that runs on them now.
type demo struct {
	bin  string
	home string // holds data, the ready file and what the process prints
	args []string
	on   []string // flags of the servers that it uses, if any
	env  []string
	people
	patient bool           // what answers may die: who is told to come again does
	roots   *x509.CertPool // of the provider's certificate, if it has one
	planted sync.Map       // secrets that a test got, by name

	ready   ready
	process *os.Process
	ended   chan struct{} // closed when the process has ended
	state   *os.ProcessState
}

type demoOption func(*demo)

func withArgs(args ...string) demoOption { return func(d *demo) { d.args = append(d.args, args...) } }
func withEnv(env ...string) demoOption   { return func(d *demo) { d.env = append(d.env, env...) } }
func withBinary(path string) demoOption  { return func(d *demo) { d.bin = path } }

// shortLease is for tests that wait for the end of a QR code, and leaves time to use one on a busy machine.
const shortLease = 15 * time.Second

func withShortLease() demoOption { return withEnv(leaseEnv + shortLease.String()) }

const (
	leaseEnv    = "VERIGATE_LIMITS_QR_LEASE="
	attemptsEnv = "VERIGATE_LIMITS_ATTEMPTS_PER_DAY="
)

// newDemo makes a demonstration without starting it. When the test ends the process is stopped, and everything that
// it left behind is searched for personal data and keys.
func newDemo(t testing.TB, options ...demoOption) *demo {
	t.Helper()
	d := &demo{bin: binary(t, binEnv), home: t.TempDir(), env: []string{"VERIGATE_LOG_LEVEL=debug"}}
	for _, o := range options {
		o(d)
	}
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
	d.on = clustertest.Demo(t)
	t.Cleanup(func() { d.leave(t) })
	return d
}

// startDemo makes a demonstration and starts it on ports of its own.
func startDemo(t testing.TB, options ...demoOption) *demo {
	t.Helper()
	d := newDemo(t, options...)
	d.start(t, "--fresh")
	return d
}

func (d *demo) path(name string) string { return filepath.Join(d.home, name) }

// start starts the process and waits until it can be used. A process that ran before is followed on its own port,
// because links name it.
func (d *demo) start(t testing.TB, args ...string) {
	t.Helper()
	d.launch(t, args...)
	d.awaitReady(t)
}

// startFailing is start for a process that is to die at a place.
func (d *demo) startFailing(t testing.TB, place string, args ...string) {
	t.Helper()
	d.env = append(d.env, "VERIGATE_FAILPOINT="+place)
	defer func() { d.env = d.env[:len(d.env)-1] }()
	d.start(t, args...)
}

func (d *demo) launch(t testing.TB, args ...string) {
	t.Helper()
	listen := "127.0.0.1:0"
	if before, err := url.Parse(d.ready.API); err == nil && before.Host != "" {
		listen = before.Host
	}
	_ = os.Remove(d.path("ready.json"))
	d.run(t, slices.Concat([]string{
		"demo", "--data", d.path("data"), "--http", listen, "--no-browser", "--ready-file", d.path("ready.json"),
	}, d.on, d.args, args)...)
}

// run begins a process of the program that the demonstration consists of from now on.
func (d *demo) run(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command(d.bin, args...)
	cmd.Env = append(cleanEnv(), d.env...)
	cmd.SysProcAttr = dieWithParent()
	cmd.Stdout, cmd.Stderr = d.output(t, "stdout"), d.output(t, "stderr")
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		// The kernel kills the child when the thread that began it ends, not when the process does: this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the state tells more
		d.state = cmd.ProcessState
		_ = cmd.Stdout.(*os.File).Close()
		_ = cmd.Stderr.(*os.File).Close()
	}()
	require.NoError(t, <-started)
	d.process, d.ended = cmd.Process, ended
}

// cleanEnv is our environment without settings of the program.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "VERIGATE_") {
			env = append(env, v)
		}
	}
	return env
}

func (d *demo) output(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	return f
}

func (d *demo) awaitReady(t testing.TB) {
	t.Helper()
	var text []byte
	eventually(t, patience, "the demonstration is ready", func() bool {
		var err error
		text, err = os.ReadFile(d.path("ready.json"))
		if err != nil && d.hasEnded() {
			require.FailNow(t, "the demonstration ended before it was ready", "%v\n%s", d.state, d.tail())
		}
		return err == nil
	})
	d.ready = ready{} // members that are left out must not stay from the start before
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&d.ready))
	require.NotEmpty(t, d.ready.API)
	require.NotEmpty(t, d.ready.Alipay)
	require.NotEmpty(t, d.ready.APIKey)
	require.NotEmpty(t, d.ready.ReviewerKey)
	require.NotEmpty(t, d.ready.OperatorKey)
}

func (d *demo) hasEnded() bool {
	select {
	case <-d.ended:
		return true
	default:
		return false
	}
}

// awaitEnd waits for the process to end and returns how it did.
func (d *demo) awaitEnd(t testing.TB) syscall.WaitStatus {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-d.ended:
	case <-deadline.C:
		require.FailNow(t, "the process does not end", "%s", d.tail())
	}
	return d.state.Sys().(syscall.WaitStatus)
}

// stop asks the process to end, as Ctrl-C or a service manager does, and expects that it does so in good order.
func (d *demo) stop(t testing.TB) {
	t.Helper()
	require.NoError(t, d.process.Signal(syscall.SIGTERM))
	end := d.awaitEnd(t)
	require.Equal(t, 0, end.ExitStatus(), "exit status after SIGTERM (signalled: %v)\n%s", end.Signaled(), d.tail())
}

// kill ends the process as a power cut does.
func (d *demo) kill(t testing.TB) {
	t.Helper()
	require.NoError(t, d.process.Kill())
	d.awaitEnd(t)
}

// awaitDeath expects the process to have killed itself at its place.
func (d *demo) awaitDeath(t testing.TB) {
	t.Helper()
	end := d.awaitEnd(t)
	require.True(t, end.Signaled() && end.Signal() == syscall.SIGKILL, "ended with %v instead of SIGKILL\n%s", end, d.tail())
}

// leave ends the process if it still runs, and searches what is left.
func (d *demo) leave(test testing.TB) {
	test.Helper()
	defer func() {
		if thrown := recover(); thrown != nil && thrown != (left{}) {
			panic(thrown)
		}
	}()
	t := leaving{test}
	if d.process == nil {
		return
	}
	if !d.hasEnded() {
		d.lookAtMetrics(t)
		d.stop(t)
	}
	if t.Failed() {
		t.Logf("the end of the log:\n%s", d.tail())
	}
	requireClean(t, d.home, d.secrets(), keyFiles()...)
}

// lookAtMetrics: no label holds anything personal, nor a key. A process that was told to die may die of the question.
func (d *demo) lookAtMetrics(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.ready.API+"/metrics", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return
	}
	require.Contains(t, string(text), "verigate_", "there was nothing to look at")
	require.Empty(t, leaks(text, canaries()), "personal data in the metrics")
	require.Empty(t, leaks(text, d.secrets()), "a key in the metrics")
}

// leaving is a test that is being cleaned up. There FailNow would end the goroutine before the package testing has
// reported a test that had parallel subtests: it would fail without a word.
type leaving struct{ testing.TB }

type left struct{}

// FailNow fails the test and ends leave alone.
func (l leaving) FailNow() {
	l.Fail()
	panic(left{})
}

// secrets are the secret parts of the keys.
func (d *demo) secrets() map[string][]byte {
	all := map[string][]byte{}
	add := func(name, secret string) {
		if secret != "" {
			maps.Copy(all, spellings(name, secret))
		}
	}
	for name, key := range map[string]string{"api key": d.ready.APIKey, "reviewer key": d.ready.ReviewerKey, "operator key": d.ready.OperatorKey} {
		if parts := strings.SplitN(key, "_", 3); len(parts) == 3 {
			add(name, parts[2])
		}
	}
	add("password", d.ready.AdminPassword)
	d.planted.Range(func(name, secret any) bool {
		add(name.(string), secret.(string))
		return true
	})
	return all
}

// tail is the end of what the process wrote.
func (d *demo) tail() string {
	var all []byte
	for _, name := range []string{"stderr", "data/verigate.log"} {
		if text, err := os.ReadFile(d.path(name)); err == nil {
			all = append(all, text[max(0, len(text)-12000):]...)
		}
	}
	return string(all)
}
