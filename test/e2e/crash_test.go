package e2e

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCrash kills the process, as a power cut does, at every change that a command or news makes: before the change
// is written, after it, and before the answer. Then the process is started again, and either the same command comes
// again or another one comes first. Whatever was acknowledged must stand in the log exactly once, and the account
// must reach verified.
func TestCrash(t *testing.T) {
	t.Parallel()
	binary(t, binEnv)
	bin := binary(t, failpointEnv)
	for _, c := range cells(os.Getenv(allEnv) != "") {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			c.run(t, bin)
		})
	}
}

// cell is one row of the table at one place, continued in one way.
type cell struct {
	transition
	point      string // append.before, append.after, answer.before
	otherFirst bool   // another command comes before the one that was cut off
}

// cells are all combinations, or a fixed selection in which every transition, point and continuation occurs.
func cells(all bool) []cell {
	var list []cell
	for i, tr := range transitions() {
		points := []string{"append.before", "append.after"}
		if tr.update != "" {
			points = append(points, "answer.before")
		}
		for j, point := range points {
			for k, otherFirst := range []bool{false, true} {
				if all || (j == i%len(points) && k == i/len(points)%2) {
					list = append(list, cell{tr, point, otherFirst})
				}
			}
		}
	}
	return list
}

func (c cell) name() string {
	order := "same first"
	if c.otherFirst {
		order = "other first"
	}
	return fmt.Sprintf("%s, %s, %s", c.event, c.point, order)
}

func (c cell) place() string {
	if c.point == "answer.before" {
		return c.point + ":" + c.update
	}
	return c.point + ":" + c.event
}

func (c cell) run(t *testing.T, bin string) {
	d := newDemo(t, withBinary(bin), withEnv(c.env...))
	d.startFailing(t, c.place(), "--fresh")
	w := &course{account: d.accountOf(t, c.who(d)), hand: d.phone(t), acked: map[string]int{}, leases: map[string]bool{}}
	if c.prepare != nil {
		c.prepare(w)
	}
	c.trigger(w)
	d.awaitDeath(t)
	d.start(t)

	if c.otherFirst {
		if c.event == "issue_qr" {
			w.dropped++
		}
		c.other(w)
	}
	if c.again != nil {
		c.again(w)
	}
	w.finish()
	w.check()
}

// who is the person that the account is of.
func (c cell) who(d *demo) person {
	if c.event == "approve" || c.event == "reject" {
		return d.born(bornYearsAgo(17)) // a person decides
	}
	return d.adult()
}

// course is one account on its way through a crash, with what was acknowledged to it.
type course struct {
	*account
	hand   phone
	cut    request        // the command that the crash cut off
	acked  map[string]int // event -> commands that were answered with success
	leases map[string]bool
	desk   caller // support, where one is needed
	// dropped counts starts of face verification that may have placed an order before something overtook them; nobody
	// was ever shown that order's code.
	dropped int
	keys    int
}

// key is a new Idempotency-Key.
func (w *course) key() string {
	w.keys++
	return fmt.Sprintf("%s-%d", w.id, w.keys)
}

// merchant is a command of the merchant as a request with a key of its own.
func (w *course) merchant(step string, body any) request {
	return keyed(w.path("verification/"+step), w.key(), body)
}

// roleHeader tells, in tests only, who sends a request: the account service unless it says otherwise. The program
// does not look at it.
const roleHeader = "X-Test-Role"

func (w *course) sender(r request) caller {
	switch r.header[roleHeader] {
	case "reviewer":
		return w.reviewer
	case "support":
		return w.desk
	default:
		return w.service
	}
}

// byReviewer marks a request as one of the reviewer's.
func byReviewer(r request) request {
	r.header[roleHeader] = "reviewer"
	return r
}

// do sends a command until it is answered, and counts the event if it was taken.
func (w *course) do(event string, r request) int {
	w.t.Helper()
	got := w.sender(r).insist(r)
	w.t.Logf("%s %s: %d %s", event, r.header["Idempotency-Key"], got.status, got.body)
	if got.status == http.StatusOK {
		w.note(event, decoded[status](w.t, got.body))
	} else {
		require.Equal(w.t, http.StatusConflict, got.status, "%s", got.body)
		if event == "issue_qr" {
			w.dropped++
		}
	}
	return got.status
}

func (w *course) note(event string, s status) {
	w.acked[event]++
	if s.QR != nil && event == "issue_qr" {
		w.leases[s.QR.LeaseID] = true
	}
}

// must is do for commands that cannot be refused.
func (w *course) must(event string, r request) {
	w.t.Helper()
	require.Equal(w.t, http.StatusOK, w.do(event, r), "%s is refused", event)
}

// doom sends the command during which the process dies.
func (w *course) doom(r request) {
	w.t.Helper()
	w.cut = r
	_, err := w.sender(r).try(r)
	require.Error(w.t, err, "the command was answered, although the process had to die before")
}

// repeat sends the command that was cut off once more. It counts if it is answered with success: then it stands in
// the log, whether from the first time or from this one.
func (w *course) repeat(event string) { w.t.Helper(); w.do(event, w.cut) }
