// Package smssim stands in for Alibaba Cloud's short message service: it checks signatures, parameters and templates as
// the service does, keeps what was sent, answers queries, and misbehaves when told to. Its front page is the merchants'
// phones, for demonstrations. It is no part of a deployment.
package smssim

import (
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/notify/aliyunsms"
	"github.com/verigate/verigate/internal/notify/aliyunsms/acs3"
)

// Config is the account at the service. All fields are required.
type Config struct {
	AccessKeyID, AccessKeySecret string
	SignName                     string
	Templates                    map[string]string // by code; ${name} is a value
	Now                          func() time.Time
}

// Message is one that was taken.
type Message struct {
	BizID, OutID, Phone, Template, Text string
	At                                  time.Time
}

// Fault is one way to misbehave, for one request.
type Fault string

// The faults. The first three strike before a message is taken, the others after.
const (
	FaultSystemError Fault = "system_error" // answers isp.SYSTEM_ERROR
	FaultLimit       Fault = "limit"        // answers isv.BUSINESS_LIMIT_CONTROL
	FaultHTML        Fault = "html"         // a proxy's page, status 502
	FaultDropAfter   Fault = "drop_after"   // takes the message and closes the connection
	FaultCutAfter    Fault = "cut_after"    // takes the message and sends half of the answer
	FaultHidden      Fault = "hidden"       // takes the message, drops the answer, and cannot find it until Reveal
)

// Simulator is the service as an http.Handler.
type Simulator struct {
	cfg Config

	mu       sync.Mutex
	messages []Message
	hidden   map[string]bool // by BizID
	faults   []Fault
	nonces   map[string]bool
	requests int
}

// New returns the service.
func New(cfg Config) *Simulator {
	return &Simulator{cfg: cfg, hidden: map[string]bool{}, nonces: map[string]bool{}}
}

// Misbehave has the next requests for a message meet these faults, one each.
func (s *Simulator) Misbehave(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Reveal lets queries find what FaultHidden took.
func (s *Simulator) Reveal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hidden)
}

// Messages returns what was taken, oldest first.
func (s *Simulator) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/" {
		s.page(w)
		return
	}
	secret := func(id string) string {
		if id == s.cfg.AccessKeyID {
			return s.cfg.AccessKeySecret
		}
		return ""
	}
	_, nonce, err := acs3.Verify(r, secret, s.cfg.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	switch {
	case err != nil:
		s.answer(w, http.StatusBadRequest, "SignatureDoesNotMatch", nil)
	case s.nonces[nonce]:
		s.answer(w, http.StatusBadRequest, "SignatureNonceUsed", nil)
	case r.Header.Get("X-Acs-Version") != aliyunsms.Version:
		s.answer(w, http.StatusBadRequest, "InvalidVersion", nil)
	default:
		s.nonces[nonce] = true
		switch r.Header.Get("X-Acs-Action") {
		case "SendSms":
			s.send(w, r)
		case "QuerySendDetails":
			s.details(w, r)
		default:
			s.answer(w, http.StatusBadRequest, "InvalidAction.NotFound", nil)
		}
	}
}

// answer writes a code with more fields. The caller holds the lock.
func (s *Simulator) answer(w http.ResponseWriter, status int, code string, more map[string]any) {
	body := map[string]any{"RequestId": "SIM-" + strconv.Itoa(s.requests), "Code": code, "Message": code}
	for name, value := range more {
		body[name] = value
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller is gone
}

func (s *Simulator) fault() Fault {
	if len(s.faults) == 0 {
		return ""
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *Simulator) send(w http.ResponseWriter, r *http.Request) {
	f := s.fault()
	switch f {
	case FaultSystemError:
		s.answer(w, http.StatusOK, "isp.SYSTEM_ERROR", nil)
		return
	case FaultLimit:
		s.answer(w, http.StatusOK, "isv.BUSINESS_LIMIT_CONTROL", nil)
		return
	case FaultHTML:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html>bad gateway</html>"))
		return
	case FaultDropAfter, FaultCutAfter, FaultHidden:
	}
	m, code := s.take(r)
	if code != "" {
		s.answer(w, http.StatusOK, code, nil)
		return
	}
	switch f {
	case FaultHidden:
		s.hidden[m.BizID] = true
		panic(http.ErrAbortHandler)
	case FaultDropAfter:
		panic(http.ErrAbortHandler)
	case FaultCutAfter:
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"Code":"OK","Bi`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case FaultSystemError, FaultLimit, FaultHTML:
	}
	s.answer(w, http.StatusOK, "OK", map[string]any{"BizId": m.BizID})
}

var (
	phonePattern    = regexp.MustCompile(`^1[3-9]\d{9}$`)
	variablePattern = regexp.MustCompile(`\$\{(\w+)\}`)
)

// take judges a message as the service does and keeps it; code says why not.
func (s *Simulator) take(r *http.Request) (m Message, code string) {
	q := r.URL.Query()
	text, known := s.cfg.Templates[q.Get("TemplateCode")]
	var values map[string]string
	switch {
	case q.Get("SignName") != s.cfg.SignName:
		return m, "isv.SMS_SIGNATURE_ILLEGAL"
	case !known:
		return m, "isv.SMS_TEMPLATE_ILLEGAL"
	case !phonePattern.MatchString(q.Get("PhoneNumbers")):
		return m, "isv.MOBILE_NUMBER_ILLEGAL"
	case json.Unmarshal([]byte(q.Get("TemplateParam")), &values) != nil:
		return m, "isv.INVALID_JSON_PARAM"
	}
	for _, variable := range variablePattern.FindAllStringSubmatch(text, -1) {
		value, given := values[variable[1]]
		switch {
		case !given || value == "":
			return m, "isv.TEMPLATE_MISSING_PARAMETERS"
		case strings.Contains(value, "://"):
			return m, "isv.PARAM_NOT_SUPPORT_URL"
		}
		text = strings.ReplaceAll(text, variable[0], value)
	}
	m = Message{
		BizID: "9006" + strconv.Itoa(len(s.messages)+1) + "^0", OutID: q.Get("OutId"), Phone: q.Get("PhoneNumbers"),
		Template: q.Get("TemplateCode"), Text: "【" + s.cfg.SignName + "】" + text, At: s.cfg.Now(),
	}
	s.messages = append(s.messages, m)
	return m, ""
}

func (s *Simulator) details(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("PageSize"))
	page, errPage := strconv.Atoi(q.Get("CurrentPage"))
	if err != nil || errPage != nil || size < 1 || size > 50 || page < 1 || len(q.Get("SendDate")) != 8 {
		s.answer(w, http.StatusOK, "isv.INVALID_PARAMETERS", nil)
		return
	}
	list, skip := []map[string]any{}, (page-1)*size
	for _, m := range slices.Backward(s.messages) {
		if m.Phone != q.Get("PhoneNumber") || s.hidden[m.BizID] || beijing(m.At).Format("20060102") != q.Get("SendDate") {
			continue
		}
		if skip--; skip < 0 && len(list) < size {
			list = append(list, map[string]any{
				"PhoneNum": m.Phone, "SendStatus": 3, "ErrCode": "DELIVERED", "TemplateCode": m.Template, "Content": m.Text,
				"SendDate": beijing(m.At).Format(time.DateTime), "OutId": m.OutID,
			})
		}
	}
	s.answer(w, http.StatusOK, "OK", map[string]any{
		"TotalCount": strconv.Itoa(len(list)), "SmsSendDetailDTOs": map[string]any{"SmsSendDetailDTO": list},
	})
}

func beijing(at time.Time) time.Time { return at.In(time.FixedZone("", 8*60*60)) }

const shownMessages = 50

// page shows the last messages, as phones would.
func (s *Simulator) page(w http.ResponseWriter) {
	type row struct{ At, Phone, Text string }
	var rows []row
	for _, m := range slices.Backward(s.Messages()) {
		if len(rows) == shownMessages {
			break
		}
		rows = append(rows, row{beijing(m.At).Format(time.DateTime), m.Phone[:3] + "****" + m.Phone[7:], m.Text})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	t, err := template.New("page").Parse(pageText)
	if err == nil {
		err = t.Execute(w, rows)
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

const pageText = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>SMS</title>
<h1>短信 / Text messages (simulated)</h1>
{{range .}}<article><h2>{{.Phone}} · {{.At}}</h2><p>{{.Text}}</p></article>{{else}}<p>还没有短信 / No message yet</p>{{end}}`
