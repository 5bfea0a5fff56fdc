package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// maxExtensionImport bounds an import of extensions; it is read whole before anything is written.
const maxExtensionImport = 16 << 20

// extensionLineIn is one line of an import of extensions. As CSV its members are columns, named in the first line.
type extensionLineIn struct {
	AccountID string `json:"account_id"`
	Until     string `json:"until" format:"date-time"`
	Reason    string `json:"reason" doc:"A code."`
	Rule      string `json:"rule,omitempty" doc:"Left out, every rule."`
	Key       string `json:"key,omitempty" doc:"Names the line within its batch; left out, account_id and rule do."`
}

// importedExtensionView is one line of the answer: about one line of the import or, the last one, about all.
type importedExtensionView struct {
	Line      int                   `json:"line,omitempty" doc:"Of the request, counted from 1."`
	Key       string                `json:"key,omitempty"`
	AccountID string                `json:"account_id,omitempty"`
	ID        string                `json:"id,omitempty" doc:"Of the extension."`
	State     string                `json:"state,omitempty" enum:"requested,approved,rejected,revoked,lapsed"`
	Result    string                `json:"result,omitempty" enum:"created,unchanged,error"`
	Problem   *Problem              `json:"problem,omitempty"`
	Summary   *extensionSummaryView `json:"summary,omitempty" doc:"Of the last line."`
}

type extensionSummaryView struct {
	BatchID   string   `json:"batch_id"`
	Lines     int      `json:"lines" doc:"Lines that were not empty."`
	Created   int      `json:"created"`
	Unchanged int      `json:"unchanged"`
	Errors    int      `json:"errors"`
	Problem   *Problem `json:"problem,omitempty" doc:"Why the import ended early. What was answered is written; send it again, it is repeatable."`
}

func (s *Server) extensionImportRoute() {
	op := operation{
		id: "import-extensions", method: http.MethodPost, path: "/v1/extensions:import", tag: tagExtensions,
		summary: "Request many extensions",
		words: "One extension a line, as CSV whose first line names the columns account_id, until, reason, rule and key (the last two may be missing), or as NDJSON; at most 16 MiB. " +
			"Each line is answered. A bad line is answered with its problem and the rest goes on. Nothing counts before the batch, or a part of it, is approved by another key. " +
			"Repeating an import changes nothing: a line is known by its key within the batch.",
		reach: ReachOwn, scopes: []Scope{ExtensionsWrite, PoliciesApprove}, answers: map[int]string{http.StatusOK: "A result for each line and a summary."},
		codes: []Code{CodeUnsupportedMediaType, CodeTooLarge}, lines: true, maxBody: maxExtensionImport,
		query: []parameter{{name: "batch_id", words: "Names the batch, to be decided and repeated by: 1 to 64 characters of A-Z a-z 0-9 . _ -. Left out, the content names it: the same content is the same batch."}},
	}
	schemas := s.openapi.Components.Schemas
	s.document(op, true,
		media{kind: mediaNDJSON, schema: schemas.Schema(reflect.TypeFor[extensionLineIn](), true, "")},
		media{kind: mediaNDJSON, schema: schemas.Schema(reflect.TypeFor[importedExtensionView](), true, "")})
	s.openapi.Paths[op.path].Post.RequestBody.Content[mediaCSV] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	s.serve(op, s.importExtensions)
}

// extensionLine is a line that was read: what it asks for, or the problem it has.
type extensionLine struct {
	number  int
	in      extensionLineIn
	problem error
}

func (s *Server) importExtensions(c *call) error {
	kind, err := contentType(c.r, mediaCSV, mediaNDJSON)
	if err != nil {
		return err
	}
	batch := c.query("batch_id")
	if batch != "" {
		var f faults
		f.matches("batch_id", batch, versionPattern, versionFmt, versionZh)
		if err := f.err(); err != nil {
			return err
		}
	}
	ctx := c.r.Context()
	rules, err := s.cfg.Gate.Rules(ctx)
	if err != nil {
		return err
	}
	if err := s.readText(c); err != nil {
		return err
	}
	if batch == "" {
		sum := sha256.Sum256(c.body)
		batch = hex.EncodeToString(sum[:16])
	}
	read := linesOfNDJSON
	if kind == mediaCSV {
		read = linesOfCSV
	}
	lines, err := read(c.body)
	if err != nil {
		return err
	}
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{}) // as long as the lines take
	c.w.Header().Set("Content-Type", mediaNDJSON)
	c.w.WriteHeader(http.StatusOK)
	i := extensionImporter{s: s, c: c, rules: rules, out: json.NewEncoder(c.w), sum: extensionSummaryView{BatchID: batch}}
	i.run(ctx, lines)
	return nil
}

type extensionImporter struct {
	s     *Server
	c     *call
	rules []string
	out   *json.Encoder
	sum   extensionSummaryView
}

func (i *extensionImporter) run(ctx context.Context, lines []extensionLine) {
	var err error
	for part := range slices.Chunk(lines, importBatch) {
		if err = i.put(ctx, part); err != nil {
			break
		}
	}
	i.c.changed("extension-batch/"+i.sum.BatchID, "", nil, importSeen{i.sum.Lines, i.sum.Created, i.sum.Unchanged, i.sum.Errors})
	if err = i.s.told(i.c, err); err != nil {
		p := problemOf(err).localised(i.c.lang)
		i.s.log(i.c, p, err)
		i.sum.Problem = p
	}
	i.write(importedExtensionView{Summary: &i.sum})
}

// put writes some lines in one transaction and answers them.
func (i *extensionImporter) put(ctx context.Context, lines []extensionLine) error {
	var requests []store.ExtensionRequest
	for n := range lines {
		if lines[n].problem == nil {
			var r store.ExtensionRequest
			if r, lines[n].problem = i.request(lines[n].in); lines[n].problem == nil {
				requests = append(requests, r)
			}
		}
	}
	outcomes, err := i.s.cfg.Store.RequestExtensions(ctx, requests)
	if err != nil {
		return err
	}
	var granted []string
	for _, line := range lines {
		var o store.ExtensionOutcome
		if line.problem == nil {
			o, outcomes = outcomes[0], outcomes[1:]
		}
		i.answer(line, o)
		if o.Created && o.Extension.Recorded() == store.ExtensionApproved {
			granted = append(granted, o.Extension.AccountID)
		}
	}
	i.s.settleAll(granted)
	return nil
}

func (i *extensionImporter) request(in extensionLineIn) (store.ExtensionRequest, error) {
	var f faults
	if contract.CheckAccountID(in.AccountID) != nil {
		f.add("account_id", "form", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -", "应为 1 到 64 个字符，可用 A-Z a-z 0-9 . _ -")
	}
	f.matches("reason", in.Reason, codePattern, codeFmt, codeZh)
	if in.Key != "" {
		f.matches("key", in.Key, evidencePattern, "must be 1 to 128 characters of A-Z a-z 0-9 . _ : / # -", "应为 1 到 128 个字符，可用 A-Z a-z 0-9 . _ : / # -")
	}
	r := store.ExtensionRequest{
		ID: i.id(in), AccountID: in.AccountID, RuleID: in.Rule, BatchID: i.sum.BatchID, Until: f.extension(in.Until, in.Rule, i.rules, i.c.now),
		At: i.c.now, Actor: i.s.actor(i.c, lifecycle.ActorOperator), Reason: in.Reason,
		Approved: i.s.cfg.OneApprover && allows(i.c.key.Scopes, PoliciesApprove),
	}
	if err := f.err(); err != nil {
		return r, err
	}
	if !i.c.key.Accounts.Has(in.AccountID) {
		return r, store.ErrNotFound
	}
	return r, nil
}

// id names the extension of a line by the batch and the line's key.
func (i *extensionImporter) id(in extensionLineIn) string {
	if in.Key == "" {
		return extensionID("account", i.sum.BatchID, in.AccountID, in.Rule)
	}
	if i.c.key.Accounts.Bound() { // its lines are its own: whether others' batches have such a key is not told
		return extensionID("line", i.sum.BatchID, in.Key, i.c.key.ID)
	}
	return extensionID("line", i.sum.BatchID, in.Key)
}

func (i *extensionImporter) answer(line extensionLine, o store.ExtensionOutcome) {
	i.sum.Lines++
	view := importedExtensionView{Line: line.number}
	err := line.problem
	if err == nil {
		view.Key, view.AccountID, err = line.in.Key, line.in.AccountID, o.Err
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		err = problem(CodeIdempotencyConflict).saying(
			"The batch has a line with this key already, and that one asks for something else. Send the same line, or another key.",
			"该批次中已有使用此 key 的行，且内容不同。请发送相同内容或使用新的 key。")
		fallthrough
	case err != nil:
		i.sum.Errors++
		view.Result, view.Problem = "error", problemOf(err).localised(i.c.lang)
		i.write(view)
		return
	case o.Created:
		i.sum.Created++
		view.Result = "created"
	default:
		i.sum.Unchanged++
		view.Result = "unchanged"
	}
	view.ID, view.State = o.Extension.ID, string(o.Extension.StateAt(i.c.now))
	i.write(view)
}

func (i *extensionImporter) write(view importedExtensionView) {
	_ = i.out.Encode(view) // the caller is gone; there is nobody to tell
}

func linesOfNDJSON(body []byte) ([]extensionLine, error) {
	var lines []extensionLine
	number := 0
	for text := range bytes.Lines(body) {
		number++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		line := extensionLine{number: number}
		line.problem = decode(text, &line.in)
		lines = append(lines, line)
	}
	return lines, nil
}

// linesOfCSV reads a table with a line of names. A line whose quotes do not close ends it: what follows could be read
// wrong.
func linesOfCSV(body []byte) ([]extensionLine, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff")))) // as spreadsheets begin their files
	r.ReuseRecord, r.TrimLeadingSpace = true, true
	header, err := r.Read()
	if err != nil {
		return nil, notJSON("The first line must name the columns: account_id,until,reason and, where wanted, rule,key.",
			"首行应为列名：account_id,until,reason，可选 rule,key。")
	}
	columns := slices.Clone(header)
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	var lines []extensionLine
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			line := extensionLine{number: broken.StartLine, problem: notJSON("The line has not as many columns as the first line.", "该行列数与首行不一致。")}
			if !errors.Is(err, csv.ErrFieldCount) {
				line.problem = notJSON("The line is not CSV. Lines after it were not read.", "该行不是 CSV 格式，其后的行未读取。")
				return append(lines, line), nil
			}
			lines = append(lines, line)
			continue
		}
		line := extensionLine{}
		line.number, _ = r.FieldPos(0)
		for n, name := range columns {
			*line.in.column(name) = record[n]
		}
		lines = append(lines, line)
	}
}

func checkColumns(columns []string) error {
	var in extensionLineIn
	for n, name := range columns {
		columns[n] = strings.TrimSpace(name)
		if in.column(columns[n]) == nil {
			return fieldProblem(columns[n], "unknown_field", "is not a column of this import; remove it", "不是该导入的列，请删除")
		}
		if slices.Contains(columns[:n], columns[n]) {
			return fieldProblem(columns[n], "duplicate_field", "comes twice; send it once", "重复出现，请只发送一次")
		}
	}
	var f faults
	for _, name := range []string{"account_id", "until", "reason"} {
		if !slices.Contains(columns, name) {
			f.required(name)
		}
	}
	return f.err()
}

// column is where a column of CSV goes, nil if there is none of that name.
func (in *extensionLineIn) column(name string) *string {
	switch name {
	case "account_id":
		return &in.AccountID
	case "until":
		return &in.Until
	case "reason":
		return &in.Reason
	case "rule":
		return &in.Rule
	case "key":
		return &in.Key
	default:
		return nil
	}
}
