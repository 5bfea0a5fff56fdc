package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// filed is how many accounts a file has: more than the client sends in one part.
const filed = 11_000

// TestKilledImports kills the process at random moments of imports by the command line, and starts the same command
// again, as its message says, until the end of the file is reached.
func TestKilledImports(t *testing.T) {
	t.Parallel()
	binary(t, binEnv)
	for _, format := range []string{"ndjson", "csv"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			moment := newMoments(t)
			d := startDemo(t)
			between := newRelay(t, d)
			for file, killed := 0, 0; killed < kills(); file++ {
				lines := importedLines(fmt.Sprintf("file-%02d-", file), filed)
				killed += importKilled(t, between, moment, d.writeLines(t, format, lines), kills()-killed)
				requireImported(t, d, lines)
			}
		})
	}
}

// importKilled imports a file and kills the process up to most times meanwhile. It returns how often it did.
func importKilled(t *testing.T, between *relay, moment moments, path string, most int) (killed int) {
	t.Helper()
	d := between.d
	for {
		n := 0
		if killed < most {
			n = moment.upTo(filed)
		}
		between.arm(n)
		done, err := importFile(t, between, path)
		if !between.struck() {
			require.NoError(t, err)
			require.True(t, done.Complete)
			require.Equal(t, filed, done.Lines, "of the parts of all runs that were answered whole")
			require.Zero(t, done.Updated+done.Errors)
			return killed
		}
		d.awaitDeath(t)
		killed++
		t.Logf("kill %d: after line %d of a run; the client has come to line %d", killed, n, done.Line)
		d.start(t)
		require.Equal(t, err == nil, done.Complete)
		if err == nil { // it died after the last answer
			return killed
		}
	}
}

// requireImported checks that every account is there once, with the log that its line asks for.
func requireImported(t *testing.T, d *demo, lines []any) {
	t.Helper()
	ids := idsOf(lines)
	found := listed(d.reviewer(t), "", ids[0][:len("file-00-")])
	require.Len(t, found, len(lines))
	for i, s := range found {
		require.Equal(t, ids[i], s.AccountID)
		state, entries := "unverified", 0
		if lines[i].(map[string]any)["verified"] != nil {
			state, entries = "verified", 1
		}
		require.Equal(t, state, s.State, s.AccountID)
		require.EqualValues(t, entries, s.Seq, s.AccountID)
		if i%10 < 2 { // the log itself, of two thousand
			log := fullHistory(d.reviewer(t), s.AccountID)
			require.NoError(t, faultIn(log), s.AccountID)
			require.Len(t, log, entries, s.AccountID)
			require.Equal(t, entries, count(log, "import_verified"), s.AccountID)
		}
	}
}

// importedLines are lines of accounts that no rule covers, every second one with a verification by an older process.
func importedLines(prefix string, n int) []any {
	lines := coveredLines(prefix, n)
	for i := range lines {
		line := lines[i].(map[string]any)
		line["region"] = "SG"
		if i%2 == 0 {
			line["verified"] = map[string]any{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": fmt.Sprintf("box/%d", i)}
		}
	}
	return lines
}

// writeLines writes a file of the format and returns its path.
func (d *demo) writeLines(t *testing.T, format string, lines []any) string {
	t.Helper()
	var text bytes.Buffer
	if format == "csv" {
		text.WriteString("account_id,kind,region,registered_at,verified_at,verified_method,verified_evidence\n")
	}
	for _, l := range lines {
		line := l.(map[string]any)
		if format == "ndjson" {
			require.NoError(t, json.NewEncoder(&text).Encode(line))
			continue
		}
		fmt.Fprintf(&text, "%s,%s,%s,%s", line["account_id"], line["kind"], line["region"], line["registered_at"])
		if v, verified := line["verified"].(map[string]any); verified {
			fmt.Fprintf(&text, ",%s,%s,%s\n", v["at"], v["method"], v["evidence"])
		} else {
			text.WriteString(",,,\n")
		}
	}
	path := d.path(strings.TrimRight(lines[0].(map[string]any)["account_id"].(string), "-0") + "." + format)
	require.NoError(t, os.WriteFile(path, text.Bytes(), 0o600))
	return path
}

// imports is what the command says at its end.
type imports struct {
	summary
	Complete     bool   `json:"complete"`
	Line         int    `json:"line"`
	ResumedAfter int    `json:"resumed_after"`
	Rejects      string `json:"rejects"`
}

// importFile runs the command once.
func importFile(t *testing.T, between *relay, path string) (imports, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(bounded(t, patience), between.d.bin, "accounts", "import", path, "--json")
	cmd.Env = append(cleanEnv(), "VERIGATE_URL="+between.url(), "VERIGATE_API_KEY="+between.d.ready.APIKey)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		require.Contains(t, stderr.String(), "Start the same command again")
	}
	return decoded[imports](t, stdout.Bytes()), err
}

// relay stands between the client and the API, always at the same address, and counts the lines of answers.
type relay struct {
	d        *demo
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex
	left   int         // lines until the process is killed; at 0 it is not
	victim *os.Process // that runs now
	killed bool
}

func newRelay(t *testing.T, d *demo) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	api, err := url.Parse(d.ready.API)
	require.NoError(t, err)
	r := &relay{d: d, listener: listener}
	r.done.Add(1)
	go func() {
		defer r.done.Done()
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			r.done.Add(1)
			go func() {
				defer r.done.Done()
				r.pass(client, api.Host)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		r.done.Wait()
	})
	return r
}

func (r *relay) url() string { return "http://" + r.listener.Addr().String() }

// arm lets the process be killed before line n of the answers of the next run is passed on, or not at all for 0.
func (r *relay) arm(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.victim, r.killed = n, r.d.process, false
}

// struck says whether the process was killed since it was armed.
func (r *relay) struck() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killed
}

// pass passes a connection on in both directions until one side ends it.
func (r *relay) pass(client net.Conn, api string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", api)
	if err != nil {
		return // the client sees a lost connection
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(server, client)
	}()
	_, _ = io.Copy(client, io.TeeReader(server, &lineCount{seen: r.line}))
	_, _ = client.Close(), server.Close()
	<-sent
}

// line is called for every line of an answer.
func (r *relay) line() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left--; r.left == 0 {
		_ = r.victim.Kill() // the process is awaited by who started it
		r.killed = true
	}
}

// lineCount calls seen for each line that HTTP's own framing, whose lines end in CR and LF, does not account for.
type lineCount struct {
	before byte
	seen   func()
}

func (c *lineCount) Write(text []byte) (int, error) {
	for _, b := range text {
		if b == '\n' && c.before != '\r' {
			c.seen()
		}
		c.before = b
	}
	return len(text), nil
}
