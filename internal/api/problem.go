package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Problem is an error as RFC 9457 writes it, with a stable code. Title and detail follow Accept-Language; everything
// else is neutral. Nothing that was sent is quoted but names of fields.
type Problem struct {
	Type    string           `json:"type" doc:"Address of the explanation of the code, relative to this server." format:"uri-reference"`
	Title   string           `json:"title" doc:"What the code means, in the language of Accept-Language (en or zh-CN)."`
	Status  int              `json:"status" doc:"The HTTP status."`
	Detail  string           `json:"detail" doc:"What to do about it."`
	Code    Code             `json:"code" doc:"Stable name of the problem."`
	Errors  []FieldError     `json:"errors,omitempty" nullable:"false" doc:"Every fault that was found, with its field."`
	State   lifecycle.State  `json:"state,omitempty" doc:"State of the verification that does not allow the step."`
	Allowed []lifecycle.Step `json:"allowed,omitempty" nullable:"false" doc:"The steps that it allows."`
	NextAt  *time.Time       `json:"next_at,omitempty" doc:"When the step becomes possible."`
	Policy  rulebook.State   `json:"policy_state,omitempty" enum:"proposed,scheduled,in_force,superseded,rejected,withdrawn" doc:"State of the policy version that does not allow it."`
	Holder  string           `json:"holder,omitempty" doc:"Id of the person or key that holds the case; until when, next_at says."`
	Scope   string           `json:"scope,omitempty" doc:"The scope that the key lacks."`
	Parts   []string         `json:"parts,omitempty" nullable:"false" doc:"The parts of the program that do not work (/readyz): store, vault, clock, engine, worker, process."`
	Command string           `json:"command,omitempty" enum:"not_taken,unknown" doc:"What became of the command. If unknown, send it again with the same Idempotency-Key."`

	said  *text         // replaces the detail of the code
	retry time.Duration // replaces the Retry-After of the code
	cause error         // logged, never shown
}

// FieldError is one fault of a request.
type FieldError struct {
	Field   string `json:"field" doc:"Path of the field, as document.number."`
	Code    string `json:"code" doc:"Stable name of the fault."`
	Message string `json:"message" doc:"The bound and the fix."`

	said text
}

func (p *Problem) Error() string { return "api: " + string(p.Code) }

func (p *Problem) Unwrap() error { return p.cause }

func problem(code Code) *Problem { return &Problem{Code: code} }

func (p *Problem) because(cause error) *Problem {
	p.cause = cause
	return p
}

func (p *Problem) saying(en, zh string) *Problem {
	p.said = &text{en, zh}
	return p
}

// faults collects what is wrong with a request.
type faults []FieldError

func (f *faults) add(field, code, en, zh string) {
	*f = append(*f, FieldError{Field: field, Code: code, said: text{en, zh}})
}

// err returns validation_failed with every fault, nil if there is none.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &Problem{Code: CodeValidationFailed, Errors: f}
}

// problemOf is the one table from errors to codes.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) {
		return problemOfRefusal(refusal)
	}
	if p := problemOfPolicy(err); p != nil {
		return p
	}
	for _, row := range []struct {
		is      error
		code    Code
		command string
	}{
		{gate.ErrUnknownAction, CodeUnknownAction, ""},
		{gate.ErrClockSkew, CodeClockSkew, ""},
		{ErrOutcomeUnknown, CodeEngineUnavailable, "unknown"},
		{ErrEngineUnavailable, CodeEngineUnavailable, "not_taken"},
		{ErrProviderUnavailable, CodeProviderUnavailable, "not_taken"},
		{ErrProviderRefused, CodeProviderRefused, "not_taken"},
		{ErrAccountUnknown, CodeAccountNotFound, ""},
		{ErrRunUnknown, CodeRunNotFound, ""},
		{store.ErrUnavailable, CodeStoreUnavailable, ""},
		{vault.ErrUnavailable, CodeStoreUnavailable, "not_taken"},
		{store.ErrNotFound, CodeAccountNotFound, ""},
		{store.ErrClosed, CodeAccountClosed, ""},
	} {
		if errors.Is(err, row.is) {
			return &Problem{Code: row.code, Command: row.command, cause: err}
		}
	}
	return &Problem{Code: CodeInternal, cause: err}
}

func problemOfRefusal(r *lifecycle.Refusal) *Problem {
	p := &Problem{Code: Code(r.Code), State: r.State, Allowed: r.Allowed, cause: r}
	if !r.NextAt.IsZero() {
		next := r.NextAt
		p.NextAt = &next
	}
	return p
}

// localised returns p with type, status and the words of a language filled in.
func (p *Problem) localised(l lang) *Problem {
	q := *p
	e, ok := codes()[q.Code]
	if !ok {
		e = codes()[CodeInternal]
		q.Code = CodeInternal
	}
	q.Type, q.Status = "/docs#problem-"+string(q.Code), e.status
	q.Title, q.Detail = e.title.in(l), e.detail.in(l)
	if q.said != nil {
		q.Detail = q.said.in(l)
	}
	if q.retry == 0 {
		q.retry = e.retry
	}
	q.Errors = append([]FieldError(nil), p.Errors...)
	for i := range q.Errors {
		q.Errors[i].Message = q.Errors[i].said.in(l)
	}
	return &q
}

func lacks(scopes []Scope) *Problem {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	p := problem(CodeForbidden)
	p.Scope = names[0]
	list := strings.Join(names, ", ")
	return p.saying(
		fmt.Sprintf("The API key lacks the scope for this: %s. Use a key that has it.", list),
		fmt.Sprintf("该 API 密钥缺少所需的权限范围：%s。请使用具备该权限的密钥。", list))
}

func tooLarge(what string, zh string, bound string) *Problem {
	return problem(CodeTooLarge).saying(
		fmt.Sprintf("%s may have at most %s.", what, bound), fmt.Sprintf("%s最多为 %s。", zh, bound))
}

func rateLimited(wait time.Duration) *Problem {
	p := problem(CodeRateLimited)
	p.retry = max(wait, time.Second)
	return p
}

const problemType = "application/problem+json"

var _ error = (*Problem)(nil)

// statusOf returns the HTTP status of a code.
func statusOf(c Code) int {
	if e, ok := codes()[c]; ok {
		return e.status
	}
	return http.StatusInternalServerError
}
