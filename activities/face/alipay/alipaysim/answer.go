package alipaysim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// otherSN is an alipay_cert_sn that no certificate of the simulator has.
const otherSN = "00000000000000000000000000000000"

// strikeBefore plays the faults that come before any work; it reports whether
// the request is done with.
func (s *Simulator) strikeBefore(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f.Kind {
	case FaultHTTP500:
		w.WriteHeader(http.StatusInternalServerError)
	case FaultHTTP503:
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusServiceUnavailable)
	case FaultRedirect308:
		w.Header().Set("Location", r.URL.RequestURI())
		w.WriteHeader(http.StatusPermanentRedirect)
	case FaultHTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>proxy</title><p>Please log in to the network.</p>")
	case FaultDrop:
		panic(http.ErrAbortHandler)
	case FaultNeverAnswers:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// cannedAnswer returns the signed refusal of a "before" kind.
func cannedAnswer(kind string) (result, bool) {
	switch kind {
	case FaultBusy20000:
		return result{Code: "20000", Msg: "Service Currently Unavailable", SubCode: "isp.unknow-error", SubMsg: "系统繁忙"}, true
	case FaultLimited40005:
		return result{Code: "40005", Msg: "Call Limited", SubCode: "isv.call-limited", SubMsg: "调用频次超限"}, true
	case FaultForbidden:
		return result{Code: "40006", Msg: "Insufficient Permissions", SubCode: "isv.insufficient-isv-permissions", SubMsg: "ISV权限不足"}, true
	case FaultProcessing:
		return result{Code: "10003", Msg: "processing"}, true
	case FaultSystemError:
		return business("SYSTEM_ERROR", "系统错误"), true
	case FaultUnknownError:
		return business("unknown-sub-code", "未知的错误码UNKNOWN_ERROR"), true
	case FaultNewSubCode:
		return business("SIM_NEVER_SEEN_BEFORE", "新的错误"), true
	case FaultFormatError:
		return business("ILLEGAL_ARGUMENT_FORMAT", "参数异常"), true
	}
	return result{}, false
}

// answer wraps, signs and sends a result, spoiled as the fault asks.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, op string, res result, f Fault) {
	if f.Kind == FaultOtherMethod && res.Code == "10000" {
		node := res.node
		if op == OpQuery {
			res = success()
			res.CertifyID = "e63e21d979ef24934d5aa384847e7560"
		} else {
			res = success()
			res.Passed = "T"
		}
		res.node = node
	}
	body := s.envelope(res, f.Kind)
	switch f.Kind {
	case FaultDelay:
		if !s.wait(r, s.delayOf(f)) {
			panic(http.ErrAbortHandler)
		}
	case FaultDidItButCut:
		panic(http.ErrAbortHandler)
	case FaultCutBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case FaultHugeBody:
		body = append(bytes.TrimSuffix(body, []byte("}")), `,"padding":"`+strings.Repeat("x", 2<<20)+`"}`...)
	}
	w.Header().Set("Content-Type", "text/html;charset=utf-8") // as captured from the real one: not to be relied on
	_, _ = w.Write(body)
}

// envelope is the answer's outer object.
func (s *Simulator) envelope(res result, fault string) []byte {
	content := encode(res)
	name := res.node
	if name == "" {
		name = "error_response"
	}
	var b bytes.Buffer
	b.WriteString(`{"` + name + `":`)
	b.Write(content)
	switch sn := s.cfg.CertSN; {
	case res.unsigned:
	case fault == FaultCertSN:
		b.WriteString(`,"alipay_cert_sn":"` + otherSN + `"`)
	case sn != "":
		b.WriteString(`,"alipay_cert_sn":"` + sn + `"`)
	}
	switch {
	case res.unsigned || fault == FaultUnsigned:
	case fault == FaultWrongSign:
		b.WriteString(`,"sign":"` + s.signature(append(content, ' ')) + `"`)
	default:
		b.WriteString(`,"sign":"` + s.signature(content) + `"`)
	}
	if fault == FaultDuplicate {
		forged := success()
		forged.Passed, forged.CertifyID = "T", "ffffffffffffffffffffffffffffffff"
		b.WriteString(`,"` + name + `":`)
		b.Write(encode(forged))
	}
	b.WriteString("}")
	return b.Bytes()
}

// encode is JSON as the gateway writes it: no HTML escapes.
func encode(res result) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(res) // strings only: cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// wait holds a request back; false means that the client has gone.
func (s *Simulator) wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closed:
		return true
	case <-r.Context().Done():
		return false
	}
}
