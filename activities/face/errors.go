package face

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// The class of an error says what to do about it; test with errors.Is.
var (
	// ErrTransient: ask again later, with backoff; a Start under a new order number.
	ErrTransient = errors.New("transient fault")
	// ErrRateLimited: wait at least RetryAfter; the quota is shared by all accounts.
	ErrRateLimited = errors.New("rate limited")
	// ErrUserInput: the provider refuses the name or number; the person must correct it.
	ErrUserInput = errors.New("subject data refused")
	// ErrConfig: key, contract, permission or a fault of ours: alert an operator, start nothing more.
	ErrConfig = errors.New("configuration fault")
	// ErrSignature: the answer is not provably the provider's: believe nothing in it, alert.
	ErrSignature = errors.New("answer not authentic")
	// ErrUnknownRef: the provider knows no such order; the attempt is dead.
	ErrUnknownRef = errors.New("unknown reference")
	// ErrRefExpired: the provider no longer answers for this order; the attempt is dead.
	ErrRefExpired = errors.New("reference expired")
	// ErrUncertain: Start was sent and its answer is lost: the order may exist.
	// Drop the order number and take a new one.
	ErrUncertain = errors.New("start uncertain")
	// ErrUnsupported: the service cannot verify this kind of document; offer the manual route.
	ErrUnsupported = errors.New("unsupported subject")
)

// Classes lists every error class.
func Classes() []error {
	return []error{
		ErrTransient, ErrRateLimited, ErrUserInput, ErrConfig, ErrSignature,
		ErrUnknownRef, ErrRefExpired, ErrUncertain, ErrUnsupported,
	}
}

// ClassOf returns the class of err, or nil if it has none.
func ClassOf(err error) error {
	for _, class := range Classes() {
		if errors.Is(err, class) {
			return class
		}
	}
	return nil
}

// Codes of refusals that an adapter makes by itself, before anything is sent.
const (
	CodeNoConsent   = "consent_missing"
	CodeOrderNo     = "order_no_invalid"
	CodeReturnURL   = "return_url_invalid"
	CodeSubjectName = "name_invalid"
	CodeSubjectDoc  = "document_invalid"
	CodeDocType     = "document_type_unsupported"
	CodeLocalQuota  = "local_quota"
)

// Error is every failure of an adapter. It has no room for free text: codes
// pass through SafeCode, and nothing of the request or the answer is kept.
type Error struct {
	Class      error         // one of Classes
	Provider   string        // Provider.Name
	Op         string        // "start", "launch", "query"
	Code       string        // the provider's code or one of the Code constants
	SubCode    string        // the provider's finer code
	HTTPStatus int           // 0 if no answer came
	RetryAfter time.Duration // shortest wait that makes sense; 0 if unknown
	RequestID  string        // the provider's id of the call, if it gives one
	Cause      error         // context.Canceled or context.DeadlineExceeded, or nil; nothing else
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("face: " + e.Provider + " " + e.Op)
	if e.Class != nil {
		b.WriteString(": " + e.Class.Error())
	}
	for _, code := range []string{e.Code, e.SubCode} {
		if code != "" {
			b.WriteString(" " + code)
		}
	}
	if e.HTTPStatus != 0 {
		b.WriteString(" http " + strconv.Itoa(e.HTTPStatus))
	}
	return b.String()
}

// Unwrap gives errors.Is the class and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Class, e.Cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// maxCode bounds a code, in bytes; maxDigits a run of digits in it. The longest
// codes known are 40 letters; the shortest personal number would be longer than
// six digits.
const (
	maxCode   = 64
	maxDigits = 6
)

// SafeCode returns code if it looks like a code: letters, digits, ".", "_" and
// "-", at most 64, no run of more than six digits. Anything else, which could be
// prose or a document number, becomes "unprintable".
func SafeCode(code string) string {
	digits := 0
	for _, r := range code {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '_', r == '-':
			digits = 0
		default:
			return "unprintable"
		}
		if digits > maxDigits {
			return "unprintable"
		}
	}
	if len(code) > maxCode {
		return "unprintable"
	}
	return code
}
