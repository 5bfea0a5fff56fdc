// Package aliyunsms sends notices as text messages through Alibaba Cloud's short message service (dysmsapi 2017-05-25).
//
// The service is not idempotent: the same request twice is two messages. A request whose answer was lost is therefore
// notify.ErrUncertain, and Find looks for the message by our own id among those to the number. Messages are templates
// that the service has approved, with values; they hold no address and nothing about the person.
package aliyunsms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/aliyunsms/acs3"
)

// Version is the version of the service's interface.
const Version = "2017-05-25"

const (
	maxAnswer = 256 << 10
	pageSize  = 50
	maxPages  = 4 // of a number's messages of one day; the service allows far fewer
)

// Config is the contract with the service. All fields are required.
type Config struct {
	Endpoint        string // such as https://dysmsapi.aliyuncs.com
	AccessKeyID     string
	AccessKeySecret string
	SignName        string // the approved signature that begins each message
	// Codes of the approved templates, for before and after the deadline. Both get ${date} (the deadline, 2020-12-04)
	// and ${days} (the days until it, or since).
	TemplateBefore, TemplateAfter string
	Timeout                       time.Duration // of one call
	Now                           func() time.Time
	HTTP                          *http.Client
}

// Sender is a notify.Notifier. It is safe for concurrent use.
type Sender struct {
	cfg      Config
	endpoint *url.URL
}

var _ notify.Notifier = (*Sender)(nil)

// New returns a sender.
func New(cfg Config) (*Sender, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	switch {
	case err != nil || endpoint.Host == "":
		return nil, errors.New("aliyunsms: Endpoint must be an absolute address")
	case cfg.AccessKeyID == "" || cfg.AccessKeySecret == "" || cfg.SignName == "" || cfg.TemplateBefore == "" || cfg.TemplateAfter == "":
		return nil, errors.New("aliyunsms: AccessKeyID, AccessKeySecret, SignName, TemplateBefore and TemplateAfter are required")
	case cfg.Timeout <= 0 || cfg.Now == nil || cfg.HTTP == nil:
		return nil, errors.New("aliyunsms: Timeout, Now and HTTP are required")
	}
	client := *cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.HTTP = &client
	return &Sender{cfg, endpoint}, nil
}

// Values are what a template gets.
type Values struct {
	Date string `json:"date"`
	Days string `json:"days"`
}

// Send implements notify.Notifier.
func (s *Sender) Send(ctx context.Context, n notify.Notice) (notify.Receipt, error) {
	template := s.cfg.TemplateBefore
	if n.Passed {
		template = s.cfg.TemplateAfter
	}
	values, err := json.Marshal(Values{Date: n.Deadline.Format(time.DateOnly), Days: strconv.Itoa(n.Days)})
	if err != nil {
		return notify.Receipt{}, fault(notify.ErrSettings, "values")
	}
	var out struct {
		answer
		BizID string `json:"BizId"`
	}
	err = s.call(ctx, "SendSms", url.Values{
		"PhoneNumbers": {n.To.National()}, "SignName": {s.cfg.SignName}, "TemplateCode": {template},
		"TemplateParam": {string(values)}, "OutId": {n.ID},
	}, &out)
	switch {
	case err != nil:
		return notify.Receipt{}, err
	case out.Code != okCode:
		return notify.Receipt{}, judge(out.Code)
	case out.BizID == "":
		return notify.Receipt{}, fault(notify.ErrUncertain, "no_biz_id")
	}
	return notify.Receipt{ProviderID: out.BizID}, nil
}

// Find implements notify.Notifier. The service keeps messages by number and Beijing day, and does not tell its own id
// of them, so a message that was found has none.
func (s *Sender) Find(ctx context.Context, n notify.Notice, sentAt time.Time) (notify.Receipt, bool, error) {
	first := beijingDay(sentAt)
	found, err := s.findOn(ctx, n, first)
	if next := beijingDay(sentAt.Add(s.cfg.Timeout)); err == nil && !found && next != first {
		found, err = s.findOn(ctx, n, next)
	}
	if errors.Is(err, notify.ErrUncertain) { // asking changes nothing
		err = fault(notify.ErrNotTaken, notify.CodeOf(err))
	}
	return notify.Receipt{}, found && err == nil, err
}

func beijingDay(at time.Time) string {
	return at.In(time.FixedZone("", 8*60*60)).Format("20060102")
}

func (s *Sender) findOn(ctx context.Context, n notify.Notice, day string) (bool, error) {
	for page := 1; page <= maxPages; page++ {
		var out struct {
			answer
			Details struct {
				List []struct {
					OutID string `json:"OutId"`
				} `json:"SmsSendDetailDTO"`
			} `json:"SmsSendDetailDTOs"`
		}
		err := s.call(ctx, "QuerySendDetails", url.Values{
			"PhoneNumber": {n.To.National()}, "SendDate": {day}, "PageSize": {strconv.Itoa(pageSize)}, "CurrentPage": {strconv.Itoa(page)},
		}, &out)
		if err != nil {
			return false, err
		}
		if out.Code != okCode {
			return false, judge(out.Code)
		}
		for _, d := range out.Details.List {
			if d.OutID == n.ID {
				return true, nil
			}
		}
		if len(out.Details.List) < pageSize {
			return false, nil
		}
	}
	return false, nil
}

// answer is what every answer begins with. Message is not read: it can quote what was sent.
type answer struct {
	Code string `json:"Code"`
}

const okCode = "OK"

// call signs and sends a request. Its errors name no address: the number stands in it.
func (s *Sender) call(ctx context.Context, action string, query url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	target := *s.endpoint
	target.Path, target.RawQuery = "/", acs3.Encode(query)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), http.NoBody)
	if err != nil {
		return fault(notify.ErrSettings, "endpoint")
	}
	r.Header = acs3.Request{
		Host: target.Host, Action: action, Version: Version, Query: query, At: s.cfg.Now(), Nonce: rand.Text(),
	}.Header(s.cfg.AccessKeyID, s.cfg.AccessKeySecret)
	r.Header.Set("Accept", "application/json")
	res, err := s.cfg.HTTP.Do(r)
	if err != nil {
		return unanswered(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fault(notify.ErrUncertain, "cut")
	}
	return read(res.StatusCode, body, out)
}

// unanswered tells a request that never left from one that nobody answered.
func unanswered(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fault(notify.ErrNotTaken, "unreachable")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault(notify.ErrUncertain, "timeout")
	}
	return fault(notify.ErrUncertain, "no_answer")
}

// read decodes an answer, which says what happened by its code whatever its status is.
func read(status int, body []byte, out any) error {
	var said answer
	if json.Unmarshal(body, &said) != nil || said.Code == "" {
		if status >= 300 && status < 500 {
			return fault(notify.ErrSettings, "http_"+strconv.Itoa(status))
		}
		return fault(notify.ErrUncertain, "http_"+strconv.Itoa(status))
	}
	if status == http.StatusOK {
		if json.Unmarshal(body, out) != nil {
			return fault(notify.ErrUncertain, "unreadable")
		}
		return nil
	}
	return judge(said.Code)
}

func fault(class error, code string) error { return &notify.Error{Class: class, Code: code} }

var codePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// judge classifies the service's codes. One that is not known is taken for a matter of the contract: it is tried again
// seldom, and an operator sees it.
func judge(code string) error {
	if !codePattern.MatchString(code) {
		return fault(notify.ErrSettings, "unreadable_code")
	}
	switch code {
	case "isp.SYSTEM_ERROR", "ServiceUnavailable", "InternalError":
		return fault(notify.ErrNotTaken, code)
	case "isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL":
		return fault(notify.ErrLimited, code)
	case "isv.MOBILE_NUMBER_ILLEGAL":
		return fault(notify.ErrRefused, code)
	}
	if strings.HasPrefix(code, "Throttling") {
		return fault(notify.ErrNotTaken, code)
	}
	return fault(notify.ErrSettings, code)
}
