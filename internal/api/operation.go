package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
)

const (
	maxCommand = 64 << 10 // bytes of a body
	maxBatch   = 1 << 20
)

// operation is one row of the route table.
type operation struct {
	id, method, path string
	tag              string
	summary, words   string
	scopes           []Scope // any of them opens it; none: open to everybody
	reach            Reach   // default ReachAccount with {account_id} in the path, else ReachAll
	query            []parameter
	maxBody          int64          // bytes; default maxCommand
	answers          map[int]string // success: status and when; default 200
	codes            []Code         // beyond those that every operation of its kind has
	perAccount       bool           // a command of the merchant's course: bounded for each account, whoever sends it
	lines            bool           // an import of lines, which is repeatable by itself and takes no Idempotency-Key
	secret           bool           // the answer holds personal data: it is not kept under an Idempotency-Key
	streams          bool           // the answer is as long as the population: it is not kept under an Idempotency-Key
	asks             bool           // a POST that changes nothing, so the audit log need not tell of it
	services         bool           // what account services tell too: the audit log tells of people, and of calls that the operation marks
	audited          bool           // the audit log tells of every call, whoever makes it; see told
}

// parameter is one value of the query string.
type parameter struct {
	name, words string
	values      []string // all that are allowed, if they are few
	whole       bool     // a whole number
	many        bool     // several of the values, separated by commas
}

// allows reports whether a value is one that the parameter may have.
func (p parameter) allows(given string) bool {
	values := []string{given}
	if p.many {
		values = strings.Split(given, ",")
	}
	return len(p.values) == 0 || given == "" || !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(p.values, v) })
}

// none is the body of requests that have none.
type none struct{}

// call is one request to an operation, past its authentication.
type call struct {
	r       *http.Request
	w       http.ResponseWriter
	op      *operation
	key     store.Key
	person  bool   // key is made for somebody who is signed in
	account string // from the path, of the right form
	// extension is the id from the path, of any form.
	extension string
	change    string // id of the command; the same for a repeated Idempotency-Key
	lang      lang
	now       time.Time
	body      []byte
	// act is what the audit log will say of this call, filled in by the operation as far as it knows better than the
	// path: Subject, Reason, Before, After.
	act    store.AuditEntry
	marked bool // see mark
	told   bool // the audit log has it, or is not to have it
}

// changed says for the audit log why something was done and what it changed, as the API shows it; never personal data.
func (c *call) changed(subject, reason string, before, after any) {
	c.act.Subject, c.act.Reason = subject, reason
	c.act.Before, c.act.After = shown(before), shown(after)
}

// shown is something as JSON, nothing for nil.
func shown(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil || string(text) == "null" {
		return nil // what cannot be written is told by the answer, not by the log
	}
	return text
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// limit reads the parameter of that name for the size of a page.
func (c *call) limit(standard, most int) (int, error) {
	text := c.query("limit")
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		var f faults
		f.add("limit", "out_of_range", "must be a whole number from 1 to "+strconv.Itoa(most), "应为 1 到 "+strconv.Itoa(most)+" 的整数")
		return 0, f.err()
	}
	return n, nil
}

// handle registers an operation whose body and answer are JSON. h returns the status of its answer.
func handle[In, Out any](s *Server, op operation, h func(ctx context.Context, c *call, in In) (int, Out, error)) {
	takesBody := reflect.TypeFor[In]() != reflect.TypeFor[none]() || op.method == http.MethodPost
	s.document(op, takesBody, s.json(reflect.TypeFor[In]()), s.json(reflect.TypeFor[Out]()))
	s.serve(op, func(c *call) error {
		if takesBody {
			if err := s.readBody(c); err != nil {
				return err
			}
		}
		answer := func() (status int, out any, err error) {
			var in In
			if takesBody && len(c.body) > 0 {
				err = decode(c.body, &in)
			}
			if err == nil {
				status, out, err = h(c.r.Context(), c, in)
			}
			return status, out, s.told(c, err)
		}
		if c.r.Header.Get(idempotencyHeader) != "" && op.method == http.MethodPost && !op.secret {
			return s.once(c, answer, func(saved []byte) (any, error) { return restore[Out](s, saved) })
		}
		status, out, err := answer()
		if err != nil {
			return err
		}
		return s.reply(c, status, out)
	})
}

// serve registers a handler behind authentication, rates, scopes and the checks of path and query. It renders the
// handler's error.
func (s *Server) serve(op operation, h func(*call) error) {
	if op.maxBody == 0 {
		op.maxBody = maxCommand
	}
	s.adapter.Handle(&huma.Operation{Method: op.method, Path: op.path}, s.huma(func(w http.ResponseWriter, r *http.Request) {
		c := &call{r: r, w: w, op: &op, lang: s.languages.of(r), now: s.cfg.Now()}
		ended := false
		defer func() {
			if !ended {
				_ = s.told(c, problem(CodeInternal)) // a panic, on its way to who answers it
			}
		}()
		err := s.admit(c)
		if err == nil {
			err = h(c)
		}
		ended = true
		if err = s.told(c, err); err != nil {
			s.fail(c, err)
		}
	}))
}

// admit lets a request in.
func (s *Server) admit(c *call) error {
	if len(c.op.scopes) > 0 {
		if err := s.identify(c); err != nil {
			return err
		}
	}
	if strings.Contains(c.op.path, "{account_id}") {
		c.account = c.r.PathValue("account_id")
		if contract.CheckAccountID(c.account) != nil {
			var f faults
			f.add("account_id", "form", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -", "应为 1 到 64 个字符，可用 A-Z a-z 0-9 . _ -")
			return f.err()
		}
	}
	if err := c.within(); err != nil {
		return err
	}
	if c.op.perAccount && !c.person {
		if wait := s.cfg.Commands.Take(c.account); wait > 0 {
			return rateLimited(wait)
		}
	}
	c.extension = c.r.PathValue("extension_id")
	if err := s.checkQuery(c); err != nil {
		return err
	}
	var err error
	c.change, err = changeID(c)
	return err
}

// checkQuery refuses parameters that the operation does not have.
func (s *Server) checkQuery(c *call) error {
	if c.r.URL.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return notJSON("The query string is malformed.", "查询字符串格式有误。")
	}
	for name, given := range values {
		i := slices.IndexFunc(c.op.query, func(p parameter) bool { return p.name == name })
		switch {
		case i < 0:
			return fieldProblem(name, "unknown_parameter", "is not a parameter of this request; remove it", "不是该请求的参数，请删除")
		case len(given) > 1:
			return fieldProblem(name, "duplicate_parameter", "comes twice; send it once", "重复出现，请只发送一次")
		case !c.op.query[i].allows(given[0]):
			var f faults
			list := strings.Join(c.op.query[i].values, ", ")
			f.add(name, "not_allowed", "must be one of "+list, "应为以下之一："+list)
			return f.err()
		}
	}
	return nil
}

// identify finds out whose key it is, or which person asks, and what they may do.
func (s *Server) identify(c *call) error {
	key, known, err := person(c.r)
	if err == nil && !known {
		key, err = s.authenticate(c.r.Context(), c.r)
	}
	if errors.Is(err, errBadKey) {
		if wait := s.failures.Take(limit.Subscriber(s.cfg.ClientIP(c.r))); wait > 0 {
			return rateLimited(wait)
		}
		return problem(CodeUnauthenticated)
	}
	if err != nil {
		return err
	}
	c.key, c.person = key, known
	if wait := s.perKey.Take(key.ID); wait > 0 {
		return rateLimited(wait)
	}
	if !allows(key.Scopes, c.op.scopes...) {
		return lacks(c.op.scopes)
	}
	return nil
}

// readBody reads a JSON body within its bounds of size and time.
func (s *Server) readBody(c *call) error {
	if _, err := contentType(c.r, mediaJSON); err != nil {
		return err
	}
	return s.readText(c)
}

// readText reads a body of any kind.
func (s *Server) readText(c *call) error {
	bound := strconv.FormatInt(c.op.maxBody>>10, 10) + " KiB"
	if c.r.ContentLength > c.op.maxBody {
		return tooLarge("The body", "请求内容", bound)
	}
	patience := s.patience(c.w)
	defer patience.Stop()
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.op.maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge("The body", "请求内容", bound)
	case err != nil:
		return notArrived(err)
	}
	c.body = body
	return nil
}

// patience ends the reading of a body that does not arrive. A deadline in the past wakes the reader, so no clock is
// read; stop or restart it when something has arrived.
func (s *Server) patience(w http.ResponseWriter) *time.Timer {
	control := http.NewResponseController(w)
	return time.AfterFunc(s.cfg.BodyWait, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
}

// contentType says which of the wanted types a body has and refuses others. A body without one is taken for the first.
func contentType(r *http.Request, want ...string) (string, error) {
	given, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	given = strings.ToLower(strings.TrimSpace(given))
	if given == "" {
		given = want[0]
	}
	encoding := r.Header.Get("Content-Encoding")
	if !slices.Contains(want, given) || (encoding != "" && !strings.EqualFold(encoding, "identity")) {
		return "", problem(CodeUnsupportedMediaType)
	}
	return given, nil
}
