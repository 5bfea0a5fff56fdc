package face

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxOrderNo is the longest order number, in characters: the smallest bound of
// the services considered (Alipay and Alibaba Cloud both state 32).
const MaxOrderNo = 32

// MaxReturnURL bounds a return address, in bytes: Alipay's bound on the public
// parameter return_url.
const MaxReturnURL = 256

// ValidOrderNo reports whether s is 1 to 32 ASCII letters and digits.
func ValidOrderNo(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= MaxOrderNo
}

// ValidReturnURL reports whether s is "" or an absolute http(s) URL without user
// information, query and fragment, of at most MaxReturnURL bytes. The query is
// refused because providers are known to drop or forbid it: tokens belong in the
// path.
func ValidReturnURL(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= MaxReturnURL &&
		(u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// Check judges what every service requires of a request and returns the class
// and code of the first fault, or nil and "". Adapters call it before they send
// anything and add what their service alone demands.
func (r StartRequest) Check(docTypes []DocType) (class error, code string) {
	switch {
	case strings.TrimSpace(r.ConsentID) == "":
		return ErrConfig, CodeNoConsent
	case !ValidOrderNo(r.OrderNo):
		return ErrConfig, CodeOrderNo
	case !ValidReturnURL(r.ReturnURL):
		return ErrConfig, CodeReturnURL
	case !accepted(r.Subject.DocType, docTypes):
		return ErrUnsupported, CodeDocType
	case !validName(r.Subject.Name):
		return ErrUserInput, CodeSubjectName
	case r.Subject.DocNo == "":
		return ErrUserInput, CodeSubjectDoc
	}
	return nil, ""
}

func accepted(t DocType, all []DocType) bool {
	for _, one := range all {
		if t == one {
			return true
		}
	}
	return false
}

// validName refuses only what no service can mean: nothing, broken UTF-8,
// surrounding space, control characters. Judging names is the review's business.
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.TrimSpace(name) == name &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}
