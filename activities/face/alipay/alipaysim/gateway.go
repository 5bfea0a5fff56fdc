package alipaysim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	methodInitialize = "alipay.user.certify.open.initialize"
	methodCertify    = "alipay.user.certify.open.certify"
	methodQuery      = "alipay.user.certify.open.query"

	// maxForm bounds a call, in bytes; a portrait to compare with would be larger
	// but is not simulated.
	maxForm = 1 << 20
)

// result is the node of one answer, before it is wrapped and signed.
type result struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code,omitempty"`
	SubMsg  string `json:"sub_msg,omitempty"`

	CertifyID string `json:"certify_id,omitempty"`
	// Passed is a string, or a list under the fault passed_array.
	Passed       any     `json:"passed,omitempty"`
	IdentityInfo *string `json:"identity_info,omitempty"`
	MaterialInfo *string `json:"material_info,omitempty"`

	node     string // node name; "" for error_response
	unsigned bool   // errors of the gateway itself
}

func success() result { return result{Code: "10000", Msg: "Success"} }

func business(sub, msg string) result {
	return result{Code: "40004", Msg: "Business Failed", SubCode: sub, SubMsg: msg}
}

func gatewayError(code, msg, sub, subMsg string) result {
	return result{Code: code, Msg: msg, SubCode: sub, SubMsg: subMsg, unsigned: true}
}

func invalid(sub, subMsg string) result {
	return gatewayError("40002", "Invalid Arguments", sub, subMsg)
}

func nodeName(method string) string { return strings.ReplaceAll(method, ".", "_") + "_response" }

// serveAPI answers initialize and query.
func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.answer(w, r, "", invalid("isv.invalid-parameter", "表单无法解析"), Fault{})
		return
	}
	method := r.Form.Get("method")
	op := map[string]string{methodInitialize: OpInitialize, methodQuery: OpQuery}[method]
	var fault Fault
	if op != "" {
		fault = s.take(op, s.askedIsPassed(r.Form))
	}
	if s.strikeBefore(w, r, fault) {
		return
	}
	res, signed := s.admit(r)
	if signed {
		if canned, ok := cannedAnswer(fault.Kind); ok {
			res = canned
		} else if op == OpInitialize {
			res = s.initialize(r.Form.Get("biz_content"))
		} else {
			res = s.query(r.Form.Get("biz_content"), fault.Kind)
		}
		res.node = nodeName(method)
	}
	s.answer(w, r, op, res, fault)
}

// admit checks what the gateway checks for every method; ok means that the call
// is ours and well signed.
func (s *Simulator) admit(r *http.Request) (refusal result, ok bool) {
	form := r.Form
	for _, values := range form {
		if len(values) > 1 {
			return invalid("isv.invalid-parameter", "参数重复"), false
		}
	}
	for _, p := range []struct{ name, sub string }{
		{"app_id", "isv.missing-app-id"}, {"method", "isv.missing-method"},
		{"sign_type", "isv.missing-signature-type"}, {"sign", "isv.missing-signature"},
		{"timestamp", "isv.missing-timestamp"}, {"version", "isv.missing-version"},
	} {
		if form.Get(p.name) == "" {
			return gatewayError("40001", "Missing Required Arguments", p.sub, "缺少参数"+p.name), false
		}
	}
	method := form.Get("method")
	switch {
	case form.Get("app_id") != s.cfg.AppID:
		return invalid("isv.invalid-app-id", "无效的AppID参数"), false
	case method != methodInitialize && method != methodQuery && method != methodCertify,
		(r.Method == http.MethodPost) == (method == methodCertify):
		return invalid("isv.invalid-method", "不存在的方法名"), false
	case form.Get("sign_type") != "RSA2":
		return invalid("isv.invalid-signature-type", "无效签名类型"), false
	case s.cfg.AppCertSN != "" && form.Get("app_cert_sn") != s.cfg.AppCertSN:
		return invalid("isv.invalid-app-cert-sn", "应用证书序列号不匹配"), false
	case s.cfg.RootCertSN != "" && form.Get("alipay_root_cert_sn") != s.cfg.RootCertSN:
		return invalid("isv.invalid-alipay-root-cert-sn", "根证书序列号不匹配"), false
	}
	content := signingString(form)
	if s.misreadAsGBK(r) || !signatureOK(s.cfg.AppPublicKey, content, form.Get("sign")) {
		// The echo is what the real gateway does, name and number included.
		res := invalid("isv.invalid-signature", "验签出错, 网关生成的验签字符串为: "+content)
		res.node = nodeName(method)
		return res, false
	}
	if !s.timestampOK(form.Get("timestamp"), method) {
		res := invalid("isv.invalid-timestamp", "非法的时间戳参数")
		res.node = nodeName(method)
		return res, false
	}
	return result{}, true
}

// misreadAsGBK tells whether a gateway without a charset in the URL would have
// read other characters than were signed.
func (s *Simulator) misreadAsGBK(r *http.Request) bool {
	if !s.cfg.RequireCharsetInURL || r.URL.Query().Get("charset") != "" {
		return false
	}
	for _, values := range r.PostForm {
		if utf8.RuneCountInString(values[0]) != len(values[0]) {
			return true
		}
	}
	return false
}

// timestampOK checks the form and, for API calls, the age: a certify URL waits
// in a QR code for a scanner.
func (s *Simulator) timestampOK(text, method string) bool {
	at, err := time.ParseInLocation(time.DateTime, text, time.FixedZone("UTC+8", 8*60*60))
	if err != nil || s.cfg.TimestampTolerance <= 0 || method == methodCertify {
		return err == nil
	}
	return s.cfg.Now().Sub(at).Abs() <= s.cfg.TimestampTolerance
}

// initializeInput is biz_content of initialize. The identity stays in this value.
type initializeInput struct {
	OuterOrderNo  string          `json:"outer_order_no"`
	BizCode       string          `json:"biz_code"`
	IdentityParam json.RawMessage `json:"identity_param"`
	MerchantCfg   json.RawMessage `json:"merchant_config"`
}

func (s *Simulator) initialize(content string) result {
	badFormat, badShape := business("ILLEGAL_ARGUMENT_FORMAT", "参数异常"), business("unknown-sub-code", "未知的错误码UNKNOWN_ERROR")
	var in initializeInput
	if hasNull(content) {
		return badFormat
	}
	if json.Unmarshal([]byte(content), &in) != nil {
		return badShape
	}
	var identity struct {
		IdentityType string `json:"identity_type"`
		CertType     string `json:"cert_type"`
		CertName     string `json:"cert_name"`
		CertNo       string `json:"cert_no"`
	}
	var merchant struct {
		ReturnURL           *string `json:"return_url"`
		FaceReserveStrategy string  `json:"face_reserve_strategy"`
	}
	// Sent as a JSON string, as older documents had it, these do not decode.
	if json.Unmarshal(in.IdentityParam, &identity) != nil || json.Unmarshal(in.MerchantCfg, &merchant) != nil {
		return badShape
	}
	switch {
	case !orderNoOK(in.OuterOrderNo),
		!oneOf(in.BizCode, "FACE", "SMART_FACE", "CERT_PHOTO", "CERT_PHOTO_FACE"),
		!oneOf(identity.IdentityType, "CERT_INFO"),
		!oneOf(identity.CertType, "IDENTITY_CARD"),
		identity.CertName == "", utf8.RuneCountInString(identity.CertName) > 50,
		identity.CertNo == "", len(identity.CertNo) > 30,
		merchant.ReturnURL == nil, !returnURLOK(*merchant.ReturnURL),
		!oneOf(merchant.FaceReserveStrategy, "", "reserve", "never"):
		return badFormat
	}
	a, err := s.create(in.OuterOrderNo, *merchant.ReturnURL)
	switch {
	case err == nil:
		res := success()
		res.CertifyID = a.CertifyID
		return res
	case err == errRepeatedOrder: //nolint:errorlint // never wrapped
		return business("SIM_ORDER_NO_REPEATED", "商户请求号重复")
	default:
		s.log.Error("attempt not kept", "error", err)
		return business("SYSTEM_ERROR", "系统错误")
	}
}

func (s *Simulator) query(content, fault string) result {
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	if hasNull(content) || json.Unmarshal([]byte(content), &in) != nil || in.CertifyID == "" {
		return business("ILLEGAL_ARGUMENT_FORMAT", "参数异常")
	}
	a, ok := s.find(in.CertifyID)
	switch {
	case !ok:
		return business("OPEN_CERTIFY_BILL_NOT_EXIST", "无效的certify_id")
	case a.forgotten(s.cfg.Now()):
		return business("CERTIFY_ID_EXPIRED", "认证已失效")
	}
	passed := "F"
	if a.State == statePassed && fault != FaultFlipLate {
		passed = "T"
	}
	res, empty := success(), ""
	res.Passed, res.IdentityInfo, res.MaterialInfo = passed, &empty, &empty
	switch fault {
	case FaultPassedArray:
		res.Passed = []string{passed}
	case FaultPassedOdd:
		res.Passed = "X"
	}
	return res
}

// askedIsPassed looks ahead for flip_late.
func (s *Simulator) askedIsPassed(form url.Values) bool {
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	_ = json.Unmarshal([]byte(form.Get("biz_content")), &in)
	a, ok := s.find(in.CertifyID)
	return ok && a.State == statePassed
}

func oneOf(s string, all ...string) bool {
	for _, one := range all {
		if s == one {
			return true
		}
	}
	return false
}

func orderNoOK(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// hasNull finds a null anywhere in a JSON text; the gateway allows none.
func hasNull(content string) bool {
	dec := json.NewDecoder(strings.NewReader(content))
	for {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		if tok == nil {
			return true
		}
	}
}

// returnURLOK allows "" and absolute http(s) URLs whose host is plain, because
// the host goes into a security policy header.
func returnURLOK(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		strings.Trim(u.Host, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-:[]") == ""
}
