package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// told is how many accounts a round has news of, three messages each.
	told = 60
	// outage is for how long the machine was off, by its clock: longer than a delivery waits for a process that is gone.
	outage = 2 * time.Minute
)

// TestKilledDeliveries kills the process at random moments of delivering to a webhook, before and after the receiver has
// answered. In the end the receiver has heard of every entry of every log, in the log's order, and of nothing else.
func TestKilledDeliveries(t *testing.T) {
	t.Parallel()
	moment := newMoments(t)
	d := startDemo(t)
	ear := newReceiver(t)
	d.addWebhook(t, ear.server.URL)
	var accounts []string
	for round := range kills() {
		lines := coveredLines(fmt.Sprintf("told-%02d-", round), told)
		heard := 3 * len(accounts) // what is still under way would strike too early
		eventually(t, patience, "every message of the rounds before arrives", func() bool { return ear.distinct() >= heard })
		accounts = append(accounts, idsOf(lines)...)
		n, answered := moment.upTo(3*told), moment.IntN(2) == 0
		struck := ear.strike(d.process, n, answered)
		d.makeNews(t, lines, false)
		<-struck
		d.awaitDeath(t)
		t.Logf("kill %d: at delivery %d of %d, answered: %v", round+1, n, 3*told, answered)
		d.passTime(t, outage)
		d.start(t)
		d.makeNews(t, lines, true)
	}
	d.awaitSweep(t, startSweep(d.reviewer(t))) // lifts what a kill came before
	logs := map[string][]entry{}
	for _, id := range accounts {
		log := fullHistory(d.reviewer(t), id)
		require.NoError(t, faultIn(log), id)
		require.Equal(t, []string{"restrict", "import_verified", "lift"}, eventsOf(log), id)
		logs[id] = log
	}
	eventually(t, patience, "every message arrives", func() bool { return ear.distinct() >= 3*len(accounts) })
	require.NoError(t, deliveryFault(ear.all(), logs))
}

// makeNews registers accounts, lets a sweep restrict them, and imports their verification. Whole, or as far as it comes
// until the process dies.
func (d *demo) makeNews(t *testing.T, lines []any, whole bool) {
	t.Helper()
	verified := make([]any, len(lines))
	for i, l := range lines {
		line := coveredFacts()
		line["account_id"] = l.(map[string]any)["account_id"]
		line["verified"] = map[string]any{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": "box/17"}
		verified[i] = line
	}
	if whole {
		d.service(t).importLines(t, lines...)
		d.awaitSweep(t, startSweep(d.reviewer(t)))
		d.service(t).importLines(t, verified...)
		return
	}
	c := d.reviewer(t)
	body := map[string]any{"policy": "wishpost-face-verification", "reason": "by_hand"}
	d.service(t).importLines(t, lines...) // of this no message is sent, so nobody dies of it
	got, err := c.try(keyed("/v1/sweeps", d.newID(t), body))
	if err != nil {
		return
	}
	id := decoded[sweepStarted](t, got.body).ID
	for state := ""; state != "done"; {
		if got, err = c.try(request{method: http.MethodGet, path: "/v1/sweeps/" + id}); err != nil {
			return
		}
		if got.status == http.StatusOK {
			state = decoded[sweepProgress](t, got.body).State
		}
	}
	var text []byte
	for _, l := range verified {
		line, err := json.Marshal(l)
		require.NoError(t, err)
		text = append(append(text, line...), '\n')
	}
	_, _ = d.service(t).try(request{
		method: http.MethodPost, path: "/v1/accounts:import", body: string(text), header: map[string]string{"Content-Type": "application/x-ndjson"},
	})
}

// awaitSweep waits until a sweep is over.
func (d *demo) awaitSweep(t *testing.T, id string) {
	t.Helper()
	c := d.reviewer(t)
	eventually(t, patience, "the sweep is over", func() bool {
		got := c.send(request{method: http.MethodGet, path: "/v1/sweeps/" + id})
		return got.status == http.StatusOK && decoded[sweepProgress](t, got.body).State == "done"
	})
}

// addWebhook adds a webhook that wants everything.
func (d *demo) addWebhook(t *testing.T, address string) {
	t.Helper()
	made := ask[struct {
		Webhook json.RawMessage `json:"webhook"`
		Secret  *string         `json:"secret"`
	}](d.service(t), http.StatusCreated, keyed("/v1/webhooks", d.newID(t), map[string]any{"url": address}))
	require.NotNil(t, made.Secret)
}

// passTime sets the stopped machine's clock ahead, as a demonstration on a shifted clock remembers it.
func (d *demo) passTime(t *testing.T, by time.Duration) {
	t.Helper()
	text, err := os.ReadFile(d.path("data/clock.json"))
	require.NoError(t, err)
	clock := decoded[struct {
		Offset time.Duration `json:"offset_ns"`
	}](t, text)
	clock.Offset += by
	text, err = json.Marshal(clock)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(d.path("data/clock.json"), text, 0o600))
}

// arrival is one message as it was received.
type arrival struct {
	id, body string
	account  string
	seq      int64
}

// receiver takes messages, and can kill the process that sends them.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	arrivals []arrival
	ids      map[string]bool
	left     int // deliveries until it kills
	kill     func()
	answered bool // it kills after its answer, not before
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, ids: map[string]bool{}}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

// strike kills the process at the nth delivery from now on; the channel is closed then.
func (r *receiver) strike(victim *os.Process, n int, answered bool) <-chan struct{} {
	struck := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.answered = n, answered
	r.kill = func() {
		_ = victim.Kill() // the process is awaited by who started it
		close(struck)
	}
	return struck
}

// ServeHTTP takes a message.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender died while it sent
	}
	if found := append(leaks(body, canaries()), leaks(headerText(req.Header), canaries())...); len(found) > 0 {
		r.t.Errorf("personal data in a message: %v", found)
	}
	var told struct {
		Data struct {
			AccountID string `json:"account_id"`
			Seq       int64  `json:"seq"`
		} `json:"data"`
	}
	_ = json.Unmarshal(body, &told) // what is no message shows when arrivals are held against the logs
	if strings.HasPrefix(told.Data.AccountID, "sample-") {
		return // the demonstration's own accounts have a past that the webhook did not see
	}
	id := req.Header.Get("webhook-id")
	r.mu.Lock()
	r.arrivals = append(r.arrivals, arrival{id, string(body), told.Data.AccountID, told.Data.Seq})
	r.ids[id] = true
	r.left--
	kill, answered := r.kill, r.answered
	if r.left != 0 {
		kill = func() {}
	}
	r.mu.Unlock()
	if !answered {
		kill()
	}
	w.WriteHeader(http.StatusNoContent)
	if answered {
		_ = http.NewResponseController(w).Flush()
		kill()
	}
}

// distinct is how many messages arrived, repetitions not counted.
func (r *receiver) distinct() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.arrivals...)
}

// deliveryFault says what is wrong with the messages that arrived, given the logs: each entry's message came at least
// once and always with one body, first arrivals of an account follow its log, and nothing came that is in no log.
func deliveryFault(arrivals []arrival, logs map[string][]entry) error {
	bodies, next := map[string]string{}, map[string]int64{}
	for _, a := range arrivals {
		if body, known := bodies[a.id]; known {
			if body != a.body {
				return fmt.Errorf("message %s came with two bodies", a.id)
			}
			continue
		}
		bodies[a.id] = a.body
		next[a.account]++
		switch {
		case a.seq != next[a.account]:
			return fmt.Errorf("of %s message %d came where %d was next", a.account, a.seq, next[a.account])
		case a.seq > int64(len(logs[a.account])):
			return fmt.Errorf("message %s is of no entry", a.id)
		case a.id != messageID(a.account, a.seq):
			return fmt.Errorf("message %s is not named after entry %d of %s", a.id, a.seq, a.account)
		}
	}
	for account, log := range logs {
		if int(next[account]) != len(log) {
			return fmt.Errorf("of %s %d messages came for %d entries", account, next[account], len(log))
		}
	}
	return nil
}

// messageID is the id that the documentation of webhooks promises for an entry.
func messageID(account string, seq int64) string {
	return fmt.Sprintf("msg_%s_%d", base64.RawURLEncoding.EncodeToString([]byte(account)), seq)
}

func eventsOf(log []entry) []string {
	var names []string
	for _, e := range log {
		names = append(names, e.Event)
	}
	return names
}

// TestBrokenDeliveriesAreNoticed proves the detector.
func TestBrokenDeliveriesAreNoticed(t *testing.T) {
	t.Parallel()
	logs := map[string][]entry{"a": {{Seq: 1}, {Seq: 2}}, "b": {{Seq: 1}}}
	of := func(account string, seq int64) arrival {
		return arrival{id: messageID(account, seq), body: "x", account: account, seq: seq}
	}
	other, foreign := of("a", 1), of("b", 1)
	other.body, foreign.id = "y", "msg_1"
	require.NoError(t, deliveryFault([]arrival{of("a", 1), of("b", 1), of("a", 1), of("a", 2), of("a", 1)}, logs))
	for name, arrivals := range map[string][]arrival{
		"missing":        {of("a", 1), of("b", 1)},
		"account silent": {of("a", 1), of("a", 2)},
		"overtaken":      {of("a", 2), of("a", 1), of("b", 1)},
		"two bodies":     {of("a", 1), other, of("a", 2), of("b", 1)},
		"of no entry":    {of("a", 1), of("a", 2), of("b", 1), of("b", 2)},
		"unknown":        {of("a", 1), of("a", 2), of("b", 1), of("c", 1)},
		"other id":       {of("a", 1), of("a", 2), foreign},
	} {
		require.Error(t, deliveryFault(arrivals, logs), name)
	}
}
