package alipay

import (
	"time"

	"github.com/verigate/verigate/activities/face"
)

// limitedWait is the least wait after code 40005. Alipay publishes neither the
// limit nor its period; half a minute is long beside a poll and short beside a
// QR code's life.
const limitedWait = 30 * time.Second

// verdict is what a code means: a class of error, or pending.
type verdict struct {
	class   error
	pending bool
}

// classify maps an answer that is not a success. The full tables of the methods
// are not published, so whatever is not listed is a configuration fault: an
// operator must look, and nobody is passed or failed by it.
func classify(method, code, sub string) verdict {
	switch code {
	case "10003": // processing
		if method == methodQuery {
			return verdict{pending: true}
		}
		// An order that is being made: it may come to exist.
		return verdict{class: face.ErrUncertain}
	case "20000": // service currently unavailable
		return verdict{class: face.ErrTransient}
	case "40005": // call limited
		return verdict{class: face.ErrRateLimited}
	case "40004": // business failed
		return classifyBusiness(method, sub)
	}
	// 20001 permission of the token, 40001 missing and 40002 invalid arguments,
	// 40003 conditions, 40006 product not signed for, and anything new.
	return verdict{class: face.ErrConfig}
}

func classifyBusiness(method, sub string) verdict {
	switch sub {
	case "CERTIFY_ID_EXPIRED":
		return verdict{class: face.ErrRefExpired}
	case "OPEN_CERTIFY_BILL_NOT_EXIST", "CERTIFY_NOT_EXIST":
		return verdict{class: face.ErrUnknownRef}
	case "SYSTEM_ERROR":
		return verdict{class: face.ErrTransient}
	case "unknown-sub-code":
		// Comes both from passing trouble at Alipay and from a wrong JSON shape
		// of ours. Transient here; a caller stops after the second in a row.
		return verdict{class: face.ErrTransient}
	case "ILLEGAL_ARGUMENT_FORMAT":
		// What we send besides name and number was checked before.
		if method == methodInitialize {
			return verdict{class: face.ErrUserInput}
		}
	case "CERTIFY_NOT_FINISH", "CERTIFY_IN_PROCESS":
		// Reported by one third party only; harmless to understand.
		if method == methodQuery {
			return verdict{pending: true}
		}
	}
	return verdict{class: face.ErrConfig}
}
