package api

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/safecsv"
	"github.com/verigate/verigate/internal/store"
)

const (
	// verifyFor bounds a verification: the logs of a million accounts take a minute.
	verifyFor = 15 * time.Minute
	// maxKept bounds the exported checkpoints that a verification takes.
	maxKept = 1000
	// exportAtOnce is how many entries of an export are read together.
	exportAtOnce = 200

	outcomeRefused = "refused" // in a query: every outcome but ok
)

func (s *Server) auditRoutes() {
	reads := []Scope{AuditRead}
	filters := []parameter{
		{name: "actor", words: "Only acts of this key or person."}, {name: "action", words: "Only this operation, or sign_in, sign_out, sign_in_failed."},
		{name: "subject", words: "Only what was done to this, as account/a1 or policy/name/2."},
		{name: "outcome", words: "Only this outcome: ok, the code of a problem, or refused for every outcome but ok."},
		{name: "from", words: "Only from this instant on; RFC 3339 with offset."}, {name: "to", words: "Only before this instant."},
	}
	handle(s, operation{
		id: "list-audit", method: http.MethodGet, path: "/v1/audit", tag: tagAudit, summary: "List what people did",
		words: "Every privileged act, done or refused: who, when, what, on what, why, before and after. Page by page; a cursor is good for the filters " +
			"it was made with. Reasons are codes: what else was written as one is told as stated, and stands where the act itself is on record.",
		reach: ReachOwn, scopes: reads, codes: []Code{CodeValidationFailed},
		query: append(append(slices.Clone(filters), parameter{name: "order", words: "Default newest.", values: []string{"newest", "oldest"}}), pageParameters()...),
	}, s.listAudit)
	export := operation{
		id: "export-audit", method: http.MethodGet, path: "/v1/audit:export", tag: tagAudit, summary: "Export what people did",
		words: "Every entry that the filters select, oldest first, one a line. Cells of a CSV that a spreadsheet would run begin with an apostrophe. " +
			"An answer that could not be finished breaks off without the end of its last chunk.",
		reach: ReachOwn, scopes: reads, codes: []Code{CodeValidationFailed}, streams: true,
		query: append(slices.Clone(filters), parameter{name: "format", words: "Default ndjson.", values: []string{"ndjson", "csv"}}),
	}
	s.document(export, false, media{}, media{kind: mediaNDJSON, schema: s.openapi.Components.Schemas.Schema(reflect.TypeFor[auditEntryView](), true, "")})
	s.alsoAnswers(export, mediaCSV)
	s.serve(export, s.exportAudit)
	s.proofRoutes(reads)
}

func (s *Server) proofRoutes(reads []Scope) {
	log := audit.New(s.cfg.Store, s.cfg.Gate, s.cfg.Now)
	room := make(chan struct{}, 1)
	handle(s, operation{
		id: "verify-audit", method: http.MethodPost, path: "/v1/audit:verify", tag: tagAudit, summary: "Verify the hash chains",
		words: "Follows the chain of the audit log and those of all accounts' logs, and holds them against the checkpoints: those kept here, and those that you " +
			"exported before and send along. It reads everything, so it takes a minute for a million accounts; one runs at a time.",
		scopes: reads, asks: true, maxBody: maxBatch,
	}, func(ctx context.Context, c *call, in verifyIn) (int, verificationView, error) {
		return s.verifyAudit(ctx, c, log, room, in)
	})
	handle(s, operation{
		id: "list-checkpoints", method: http.MethodGet, path: "/v1/audit/checkpoints", tag: tagAudit, summary: "List checkpoints",
		words: "What the logs were, signed once a day and on demand; newest first. Keep copies where nobody who can write to the database can: " +
			"they prove later that nothing was cut off or written anew.",
		scopes: reads, codes: []Code{CodeValidationFailed}, query: pageParameters(),
	}, s.listCheckpoints)
	handle(s, operation{
		id: "take-checkpoint", method: http.MethodPost, path: "/v1/audit/checkpoints", tag: tagAudit, summary: "Take a checkpoint now",
		words: "Signs where all logs end.", scopes: reads, answers: map[int]string{http.StatusCreated: "Signed and kept."},
	}, func(ctx context.Context, c *call, _ emptyIn) (int, checkpointView, error) {
		taken, err := log.Checkpoint(ctx)
		if err != nil {
			return 0, checkpointView{}, err
		}
		view := viewCheckpoint(taken, s.zoneOrUTC(ctx))
		c.changed("checkpoint/"+strconv.FormatInt(taken.Number, 10), "", nil, checkpointSeen{taken.Entries, taken.Accounts, view.Digest})
		return http.StatusCreated, view, nil
	})
}

// auditFilter reads the query. scope is what a cursor of it is good for.
func (s *Server) auditFilter(c *call) (filter store.AuditFilter, scope string, err error) {
	filter = store.AuditFilter{
		Actor: c.query("actor"), Action: c.query("action"), Subject: c.query("subject"), Outcome: c.query("outcome"), Oldest: c.query("order") == "oldest",
		Within: c.key.Accounts,
	}
	if filter.Outcome == outcomeRefused {
		filter.Outcome, filter.Refused = "", true
	}
	var f faults
	if given := c.query("from"); given != "" {
		filter.From = f.instantOf("from", given)
	}
	if given := c.query("to"); given != "" {
		filter.To = f.instantOf("to", given)
	}
	parts := []string{"audit", filter.Actor, filter.Action, filter.Subject, c.query("outcome"), c.query("from"), c.query("to"), c.query("order")}
	return filter, strings.Join(parts, "\n"), f.err()
}

func (s *Server) listAudit(ctx context.Context, c *call, _ none) (int, auditView, error) {
	view := auditView{Entries: []auditEntryView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	filter, scope, err := s.auditFilter(c)
	if err != nil {
		return 0, view, err
	}
	if filter.After, err = s.numberIn(c, scope); err != nil {
		return 0, view, err
	}
	filter.Limit = limit + 1
	page, err := s.cfg.Store.AuditEntries(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	if len(page) > limit {
		page = page[:limit]
		view.Cursor = s.numbered(scope, page[limit-1].ID)
	}
	zone := s.zoneOrUTC(ctx)
	for _, e := range page {
		view.Entries = append(view.Entries, viewAuditEntry(e, zone))
	}
	return http.StatusOK, view, nil
}

func (s *Server) exportAudit(c *call) error {
	filter, _, err := s.auditFilter(c)
	if err != nil {
		return err
	}
	filter.Oldest, filter.Limit = true, exportAtOnce
	ctx := c.r.Context()
	zone := s.zoneOrUTC(ctx)
	if c.query("format") == "csv" {
		return s.streamed(c, mediaCSV+"; charset=utf-8", func(out *bufio.Writer) error {
			w := safecsv.NewWriter(out)
			if err := w.Write(auditColumns()...); err != nil {
				return err
			}
			return errors.Join(s.eachAudit(ctx, filter, zone, func(v auditEntryView) error { return w.Write(v.cells()...) }), w.Flush())
		})
	}
	return s.streamed(c, mediaNDJSON, func(out *bufio.Writer) error {
		w := json.NewEncoder(out)
		return s.eachAudit(ctx, filter, zone, func(v auditEntryView) error { return w.Encode(v) })
	})
}

func (s *Server) eachAudit(ctx context.Context, f store.AuditFilter, zone *time.Location, visit func(auditEntryView) error) error {
	for {
		page, err := s.cfg.Store.AuditEntries(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := visit(viewAuditEntry(e, zone)); err != nil {
				return err
			}
			f.After = e.ID
		}
		if len(page) < f.Limit {
			return nil
		}
	}
}

func (s *Server) verifyAudit(ctx context.Context, c *call, log *audit.Log, room chan struct{}, in verifyIn) (int, verificationView, error) {
	var f faults
	if len(in.Checkpoints) > maxKept {
		return 0, verificationView{}, tooLarge("checkpoints", "checkpoints ", strconv.Itoa(maxKept))
	}
	kept := make([]store.Checkpoint, len(in.Checkpoints))
	for i, given := range in.Checkpoints {
		kept[i] = f.checkpoint("checkpoints."+strconv.Itoa(i), given)
	}
	if err := f.err(); err != nil {
		return 0, verificationView{}, err
	}
	release, err := enter(room)
	if err != nil {
		return 0, verificationView{}, err
	}
	defer release()
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{}) // the server's own is meant for answers that come at once
	ctx, cancel := context.WithTimeout(ctx, verifyFor)
	defer cancel()
	found, err := log.Verify(ctx, kept)
	if err != nil {
		return 0, verificationView{}, err
	}
	return http.StatusOK, viewVerification(found, c.now, s.zoneOrUTC(ctx)), nil
}

func (s *Server) listCheckpoints(ctx context.Context, c *call, _ none) (int, checkpointsView, error) {
	view := checkpointsView{Checkpoints: []checkpointView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	before, err := s.numberIn(c, "checkpoints")
	if err != nil {
		return 0, view, err
	}
	page, err := s.cfg.Store.Checkpoints(ctx, before, limit)
	if err != nil {
		return 0, view, err
	}
	zone := s.zoneOrUTC(ctx)
	for _, p := range page {
		view.Checkpoints = append(view.Checkpoints, viewCheckpoint(p, zone))
	}
	if len(page) == limit { // the next page may be empty
		view.Cursor = s.numbered("checkpoints", page[limit-1].Number)
	}
	return http.StatusOK, view, nil
}

// auditColumns are the columns of an export.
func auditColumns() []string {
	return []string{"id", "at", "actor", "role", "action", "subject", "reason", "outcome", "before", "after", "request_id", "address", "hash"}
}

func (v auditEntryView) cells() []string {
	text := func(given *string) string { return *cmp.Or(given, new(string)) }
	return []string{
		strconv.FormatInt(v.ID, 10), v.At.Format(time.RFC3339Nano), text(v.Actor), text(v.Role), v.Action, text(v.Subject), text(v.Reason), v.Outcome,
		string(v.Before), string(v.After), text(v.RequestID), text(v.Address), v.Hash,
	}
}
