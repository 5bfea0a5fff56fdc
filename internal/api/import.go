package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	maxLine = 64 << 10 // bytes
	// importBatch is how many lines are written together at most. Fewer are when no more have arrived yet.
	importBatch = 500
)

// importLineIn is one line of an import.
type importLineIn struct {
	AccountID    string      `json:"account_id"`
	Kind         string      `json:"kind" enum:"individual,enterprise"`
	Region       string      `json:"region" pattern:"^[A-Z]{2}$"`
	RegisteredAt string      `json:"registered_at" format:"date-time"`
	Verified     *verifiedIn `json:"verified,omitempty" doc:"An older process verified the person."`
	RealName     *approvedIn `json:"real_name,omitempty" doc:"An older process approved the real-name information."`
}

type verifiedIn struct {
	At       string `json:"at" format:"date-time" doc:"When it did."`
	Method   string `json:"method" doc:"Code of the older process's method."`
	Evidence string `json:"evidence" doc:"Opaque reference into the older process."`
	By       string `json:"by,omitempty" doc:"Opaque reference to the system or person that decided there; no name."`
}

// approvedIn is the provenance of approved real-name information.
type approvedIn struct {
	At       string `json:"at" format:"date-time"`
	Evidence string `json:"evidence" doc:"Opaque reference into the older process."`
	By       string `json:"by,omitempty" doc:"Opaque reference to the system or person that decided there; no name."`
}

// importedView is one line of the answer: about one line of the import or, the last one, about all.
type importedView struct {
	Line      int          `json:"line,omitempty"`
	AccountID string       `json:"account_id,omitempty"`
	Result    string       `json:"result,omitempty" enum:"created,updated,unchanged,error"`
	Problem   *Problem     `json:"problem,omitempty"`
	Summary   *summaryView `json:"summary,omitempty" doc:"Of the last line."`
}

type summaryView struct {
	Lines     int      `json:"lines" doc:"Lines that were not empty, without the header of CSV."`
	Created   int      `json:"created"`
	Updated   int      `json:"updated"`
	Unchanged int      `json:"unchanged"`
	Errors    int      `json:"errors"`
	Problem   *Problem `json:"problem,omitempty" doc:"Why the import ended early. What was answered is written; send it again, it is repeatable."`
}

func (s *Server) importRoute() {
	op := operation{
		id: "import-accounts", method: http.MethodPost, path: "/v1/accounts:import", tag: tagAccounts,
		summary: "Import accounts",
		words: "One account a line, answered line by line while the request is still being sent. A bad line is answered with its problem and the rest goes on. " +
			"Repeating an import changes nothing. Lines have at most 64 KiB. verified and real_name carry the result of an older process with its provenance. " +
			csvWords(),
		scopes: []Scope{AccountsWrite}, reach: ReachOwn, answers: map[int]string{http.StatusOK: "A result for each line and a summary."},
		codes: []Code{CodeUnsupportedMediaType}, lines: true,
	}
	schemas := s.openapi.Components.Schemas
	s.document(op, true,
		media{kind: mediaNDJSON, schema: schemas.Schema(reflect.TypeFor[importLineIn](), true, "")},
		media{kind: mediaNDJSON, schema: schemas.Schema(reflect.TypeFor[importedView](), true, "")})
	s.openapi.Paths[op.path].Post.RequestBody.Content[mediaCSV] = csvMedia()
	s.serve(op, s.importAccounts)
}

// importer is one import under way.
type importer struct {
	s       *Server
	c       *call
	in      *bufio.Reader
	out     *bufio.Writer
	flush   func() error
	lines   lineFormat
	number  int // of the line read last
	waiting []importLine
	sum     summaryView
}

// importLine is a line that was read: what to put, or the problem it has.
type importLine struct {
	number  int
	account string
	put     store.PutAccount
	problem error
}

func (s *Server) importAccounts(c *call) error {
	control := http.NewResponseController(c.w)
	i := &importer{s: s, c: c, in: bufio.NewReaderSize(c.r.Body, maxLine), out: bufio.NewWriter(c.w), flush: control.Flush}
	if err := i.begin(); err != nil {
		return err
	}
	// HTTP/1.1 answers after the whole request otherwise. Where it cannot be had, that is what happens.
	if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_ = control.SetWriteDeadline(time.Time{}) // the server's own is meant for answers that are not as long as their request
	c.w.Header().Set("Content-Type", mediaNDJSON)
	c.w.WriteHeader(http.StatusOK)
	if err := i.run(c.r.Context()); err != nil {
		p := problemOf(err).localised(c.lang)
		s.log(c, p, err)
		i.sum.Problem = p
	}
	sum := i.sum
	i.write(importedView{Summary: &sum})
	_ = i.out.Flush() // the caller is gone; there is nobody to tell
	return nil
}

// run reads lines and writes them in batches: a batch ends when it is full or when nothing more has arrived yet, so a
// slow sender gets its answers at once and a quick one few transactions.
func (i *importer) run(ctx context.Context) error {
	for {
		line, err := i.read()
		if line != nil {
			i.waiting = append(i.waiting, *line)
		}
		if len(i.waiting) >= importBatch || err != nil || i.in.Buffered() == 0 {
			if err := i.put(ctx); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return notArrived(err)
		}
	}
}

// read returns the next line, nil if it is empty.
func (i *importer) read() (*importLine, error) {
	text, fault, err := i.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if fault == nil && len(text) == 0 {
		return nil, err
	}
	line := &importLine{number: i.number, problem: fault}
	if fault == nil {
		i.parse(line, text)
	}
	i.sum.Lines++
	return line, err
}

// next reads the text of one line; fault says why it cannot be one. Of a line that is too long it keeps nothing.
func (i *importer) next() (text []byte, fault, err error) {
	patience := i.s.patience(i.c.w)
	defer patience.Stop()
	text, err = i.in.ReadSlice('\n')
	long := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = i.in.ReadSlice('\n')
	}
	i.number++
	if i.number == 1 {
		text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	}
	switch text = bytes.TrimSpace(text); {
	case long:
		fault = tooLarge("A line", "每一行", "64 KiB")
	case !utf8.Valid(text):
		fault = notUTF8()
	}
	return text, fault, err
}

func (i *importer) parse(line *importLine, text []byte) {
	var in importLineIn
	if line.problem = i.lines.parse(text, &in); line.problem != nil {
		return
	}
	var f faults
	if contract.CheckAccountID(in.AccountID) == nil {
		line.account = in.AccountID
	} else {
		f.add("account_id", "form", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -", "应为 1 到 64 个字符，可用 A-Z a-z 0-9 . _ -")
	}
	line.put = store.PutAccount{
		Account: f.facts(in.AccountID, in.Kind, in.Region, in.RegisteredAt),
		Actor:   lifecycle.Actor{Kind: lifecycle.ActorImport, ID: i.c.key.ID},
	}
	line.put.Import = f.provenance(in, line.put.Actor, i.c.now)
	for n := range f {
		f[n].Field = i.lines.field(f[n].Field)
	}
	if line.problem = f.err(); line.problem == nil && !i.c.key.Accounts.Has(in.AccountID) {
		line.problem = store.ErrNotFound
	}
}

// put writes the waiting lines in one transaction and answers them.
func (i *importer) put(ctx context.Context) error {
	var puts []store.PutAccount
	for _, line := range i.waiting {
		if line.problem == nil {
			puts = append(puts, line.put)
		}
	}
	var outcomes []store.PutOutcome
	if len(puts) > 0 {
		var err error
		if outcomes, err = i.s.cfg.Store.PutAccounts(ctx, puts, false); err != nil {
			return err
		}
	}
	for _, line := range i.waiting {
		var outcome store.PutOutcome
		if line.problem == nil {
			outcome, outcomes = outcomes[0], outcomes[1:]
		} else {
			outcome.Err = line.problem
		}
		i.answer(line, outcome)
	}
	i.waiting = i.waiting[:0]
	if err := i.out.Flush(); err != nil {
		return err
	}
	return i.flush()
}

func (i *importer) answer(line importLine, o store.PutOutcome) {
	view := importedView{Line: line.number, AccountID: line.account, Result: string(o.Result)}
	if o.Err != nil {
		err := o.Err
		if errors.Is(err, store.ErrConflict) {
			err = problem(CodeFactsDiffer).saying(
				"The account is known with another kind, region or registered_at. Change it with PUT, a reason and the scope accounts:correct.",
				"账号已以不同的类型、地区或注册时间登记，请通过 PUT 说明原因并使用具备 accounts:correct 权限的密钥更改。")
		}
		view.Result, view.Problem = "error", problemOf(err).localised(i.c.lang)
	}
	switch view.Result {
	case string(store.Created):
		i.sum.Created++
	case string(store.Updated):
		i.sum.Updated++
	case string(store.Unchanged):
		i.sum.Unchanged++
	default:
		i.sum.Errors++
	}
	i.write(view)
}

func (i *importer) write(view importedView) {
	text, err := json.Marshal(view)
	if err != nil {
		return // a view of ours always has a form; the summary still counts the line
	}
	_, _ = i.out.Write(append(text, '\n')) // reported by Flush
}
