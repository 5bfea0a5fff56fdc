package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
)

const (
	// patience bounds waiting for what happens by itself: only what never happens takes that long.
	patience = 90 * time.Second
	// pace is how often something is looked at that gives no notice.
	pace = 20 * time.Millisecond
)

// eventually looks until done says so. It is the one place that waits by looking.
func eventually(t testing.TB, within time.Duration, what func() string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	again := time.NewTicker(pace)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-deadline.C:
			require.FailNow(t, "did not happen in time", what())
		case <-t.Context().Done():
			require.FailNow(t, "test ended while waiting", what())
		}
	}
}

// demo is a demonstration that runs.
type demo struct {
	API           string `json:"api"`
	Portal        string `json:"portal"`
	Alipay        string `json:"alipay"`
	TemporalUI    string `json:"temporal_ui"`
	APIKey        string `json:"api_key"`
	ReviewerKey   string `json:"reviewer_key"`
	AdminPassword string `json:"admin_password"`

	data   string // directory of its databases
	http   *http.Client
	people atomic.Int64 // numbers given out
}

// startDemo starts the binary on ports of its own; it is stopped when the test ends.
func startDemo(t testing.TB, env ...string) *demo {
	t.Helper()
	return runDemo(t, t.TempDir(), env...)
}

// startDemoAt starts the binary on data that were begun on another day: business time is what those remember.
func startDemoAt(t testing.TB, at time.Time) *demo {
	t.Helper()
	home := t.TempDir()
	data := filepath.Join(home, "data")
	require.NoError(t, os.Mkdir(data, 0o700))
	for name, text := range map[string]string{
		"verigate-demo.json": `{"format": 1}`, "clock.json": fmt.Sprintf(`{"offset_ns": %d}`, time.Until(at).Nanoseconds()),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
	}
	return runDemo(t, home)
}

func runDemo(t testing.TB, home string, env ...string) *demo {
	t.Helper()
	ready := filepath.Join(home, "ready.json")
	cmd := exec.Command(binary(t), append([]string{
		"demo", "--data", filepath.Join(home, "data"), "--http", "127.0.0.1:0", "--no-browser", "--ready-file", ready,
	}, clustertest.Demo(t)...)...)
	cmd.Env = append(cleanEnv(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(home, "data", "verigate.log"))
			t.Logf("the demonstration said:\n%s", log[max(0, len(log)-6000):])
		}
	})
	var text []byte
	eventually(t, patience, func() string { return "the demonstration is ready" }, func() bool {
		select {
		case <-ended:
			require.FailNow(t, "the demonstration ended before it was ready", out.String())
		default:
		}
		var err error
		text, err = os.ReadFile(ready)
		return err == nil
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	d := &demo{data: filepath.Join(home, "data"), http: &http.Client{Transport: transport, Timeout: patience}}
	require.NoError(t, json.Unmarshal(text, d))
	require.NotEmpty(t, d.Portal)
	return d
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

// call sends a request with a key and decodes the answer, which must have the status.
func (d *demo) call(t testing.TB, method, address, key string, in any, want int, out any) {
	t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		body = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := d.http.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, want, res.StatusCode, "%s %s: %s", method, address, text)
	if out != nil {
		require.NoError(t, json.Unmarshal(text, out))
	}
}

// account is one merchant's account, as the platform and the reviewer see it.
type account struct {
	t  testing.TB
	d  *demo
	id string
}

// status is what the tests read of a verification.
type status struct {
	State    string `json:"state"`
	Attempts struct {
		Left int `json:"left"`
	} `json:"attempts"`
	QR *struct {
		URL string `json:"url"`
	} `json:"qr"`
}

// account registers an account that the founding rule covers.
func (d *demo) account(t testing.TB) *account {
	t.Helper()
	a := &account{t, d, "shop-" + strconv.FormatInt(d.people.Add(1), 10)}
	d.call(t, http.MethodPut, a.path(""), d.APIKey,
		map[string]string{"kind": "individual", "region": "CN", "registered_at": "2020-11-01T09:00:00+08:00"}, http.StatusCreated, nil)
	return a
}

func (a *account) path(rest string) string { return a.d.API + "/v1/accounts/" + a.id + rest }

func (a *account) status() (s status) {
	a.t.Helper()
	a.d.call(a.t, http.MethodGet, a.path("/verification"), a.d.APIKey, nil, http.StatusOK, &s)
	return s
}

func (a *account) command(name string, in any) (s status) {
	a.t.Helper()
	a.d.call(a.t, http.MethodPost, a.path("/verification/"+name), a.d.APIKey, in, http.StatusOK, &s)
	return s
}

// await waits until the records say that the account is in the state.
func (a *account) await(state string) {
	a.t.Helper()
	last := ""
	eventually(a.t, patience, func() string { return a.id + " becomes " + state + ", it is " + last }, func() bool {
		last = a.status().State
		return last == state
	})
}

// approved submits real-name information by the API, for tests about what comes after.
func (a *account) approved() *account {
	a.t.Helper()
	a.command("submit", map[string]any{
		"name": person, "document": map[string]string{"type": "cn_id", "number": a.d.number()}, "risk_notice_version": "2020-11",
	})
	a.await("approved")
	return a
}

// link makes a one-time link to the hosted pages.
func (a *account) link() string {
	a.t.Helper()
	var l struct {
		URL string `json:"url"`
	}
	a.d.call(a.t, http.MethodPost, a.path("/links"), a.d.APIKey,
		map[string]string{"purpose": "verify", "return_url": a.d.Portal + "/dashboard"}, http.StatusCreated, &l)
	return l.URL
}

// person is the invented name of every merchant here.
const person = "测试·商家"

// number returns the document number of nobody, another one each time, with a valid check digit.
func (d *demo) number() string {
	n := d.people.Add(1)
	born := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n/900))
	return withCheckDigit("110101" + born.Format("20060102") + strconv.FormatInt(100+n%900, 10))
}

// withCheckDigit completes a document number of seventeen digits.
func withCheckDigit(digits string) string {
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(digits[i]-'0') * weight
	}
	return digits + "10X98765432"[sum%11:sum%11+1]
}

// decide ends the face scan of the newest attempt at the simulated provider.
func (d *demo) decide(t testing.TB, certifyID, result string) {
	t.Helper()
	d.call(t, http.MethodPost, d.Alipay+"/control/attempts/"+certifyID, "", map[string]string{"result": result}, http.StatusOK, nil)
}
