package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type extensionsCmd struct {
	Request extensionRequestCmd `cmd:"" help:"Ask for a later enforcement instant for one account."`
	Import  extensionImportCmd  `cmd:"" help:"Ask for many, from a CSV or NDJSON file."`
	Approve extensionApproveCmd `cmd:"" help:"Approve what somebody else asked for: it counts from then on."`
	Reject  extensionRejectCmd  `cmd:"" help:"Refuse what somebody else asked for."`
	Revoke  extensionRevokeCmd  `cmd:"" help:"End what was approved: it no longer counts from then on."`
	List    extensionListCmd    `cmd:"" help:"List extensions with their state."`
}

// Help is the manual page.
func (extensionsCmd) Help() string {
	return `An extension takes a block away from one account until an instant, never a prompt. One key asks for it, another one approves it; until then nothing counts. Every step stays on record with who, when and why.`
}

// extension is one as the API writes it.
type extension struct {
	ID        string  `json:"id"`
	AccountID string  `json:"account_id"`
	Rule      *string `json:"rule"`
	Until     string  `json:"until"`
	State     string  `json:"state"`
	BatchID   *string `json:"batch_id"`
}

func (e extension) String() string {
	rule := "every rule"
	if e.Rule != nil {
		rule = *e.Rule
	}
	return fmt.Sprintf("%s  %-9s  %s  until %s  %s", e.ID, e.State, e.AccountID, e.Until, rule)
}

type extensionRequestCmd struct {
	connection
	Account string `arg:"" help:"Account id."`
	Until   string `required:"" placeholder:"INSTANT" help:"Its end, with offset: 2020-12-11T00:00:00+08:00. At most 366 days from now."`
	Reason  string `required:"" help:"A code, such as waiting_for_card; or free text, which is kept in the vault."`
	Rule    string `help:"The rule to extend (default: every rule)."`
	Note    string `help:"For the approver; kept in the vault."`
	JSON    bool   `name:"json" help:"Print the API's answer."`
}

// Run asks for one.
func (c extensionRequestCmd) Run(w *world) error {
	if _, err := time.Parse(time.RFC3339Nano, c.Until); err != nil {
		return usageError{errors.New("--until must be an instant with its offset, such as 2020-12-11T00:00:00+08:00")}
	}
	body := map[string]string{"until": c.Until, "reason": c.Reason}
	if c.Rule != "" {
		body["rule"] = c.Rule
	}
	if c.Note != "" {
		body["note"] = c.Note
	}
	var e extension
	text, err := c.ask(w, http.MethodPost, "/v1/accounts/"+url.PathEscape(c.Account)+"/extensions", body, &e)
	if err != nil {
		return err
	}
	w.show(c.JSON, text, e.String())
	return nil
}

// show prints the API's answer or what a person reads.
func (w *world) show(asJSON bool, text []byte, line string) {
	if asJSON {
		w.say("%s\n", text)
		return
	}
	w.say("%s\n", line)
}

// which are the extensions that a verdict is about.
type which struct {
	connection
	ID    []string `arg:"" optional:"" help:"Ids of extensions."`
	Batch string   `placeholder:"BATCH" help:"Every extension of this batch instead."`
	Count int      `default:"-1" placeholder:"N" help:"With --batch: how many you expect to decide; another number is refused."`
	Note  string   `help:"With ids: kept in the vault."`
	JSON  bool     `name:"json" help:"Print the API's answers, one object a line."`
}

type extensionApproveCmd struct {
	which
	Reason string `default:"approved" help:"A code; with ids also free text, which is kept in the vault."`
}

// Run approves.
func (c extensionApproveCmd) Run(w *world) error { return c.decide(w, "approve", c.Reason) }

type extensionRejectCmd struct {
	which
	Reason string `required:"" help:"A code; with ids also free text, which is kept in the vault."`
}

// Run rejects.
func (c extensionRejectCmd) Run(w *world) error { return c.decide(w, "reject", c.Reason) }

type extensionRevokeCmd struct {
	which
	Reason string `required:"" help:"A code; with ids also free text, which is kept in the vault."`
}

// Run revokes.
func (c extensionRevokeCmd) Run(w *world) error { return c.decide(w, "revoke", c.Reason) }

func (c which) decide(w *world, verb, reason string) error {
	switch {
	case (len(c.ID) == 0) == (c.Batch == ""):
		return usageError{errors.New("give ids of extensions, or --batch")}
	case c.Batch == "" && c.Count >= 0:
		return usageError{errors.New("--count goes with --batch")}
	case c.Batch != "":
		return c.decideBatch(w, verb, reason)
	}
	body := map[string]string{"reason": reason}
	if c.Note != "" {
		body["note"] = c.Note
	}
	failed := 0
	for _, id := range c.ID {
		var e extension
		text, err := c.ask(w, http.MethodPost, "/v1/extensions/"+url.PathEscape(id)+"/"+verb, body, &e)
		var refused apiProblem
		switch {
		case errors.As(err, &refused) && len(c.ID) > 1: // the others are decided all the same
			failed++
			w.warn("%s: %s\n", id, describe(refused))
		case err != nil:
			return err
		default:
			w.show(c.JSON, text, e.String())
		}
	}
	if failed > 0 {
		return errQuiet
	}
	return nil
}

func (c which) decideBatch(w *world, verb, reason string) error {
	body := map[string]any{"batch_id": c.Batch, "reason": reason}
	if c.Count >= 0 {
		body["count"] = c.Count
	}
	var done struct {
		Decided int `json:"decided"`
		Left    int `json:"left"`
	}
	text, err := c.ask(w, http.MethodPost, "/v1/extensions:"+verb, body, &done)
	if err != nil {
		return err
	}
	w.show(c.JSON, text, fmt.Sprintf("%d decided, %d in another state", done.Decided, done.Left))
	return nil
}

type extensionListCmd struct {
	connection
	Account string `help:"Only this account's."`
	State   string `enum:",requested,approved,rejected,revoked,lapsed" default:"" help:"Only in this state: requested, approved, rejected, revoked or lapsed."`
	Rule    string `help:"Only of this rule."`
	Batch   string `help:"Only of this batch."`
	JSON    bool   `name:"json" help:"Print one JSON object for each."`
}

// Run lists them all, page by page.
func (c extensionListCmd) Run(w *world) error {
	path, query := "/v1/extensions", url.Values{"limit": {"500"}}
	for name, value := range map[string]string{"state": c.State, "rule": c.Rule, "batch_id": c.Batch} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Account != "" {
		if len(query) > 1 {
			return usageError{errors.New("--account lists everything of one account; leave the other filters out")}
		}
		path = "/v1/accounts/" + url.PathEscape(c.Account) + "/extensions"
	}
	for {
		var page struct {
			Extensions []json.RawMessage `json:"extensions"`
			Cursor     *string           `json:"cursor"`
		}
		if _, err := c.ask(w, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, text := range page.Extensions {
			var e extension
			if err := json.Unmarshal(text, &e); err != nil {
				return fmt.Errorf("the answer is not a list of extensions: %w", err)
			}
			w.show(c.JSON, text, e.String())
		}
		if page.Cursor == nil {
			return nil
		}
		query.Set("cursor", *page.Cursor)
	}
}

type extensionImportCmd struct {
	connection
	File  string `arg:"" help:"CSV (.csv) or NDJSON file as in POST /v1/extensions:import, or - for standard input."`
	Form  string `enum:",csv,ndjson" default:"" help:"csv or ndjson, where the name of the file does not tell."`
	Batch string `placeholder:"BATCH" help:"Name of the batch (default: made from the content)."`
	JSON  bool   `name:"json" help:"Print the API's answer, one JSON object a line."`
}

// Help is the manual page.
func (extensionImportCmd) Help() string {
	return `Asks for an extension per line and shows what became of each. The lines make a batch, which another key approves as a whole or one by one. A bad line is reported and the rest goes on; repeating an import changes nothing.

CSV: the first line names the columns account_id, until, reason and, where wanted, rule and key. NDJSON: the same members.

  account_id,until,reason,rule
  a1,2020-12-11T00:00:00+08:00,flood,existing-individuals

Exits with 1 if a line was bad.`
}

// importedExtension is one line of the answer.
type importedExtension struct {
	Line    int         `json:"line"`
	Problem *apiProblem `json:"problem"`
	Summary *struct {
		BatchID   string      `json:"batch_id"`
		Lines     int         `json:"lines"`
		Created   int         `json:"created"`
		Unchanged int         `json:"unchanged"`
		Errors    int         `json:"errors"`
		Problem   *apiProblem `json:"problem"`
	} `json:"summary"`
}

// Run imports.
func (c extensionImportCmd) Run(w *world) error {
	kind := map[string]string{".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}[strings.ToLower(filepath.Ext(c.File))]
	switch {
	case c.Form == "csv":
		kind = "text/csv"
	case c.Form == "ndjson":
		kind = "application/x-ndjson"
	case kind == "":
		return usageError{errors.New("--form must say csv or ndjson: the name of the file does not")}
	}
	in, err := w.input(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	path := "/v1/extensions:import"
	if c.Batch != "" {
		path += "?batch_id=" + url.QueryEscape(c.Batch)
	}
	res, err := c.do(w, http.MethodPost, path, kind, in)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return c.report(w, res.Body)
}

func (c extensionImportCmd) report(w *world, body io.Reader) error {
	answers := json.NewDecoder(body)
	for {
		var text json.RawMessage
		var line importedExtension
		err := answers.Decode(&text)
		if errors.Is(err, io.EOF) {
			return errors.New("the answer ended without a summary; send the file again")
		}
		if err == nil {
			err = json.Unmarshal(text, &line)
		}
		if err != nil {
			return fmt.Errorf("the answer is not what an import answers: %w", err)
		}
		if c.JSON {
			w.say("%s\n", text)
		}
		if line.Problem != nil && !c.JSON {
			w.warn("line %s: %s\n", strconv.Itoa(line.Line), describe(*line.Problem))
		}
		if s := line.Summary; s != nil {
			if !c.JSON {
				w.say("batch %s\n%d lines: %d created, %d unchanged, %d errors\n", s.BatchID, s.Lines, s.Created, s.Unchanged, s.Errors)
			}
			switch {
			case s.Problem != nil:
				return fmt.Errorf("the import ended early: %s; send the file again", describe(*s.Problem))
			case s.Errors > 0:
				return errQuiet
			}
			return nil
		}
	}
}
