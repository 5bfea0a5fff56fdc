package alipaysim

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *bench) control(t testing.TB, method, path, body string) (int, map[string]any) {
	t.Helper()
	// The content type curl -d sends: the door must not insist on another.
	status, header, raw := b.do(t, method, "/control/"+path, "application/x-www-form-urlencoded", body)
	require.Equal(t, "application/json", header.Get("Content-Type"), raw)
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(raw), &fields))
	require.NotContains(t, raw, canaryName)
	require.NotContains(t, raw, canaryNo)
	return status, fields
}

func TestControlAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, list := b.control(t, http.MethodGet, "attempts", "")
	require.Equal(t, []any{}, list["attempts"])
	id := b.start(t, "A1", back)
	b.advance(time.Minute)

	for _, c := range []struct {
		path, body string
		status     int
		state      string
	}{
		{"attempts/" + id, `{"result":"close"}`, 200, stateClosed},
		{"attempts/" + id, `{"result":"cancel"}`, 200, stateCancelled},
		{"attempts/" + id, `{"result":"fail"}`, 200, stateFailed},
		{"attempts/" + id, `{"result":"pass"}`, 200, statePassed},
		{"attempts/" + id, `{"result":"pass"}`, 200, statePassed},
		{"attempts/" + id, `{"result":"fail"}`, 409, ""},
		{"attempts/" + id, `{"result":"maybe"}`, 400, ""},
		{"attempts/" + id, `{"results":"pass"}`, 400, ""},
		{"attempts/" + id, `pass`, 400, ""},
		{"attempts/nobody", `{"result":"pass"}`, 404, ""},
	} {
		status, fields := b.control(t, http.MethodPost, c.path, c.body)
		require.Equal(t, c.status, status, c.body)
		if c.state != "" {
			require.Equal(t, c.state, fields["state"])
		} else {
			require.NotEmpty(t, fields["error"])
		}
	}
	_, list = b.control(t, http.MethodGet, "attempts", "")
	require.Equal(t, []any{map[string]any{
		"certify_id": id, "outer_order_no": "A1", "state": "passed",
		"created_at": "2020-12-03T16:00:00Z", "opened_at": "2020-12-03T16:01:00Z",
		"finished_at": "2020-12-03T16:01:00Z", "expires_at": "2020-12-04T15:00:00Z",
	}}, list["attempts"])
	require.NotContains(t, b.logs.String(), canaryName)
	require.NotContains(t, b.logs.String(), canaryNo)
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, body := range []string{
		`{"kind":"nothing"}`, `{"kind":"passed_array","op":"initialize"}`, `{"kind":"delay","op":"pay"}`,
		`{"kind":"delay","times":-1}`, `{"kind":"delay","times":1000001}`, `{"kind":"delay","delay_ms":-1}`, `{"kinds":"delay"}`, ``,
	} {
		status, _ := b.control(t, http.MethodPost, "faults", body)
		require.Equal(t, http.StatusBadRequest, status, body)
	}
	_, fields := b.control(t, http.MethodGet, "faults", "")
	require.Equal(t, []any{}, fields["faults"])
	require.Len(t, fields["kinds"], len(Kinds()))

	status, fields := b.control(t, http.MethodPost, "faults", `{"kind":"busy_20000","op":"query"}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []any{map[string]any{"kind": "busy_20000", "op": "query", "times": 1.0}}, fields["faults"])
	b.start(t, "A1", "") // not struck: another operation
	require.Len(t, b.sim.Armed(), 1)
}

func TestFaultsAreUsedUpInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", "")
	require.NoError(t, b.sim.Arm(Fault{Kind: FaultBusy20000, Op: OpQuery, Times: 2}))
	require.NoError(t, b.sim.Arm(Fault{Kind: FaultLimited40005}))
	require.NoError(t, b.sim.Arm(Fault{Kind: FaultHTTP500, Op: OpCertify}))
	codes := []any{}
	for range 4 {
		codes = append(codes, b.ask(t, id)["code"])
	}
	require.Equal(t, []any{"20000", "20000", "40005", "10000"}, codes)
	require.Equal(t, []Fault{{Kind: FaultHTTP500, Op: OpCertify, Times: 1}}, b.sim.Armed())
	status, _, _ := b.get(t, b.pagePath(t, id, ""))
	require.Equal(t, http.StatusInternalServerError, status)
	status, _, _ = b.get(t, b.pagePath(t, id, ""))
	require.Equal(t, http.StatusOK, status)

	require.NoError(t, b.sim.Arm(Fault{Kind: FaultBusy20000, Times: 9}))
	status, _ = b.control(t, http.MethodDelete, "faults", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "10000", b.ask(t, id)["code"])
}

func TestFlipLateWaitsForThePass(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start(t, "A1", "")
	require.NoError(t, b.sim.Arm(Fault{Kind: FaultFlipLate, Times: 2}))
	answers := []any{b.ask(t, id)["passed"]}
	require.NoError(t, b.sim.Decide(id, "pass"))
	for range 3 {
		answers = append(answers, b.ask(t, id)["passed"])
	}
	require.Equal(t, []any{"F", "F", "F", "T"}, answers)
}

// A held request must not hold up the end of the process.
func TestCloseReleasesHeldRequests(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{FaultNeverAnswers, FaultDelay} {
		b := newBench(t)
		id := b.start(t, "A1", "")
		require.NoError(t, b.sim.Arm(Fault{Kind: kind, Op: OpQuery}))
		form := b.params(t, methodQuery, `{"certify_id":"`+id+`"}`)
		done := make(chan error, 1)
		go func() {
			resp, err := b.http.Post(b.url+"/gateway.do", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())) //nolint:noctx // ended by Close
			if err == nil {
				err = resp.Body.Close()
			}
			done <- err
		}()
		for len(b.sim.Armed()) > 0 { // until the request has been struck
			runtime.Gosched()
		}
		b.sim.Close()
		err := <-done
		require.Equal(t, kind == FaultNeverAnswers, err != nil, kind)
	}
}

func TestStateFileSurvivesARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "alipay.json")
	keep := func(c *Config) { c.StateFile = path }
	first := newBench(t, keep)
	waiting, passed := first.start(t, "A1", back), first.start(t, "A2", "")
	require.NoError(t, first.sim.Decide(passed, "pass"))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(raw), canaryName)
	require.NotContains(t, string(raw), canaryNo)

	second := newBench(t, keep)
	require.Equal(t, "F", second.ask(t, waiting)["passed"])
	require.Equal(t, "T", second.ask(t, passed)["passed"])
	require.Equal(t, first.sim.all(), second.sim.all())
	_, fields, _ := second.node(t, second.params(t, methodInitialize, initializeContentOf("A1", "")))
	require.Equal(t, "SIM_ORDER_NO_REPEATED", fields["sub_code"], "order numbers stay spent")

	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

func TestStateFileHoldsEveryConcurrentChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "alipay.json")
	b := newBench(t, func(c *Config) { c.StateFile = path })
	const n = 40
	var all sync.WaitGroup
	missing := make([]bool, n)
	for i := range n {
		all.Go(func() {
			a, err := b.sim.create("N"+strings.Repeat("1", i%20)+strings.Repeat("2", i/20), "")
			kept, readErr := (&stateFile{path: path}).read()
			missing[i] = err != nil || readErr != nil || !holds(kept, a.CertifyID)
		})
	}
	all.Wait()
	require.NotContains(t, missing, true, "an answered change is in the file")
	kept, err := (&stateFile{path: path}).read()
	require.NoError(t, err)
	require.Len(t, kept, n)
}

func holds(kept []attempt, id string) bool {
	for _, a := range kept {
		if a.CertifyID == id {
			return true
		}
	}
	return false
}

func TestStateFileFaults(t *testing.T) {
	t.Parallel()
	keys, err := testKeys()
	require.NoError(t, err)
	cfg := Config{AppID: testAppID, AppPublicKey: &keys.App.PublicKey, GatewayKey: keys.Gateway, Now: time.Now}
	for name, content := range map[string]string{"damaged": "{", "from the future": `{"version":2}`} {
		cfg.StateFile = filepath.Join(t.TempDir(), "alipay.json")
		require.NoError(t, os.WriteFile(cfg.StateFile, []byte(content), 0o600))
		_, err = New(cfg)
		require.Error(t, err, name)
	}
	// A change that cannot be kept is answered as the gateway's own trouble.
	b := newBench(t, func(c *Config) { c.StateFile = filepath.Join(t.TempDir(), "gone", "alipay.json") })
	_, fields, _ := b.node(t, b.params(t, methodInitialize, initializeContentOf("A1", "")))
	require.Equal(t, "SYSTEM_ERROR", fields["sub_code"])

	_, err = New(Config{})
	for _, field := range []string{"AppID", "AppPublicKey", "GatewayKey", "Now"} {
		require.ErrorContains(t, err, field)
	}
}

func TestKeysRoundTrip(t *testing.T) {
	t.Parallel()
	keys, err := testKeys()
	require.NoError(t, err)
	private, err := EncodePrivateKey(keys.App)
	require.NoError(t, err)
	public, err := EncodePublicKey(&keys.App.PublicKey)
	require.NoError(t, err)
	gotPrivate, err := DecodePrivateKey(private)
	require.NoError(t, err)
	gotPublic, err := DecodePublicKey(public)
	require.NoError(t, err)
	require.True(t, keys.App.Equal(gotPrivate))
	require.True(t, gotPublic.Equal(&keys.App.PublicKey))
	require.False(t, keys.App.Equal(keys.Gateway))
	for _, bad := range []string{"", "x", public} {
		_, err = DecodePrivateKey(bad)
		require.Error(t, err)
	}
	_, err = DecodePublicKey(private)
	require.Error(t, err)
}
