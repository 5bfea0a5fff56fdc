package api

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/store"
)

// recorded reports whether the calls of an operation are put into the audit log: those that change something and that
// not only account services make, and those that say so of themselves.
func (op *operation) recorded() bool {
	if op.audited {
		return true
	}
	services := []Scope{AccountsWrite, DecisionsRead, VerificationsWrite, VerificationsRead}
	return op.changes() && !op.services && slices.ContainsFunc(op.scopes, func(s Scope) bool { return !slices.Contains(services, s) })
}

// changes reports whether an operation changes something.
func (op *operation) changes() bool {
	return op.method != http.MethodGet && op.method != http.MethodHead && !op.asks
}

// mark has the call recorded, although not every call of its operation is.
func (c *call) mark() { c.marked = true }

// recorded reports whether the call will be put into the audit log.
func (c *call) recorded() bool { return c.marked || c.op.recorded() || c.person && c.op.changes() }

// auditWait bounds the writing of an entry. The caller may be gone by then; what was done is recorded all the same.
const auditWait = 5 * time.Second

// told puts the call into the audit log, once, and returns how it is to be answered: as it was, or, if the entry cannot
// be written, that the command may have been taken. It is called after the operation ran and before the answer is kept
// or sent. So nobody sees what nobody knows that they saw, and a request that is repeated runs again and is recorded.
func (s *Server) told(c *call, err error) error {
	if c.told || !c.recorded() || c.key.ID == "" {
		return err
	}
	e, status := c.act, http.StatusOK
	e.Outcome = store.OutcomeOK
	if err != nil {
		p := problemOf(err)
		if p.Code == CodeUnauthenticated || p.Code == CodeRateLimited {
			return err
		}
		e.Outcome, status = string(p.Code), statusOf(p.Code)
	}
	c.told = true
	e.Actor, e.Role, e.Action, e.Address = c.key.ID, string(roleOf(c.r)), c.op.id, s.cfg.ClientIP(c.r)
	e.RequestID = requestid.Of(c.r.Context())
	if e.Subject == "" {
		e.Subject = c.pathSubject()
	}
	e.Subject, e.Reason = plainSubject(e.Subject), plainReason(e.Reason)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), auditWait)
	defer cancel()
	if _, failed := s.cfg.Store.AppendAudit(ctx, e); failed != nil {
		s.cfg.Logger.ErrorContext(ctx, "the audit log does not take an entry", "operation", c.op.id, "outcome", e.Outcome,
			"request_id", e.RequestID, "error", failed)
		return unrecorded(err, status).because(failed)
	}
	return err
}

// unrecorded is the answer to a call that could not be put into the audit log.
func unrecorded(err error, status int) *Problem {
	p := problem(CodeStoreUnavailable)
	p.Command = "unknown"
	if err != nil && status < http.StatusInternalServerError {
		p.Command = "not_taken"
	}
	return p.saying(
		"The audit log could not be written. The command may have been taken; send it again with the same Idempotency-Key.",
		"审计日志暂时无法写入。命令可能已被接受，请使用相同的 Idempotency-Key 重试。")
}

// roleOf is the role of the person who sends a request, empty for a key.
func roleOf(r *http.Request) Role {
	p, _ := r.Context().Value(principalKey{}).(Principal)
	return p.Role
}

// pathSubject is what the address of the call names, as account/a1 or policy/name/2.
func (c *call) pathSubject() string {
	var parts []string
	for element := range strings.SplitSeq(c.op.path, "/") {
		name := strings.TrimPrefix(element, "{")
		if name == element {
			continue
		}
		name, _, _ = strings.Cut(name, "}")
		if len(parts) == 0 {
			parts = append(parts, kindOf(name))
		}
		parts = append(parts, c.r.PathValue(name))
	}
	return strings.Join(parts, "/")
}

// kindOf is what a parameter of a path names.
func kindOf(parameter string) string {
	switch parameter {
	case "name":
		return "policy"
	case "run_id":
		return "reminders"
	default:
		return strings.TrimSuffix(parameter, "_id")
	}
}

var (
	ownPattern    = regexp.MustCompile(`^(op_)?[0-9a-f]{16}$`) // of keys and operators, made by us
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	reasonPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}( note:[A-Za-z0-9-]{1,64})?$`)
	digitsPattern = regexp.MustCompile(`[0-9]{11}`) // a phone number or more
)

// plainSubject replaces what cannot be an id, or may be somebody's number, by a question mark. An account's id is the
// platform's own and stands in every log.
func plainSubject(subject string) string {
	parts := strings.Split(subject, "/")
	if len(parts) == 2 && slices.Contains([]string{"key", "operator"}, parts[0]) && ownPattern.MatchString(parts[1]) {
		return subject
	}
	for i, p := range parts {
		number := digitsPattern.MatchString(p) && uuid.Validate(p) != nil && (i == 0 || parts[0] != "account")
		if p != "" && (number || !idPattern.MatchString(p)) {
			parts[i] = "?"
		}
	}
	return strings.Join(parts, "/")
}

// plainReason keeps the code of a reason. What else people write stands where the operation keeps it: in the vault, or
// in the history of a policy.
func plainReason(reason string) string {
	code, _, _ := strings.Cut(reason, " ")
	if reason == "" || reasonPattern.MatchString(reason) && !digitsPattern.MatchString(code) {
		return reason
	}
	return "stated"
}
