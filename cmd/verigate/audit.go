package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/store"
)

type auditCmd struct {
	List        auditListCmd        `cmd:"" help:"List what people did, newest first."`
	Export      auditExportCmd      `cmd:"" help:"Export what people did, oldest first."`
	Verify      auditVerifyCmd      `cmd:"" help:"Verify the hash chains of the audit log and of all accounts' logs."`
	Checkpoint  auditCheckpointCmd  `cmd:"" help:"Sign where all logs end now."`
	Checkpoints auditCheckpointsCmd `cmd:"" help:"Print checkpoints, to be kept elsewhere."`
}

// Help is the manual page.
func (auditCmd) Help() string {
	return `The audit log has every privileged act, done or refused; see docs/audit.md. The key needs the scope audit:read.

Examples:
  verigate audit list --subject account/a1
  verigate audit export --from 2020-12-01T00:00:00+08:00 --format csv -o audit.csv
  verigate audit checkpoints > kept.ndjson
  verigate audit verify --kept kept.ndjson`
}

// auditFilters select entries.
type auditFilters struct {
	Actor   string `placeholder:"ID" help:"Only acts of this key or person."`
	Action  string `placeholder:"NAME" help:"Only this operation, such as approve-policy, or sign_in, sign_out, sign_in_failed."`
	Subject string `placeholder:"WHAT" help:"Only what was done to this, such as account/a1 or policy/NAME/2."`
	Outcome string `placeholder:"CODE" help:"ok, the code of a problem, or refused for every outcome but ok."`
	From    string `placeholder:"INSTANT" help:"Only from this instant on, with its offset."`
	To      string `placeholder:"INSTANT" help:"Only before this instant."`
}

// path adds the filters, and pairs of names and values, to an address.
func (f auditFilters) path(base string, pairs ...string) string {
	pairs = append(pairs, "actor", f.Actor, "action", f.Action, "subject", f.Subject, "outcome", f.Outcome, "from", f.From, "to", f.To)
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return strings.TrimSuffix(base+"?"+q.Encode(), "?")
}

type auditEntry struct {
	ID      int64           `json:"id"`
	At      string          `json:"at"`
	Actor   string          `json:"actor"`
	Role    string          `json:"role"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"`
	Reason  string          `json:"reason"`
	Outcome string          `json:"outcome"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

func (e auditEntry) print(w *world) {
	w.say("%6d  %s  %-20s %-24s %-12s %s", e.ID, e.At, or(e.Actor, "-"), e.Action, e.Outcome, e.Subject)
	if e.Reason != "" {
		w.say(" (%s)", e.Reason)
	}
	w.say("\n")
	if len(e.Before) > 0 {
		w.say("        before %s\n", e.Before)
	}
	if len(e.After) > 0 {
		w.say("        after  %s\n", e.After)
	}
}

type auditListCmd struct {
	connection
	auditFilters
	Order string `enum:"newest,oldest" default:"newest" help:"newest or oldest first."`
	Limit int    `default:"50" help:"How many at most, 1 to 500."`
	JSON  bool   `name:"json" help:"Print the API's answer."`
}

// Run lists.
func (c auditListCmd) Run(w *world) error {
	path := c.path("/v1/audit", "order", c.Order, "limit", strconv.Itoa(c.Limit))
	return present(c.connection, w, c.JSON, http.MethodGet, path, nil, func(page struct {
		Entries []auditEntry `json:"entries"`
		Cursor  *string      `json:"cursor"`
	}) {
		for _, e := range page.Entries {
			e.print(w)
		}
		if page.Cursor != nil {
			w.say("there are more; verigate audit export prints them all\n")
		}
	})
}

type auditExportCmd struct {
	connection
	auditFilters
	Format string `enum:"ndjson,csv" default:"ndjson" help:"ndjson or csv."`
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Write to a file, which is there only if the export is whole (default: standard output)."`
}

// Run exports.
func (c auditExportCmd) Run(w *world) error {
	return c.save(w, c.path("/v1/audit:export", "format", c.Format), http.Header{}, c.Output, "export")
}

type auditVerifyCmd struct {
	connection
	Kept string `type:"existingfile" placeholder:"FILE" help:"Checkpoints that were exported before, one a line; the newest 1000 are sent."`
	Keys string `type:"existingfile" placeholder:"FILE" help:"Public keys (verigate secrets public, or GET /v1/receipt-keys): check the kept checkpoints here, without any server."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

// Help is the manual page.
func (auditVerifyCmd) Help() string {
	return `Follows every chain and holds them against the checkpoints: entries that were edited, dropped, put in, reordered, cut off or written anew are found. With --kept it also finds that checkpoints are gone from the database.

With --kept and --keys no server is asked: it says whether the kept checkpoints are signed and fit each other. That they fit the logs only the server can say.

It reads everything, so it takes about a minute for a million accounts. Exits with 1 if something does not fit.`
}

// Run verifies.
func (c auditVerifyCmd) Run(w *world) error {
	kept, err := c.checkpoints()
	if err != nil {
		return err
	}
	if c.Keys != "" {
		return c.offline(w, kept)
	}
	const most = 1000
	kept = kept[:min(len(kept), most)] // the newest stand first
	var found auditVerification
	text, err := c.ask(w, http.MethodPost, "/v1/audit:verify", map[string]any{"checkpoints": kept}, &found)
	if err != nil {
		return err
	}
	if c.JSON {
		w.say("%s\n", text)
	} else {
		found.print(w)
	}
	if !found.Intact {
		return errQuiet
	}
	return nil
}

// offline holds the kept checkpoints against public keys and each other.
func (c auditVerifyCmd) offline(w *world, lines []json.RawMessage) error {
	if len(lines) == 0 {
		return usageError{errors.New("--keys checks what was kept: name a file with checkpoints by --kept")}
	}
	keys, err := publicKeys(c.Keys)
	if err != nil {
		return err
	}
	kept := make([]store.Checkpoint, len(lines))
	for i, line := range lines {
		if kept[i], err = audit.ReadCheckpoint(line); err != nil {
			return usageError{fmt.Errorf("--kept: checkpoint %d of the file: %w", i+1, err)}
		}
	}
	found := audit.Kept(keys, kept)
	if c.JSON {
		err = w.json(map[string]any{"intact": found.Intact(), "checkpoints": found.Checkpoints, "newest": found.Newest.Number, "fault_count": found.Count})
	} else {
		w.say("%d checkpoints, the newest one %d; the logs were not asked\n", found.Checkpoints, found.Newest.Number)
		for _, f := range found.Faults {
			w.say("FAULT %s: %s\n", f.Log, f.Kind)
		}
	}
	if err == nil && !found.Intact() {
		return errQuiet
	}
	return err
}

// checkpoints reads those that were kept.
func (c auditVerifyCmd) checkpoints() ([]json.RawMessage, error) {
	kept := []json.RawMessage{}
	if c.Kept == "" {
		return kept, nil
	}
	text, err := os.ReadFile(c.Kept)
	if err != nil {
		return nil, usageError{err}
	}
	for number, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !json.Valid([]byte(line)) {
			return nil, usageError{fmt.Errorf("--kept: line %d is no checkpoint as verigate audit checkpoints prints them", number+1)}
		}
		kept = append(kept, json.RawMessage(line))
	}
	return kept, nil
}

type auditVerification struct {
	Intact      bool  `json:"intact"`
	Entries     int64 `json:"entries"`
	Accounts    int64 `json:"accounts"`
	LogEntries  int64 `json:"log_entries"`
	Checkpoints int   `json:"checkpoints"`
	Newest      *struct {
		Number int64  `json:"number"`
		At     string `json:"at"`
	} `json:"newest"`
	FaultCount int `json:"fault_count"`
	Faults     []struct {
		Log   string `json:"log"`
		Entry *int64 `json:"entry"`
		Kind  string `json:"kind"`
	} `json:"faults"`
}

func (v auditVerification) print(w *world) {
	w.say("%d entries of the audit log, %d accounts' logs with %d entries, %d checkpoints\n", v.Entries, v.Accounts, v.LogEntries, v.Checkpoints)
	if v.Newest != nil {
		w.say("signed up to %s (checkpoint %d)\n", v.Newest.At, v.Newest.Number)
	} else {
		w.say("no checkpoint vouches for them; take one with verigate audit checkpoint\n")
	}
	if v.Intact {
		w.say("intact\n")
		return
	}
	for _, f := range v.Faults {
		w.say("FAULT %s", f.Log)
		if f.Entry != nil {
			w.say(" entry %d", *f.Entry)
		}
		w.say(": %s\n", f.Kind)
	}
	w.say("%d faults\n", v.FaultCount)
}

type auditCheckpointCmd struct {
	connection
}

// Run takes a checkpoint and prints it.
func (c auditCheckpointCmd) Run(w *world) error {
	text, err := c.ask(w, http.MethodPost, "/v1/audit/checkpoints", map[string]any{}, &struct{}{})
	if err == nil {
		w.say("%s\n", text)
	}
	return err
}

type auditCheckpointsCmd struct {
	connection
}

// Help is the manual page.
func (auditCheckpointsCmd) Help() string {
	return `Prints every checkpoint as JSON, one a line, newest first. Keep them where nobody who can write to the database can: verigate audit verify --kept proves with them later that nothing was cut off or written anew.`
}

// Run prints every checkpoint.
func (c auditCheckpointsCmd) Run(w *world) error {
	cursor := ""
	for {
		var page struct {
			Checkpoints []json.RawMessage `json:"checkpoints"`
			Cursor      *string           `json:"cursor"`
		}
		if _, err := c.ask(w, http.MethodGet, "/v1/audit/checkpoints?limit=500&cursor="+url.QueryEscape(cursor), nil, &page); err != nil {
			return err
		}
		for _, p := range page.Checkpoints {
			w.say("%s\n", p)
		}
		if page.Cursor == nil {
			return nil
		}
		cursor = *page.Cursor
	}
}
