package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// faultIn checks what must hold of any account's log: numbered without a gap, each entry where the one before ended and
// as the table has it, prompts counted 1, 2, 3, and nothing taken twice.
func faultIn(log []entry) error {
	at, prompts := lifecycle.Unverified, 0
	once := map[string]bool{}
	for i, e := range log {
		switch {
		case e.Seq != int64(i+1):
			return fmt.Errorf("entry %d has the number %d", i+1, e.Seq)
		case e.From != string(at):
			return fmt.Errorf("entry %d, %s, is from %s; the one before ended in %s", e.Seq, e.Event, e.From, at)
		case e.Ignored && e.From != e.To:
			return fmt.Errorf("entry %d, %s, was ignored and moved the state", e.Seq, e.Event)
		case e.Ignored:
			continue
		}
		to, outcome := lifecycle.Next(at, lifecycle.Event(e.Event))
		if outcome != lifecycle.Changes || string(to) != e.To {
			return fmt.Errorf("entry %d, %s from %s to %s, is not in the table", e.Seq, e.Event, e.From, e.To)
		}
		at = to
		if note := e.Detail.Prompt; note != nil {
			if prompts++; note.Number != prompts {
				return fmt.Errorf("entry %d is prompt %d and counted as %d", e.Seq, prompts, note.Number)
			}
		}
		if what := singular(e); what != "" {
			if once[what] {
				return fmt.Errorf("entry %d repeats %s", e.Seq, what)
			}
			once[what] = true
		}
	}
	return nil
}

// singular names what can happen once only, "" for entries that may be repeated.
func singular(e entry) string {
	switch {
	case e.Detail.Lease != nil:
		return "lease " + e.Detail.Lease.ID
	case e.Detail.LeaseID != "":
		return e.Event + " of lease " + e.Detail.LeaseID
	case e.Detail.AttemptID != "":
		return e.Event + " of attempt " + e.Detail.AttemptID
	default:
		return ""
	}
}

// attempts are the attempts that a log holds.
func attempts(log []entry) []string {
	var ids []string
	for _, e := range log {
		if a := e.Detail.Attempt; a != nil {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// count counts the entries of an event that changed something.
func count(log []entry, event string) int {
	n := 0
	for _, e := range log {
		if e.Event == event && !e.Ignored {
			n++
		}
	}
	return n
}

// TestBrokenLogsAreNoticed proves the detector.
func TestBrokenLogsAreNoticed(t *testing.T) {
	t.Parallel()
	prompt := func(number int) (d detail) {
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"prompt":{"number":%d}}`, number), &d))
		return d
	}
	var lease detail
	require.NoError(t, json.Unmarshal([]byte(`{"lease":{"id":"l1"}}`), &lease))
	good := func() []entry {
		return []entry{
			{Seq: 1, Event: "import_approved", From: "unverified", To: "approved"},
			{Seq: 2, Event: "issue_qr", From: "approved", To: "qr_issued", Detail: lease},
			{Seq: 3, Event: "scan", From: "qr_issued", To: "scanned", Detail: detail{LeaseID: "l1"}},
			{Seq: 4, Event: "prompt", From: "scanned", To: "scanned", Detail: prompt(1)},
		}
	}
	require.NoError(t, faultIn(good()))
	for name, spoil := range map[string]func([]entry) []entry{
		"gap": func(l []entry) []entry { l[3].Seq = 5; return l },
		"repeated": func(l []entry) []entry {
			return append(l, entry{Seq: 5, Event: "issue_qr", From: "scanned", To: "qr_issued", Detail: lease})
		},
		"torn":          func(l []entry) []entry { l[2].From = "approved"; return l },
		"another table": func(l []entry) []entry { l[2].To = "verified"; return l },
		"refused":       func(l []entry) []entry { l[0].Event = "approve"; return l },
		"ignored":       func(l []entry) []entry { l[2].Ignored = true; return l },
		"miscounted":    func(l []entry) []entry { l[3].Detail = prompt(2); return l },
	} {
		require.Error(t, faultIn(spoil(good())), name)
	}
}
