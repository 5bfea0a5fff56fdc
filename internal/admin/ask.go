package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
)

// problem is an answer of the API that is no success, in the reader's language.
type problem struct {
	Status     int     `json:"status"`
	Code       string  `json:"code"`
	Title      string  `json:"title"`
	Detail     string  `json:"detail"`
	Errors     []fault `json:"errors"`
	RetryAfter string  `json:"-"`

	State  string    `json:"state"`   // of the verification, that does not allow it
	Holder string    `json:"holder"`  // who holds the case
	NextAt time.Time `json:"next_at"` // until when
}

// fault is what is wrong with one field.
type fault struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *problem) Error() string {
	return fmt.Sprintf("admin: the API answers %d %s", p.Status, p.Code)
}

// At is what is wrong with a field, empty if nothing is.
func (p *problem) At(field string) string {
	if p == nil {
		return ""
	}
	for _, e := range p.Errors {
		if e.Field == field {
			return e.Message
		}
	}
	return ""
}

// problemIn is the problem that an error is, nil for any other and for none.
func problemIn(err error) *problem {
	var p *problem
	errors.As(err, &p)
	return p
}

// faultsIn is the problem that an error is if it is about what somebody typed: then the form comes back.
func faultsIn(err error) *problem {
	if p := problemIn(err); p != nil && (p.Status == http.StatusUnprocessableEntity || p.Status == http.StatusBadRequest) {
		return p
	}
	return nil
}

// ask gets something of the API, as the person who is signed in. pairs are names and values of the query; empty values
// are left out.
func ask[T any](v *visit, path string, pairs ...string) (T, error) {
	var out T
	err := v.call(http.MethodGet, address(path, pairs), nil, &out)
	return out, err
}

// tell sends the API a command. A form that holds the number once (see the template of that name) is taken once only,
// however often its button was pressed.
func tell[T any](v *visit, path string, in any) (T, error) {
	var out T
	err := v.call(http.MethodPost, path, in, &out)
	return out, err
}

// tellAnew is tell for what changes nothing and is asked by a body: it is never answered from an answer before.
func tellAnew[T any](v *visit, path string, in any) (T, error) {
	var out T
	body, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("admin: %s: %w", path, err)
	}
	r, err := v.request(http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	r.Header.Set("Content-Type", "application/json")
	return out, v.s.answer(r).into(path, &out)
}

func address(path string, pairs []string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// segment makes a value one segment of a path.
func segment(value string) string { return url.PathEscape(value) }

func (v *visit) call(method, path string, in, out any) error {
	body := []byte{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("admin: %s %s: %w", method, path, err)
		}
	}
	r, err := v.request(method, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
		if once := v.form("once"); once != "" {
			r.Header.Set("Idempotency-Key", once)
		}
	}
	return v.s.answer(r).into(path, out)
}

// answer is the API's success; anything else is a *problem.
func (v *visit) answer(r *http.Request) (*recorder, error) {
	answer := v.s.answer(r)
	if answer.status >= http.StatusMultipleChoices {
		return nil, answer.problem()
	}
	return answer, nil
}

// pass hands an answer of the API on to the browser as a file, however long it is. A refusal is returned instead.
func (v *visit) pass(path, name string, pairs ...string) error {
	r, err := v.request(http.MethodGet, address(path, pairs), http.NoBody)
	if err != nil {
		return err
	}
	return v.passAnswer(r, name)
}

// passTold is pass for what the API is asked by a body.
func (v *visit) passTold(path, name string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("admin: %s: %w", path, err)
	}
	r, err := v.request(http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	return v.passAnswer(r, name)
}

func (v *visit) passAnswer(r *http.Request, name string) error {
	through := &passer{to: v.w, name: name}
	v.s.cfg.API.ServeHTTP(through, r)
	if through.refused.status != 0 {
		return through.refused.problem()
	}
	return nil
}

func (v *visit) request(method, path string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(v.r.Context(), method, "http://api.invalid"+path, body)
	if err != nil {
		return nil, fmt.Errorf("admin: %s %s: %w", method, path, err)
	}
	r.Header.Set("Accept-Language", v.lang.Tag())
	r.RemoteAddr = v.r.RemoteAddr
	if hops := v.r.Header.Values(forwardedHeader); len(hops) > 0 { // read only if the peer is a proxy of ours
		r.Header[forwardedHeader] = hops
	}
	return api.As(r, api.Principal{ID: v.person.ID, Role: v.person.Role}), nil
}

// answer sends a request to the API.
func (s *Server) answer(r *http.Request) *recorder {
	a := &recorder{header: http.Header{}, status: http.StatusOK}
	s.cfg.API.ServeHTTP(a, r)
	return a
}

// problem is an answer that is no success.
func (a *recorder) problem() *problem {
	p := &problem{Status: a.status, RetryAfter: a.header.Get("Retry-After")}
	_ = json.Unmarshal(a.body.Bytes(), p) // whatever it is, the status is known
	return p
}

// into reads an answer, or returns it as the problem that it is.
func (a *recorder) into(path string, out any) error {
	if a.status >= http.StatusMultipleChoices {
		return a.problem()
	}
	if out == nil || a.body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(a.body.Bytes(), out); err != nil {
		return fmt.Errorf("admin: %s: %w", path, err)
	}
	return nil
}

// forwardedHeader tells by which addresses a request came through proxies.
const forwardedHeader = "X-Forwarded-For"

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }

// passer hands a success on and keeps a refusal.
type passer struct {
	to      http.ResponseWriter
	name    string
	header  http.Header
	begun   bool
	refused recorder
}

func (p *passer) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (p *passer) WriteHeader(status int) {
	if p.begun {
		return
	}
	p.begun = true
	if status >= http.StatusMultipleChoices {
		p.refused.status = status
		return
	}
	h := p.to.Header()
	for _, name := range []string{"Content-Type", "Content-Length"} {
		if value := p.Header().Get(name); value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Content-Disposition", `attachment; filename="`+strings.Map(plainLetters, p.name)+`"`)
	p.to.WriteHeader(status)
}

func plainLetters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
		return r
	}
	return '-'
}

func (p *passer) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.refused.status != 0 {
		return p.refused.body.Write(b)
	}
	return p.to.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (p *passer) Unwrap() http.ResponseWriter { return p.to }
