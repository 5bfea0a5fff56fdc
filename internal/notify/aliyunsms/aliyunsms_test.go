package aliyunsms_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/aliyunsms"
	"github.com/verigate/verigate/internal/notify/aliyunsms/smssim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const number = "+8613812345678"

func now() time.Time { return time.Date(2020, 12, 1, 1, 30, 0, 0, time.UTC) }

// rig is a sender before the stand-in.
type rig struct {
	*smssim.Simulator
	sender *aliyunsms.Sender
	config aliyunsms.Config
}

func newRig(t *testing.T) *rig {
	t.Helper()
	sim := smssim.New(smssim.Config{
		AccessKeyID: "id", AccessKeySecret: "secret", SignName: "示例平台", Now: now,
		Templates: map[string]string{"SMS_1": "请在${date}前完成认证，还剩${days}天。", "SMS_2": "认证已于${date}到期，已过${days}天。"},
	})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(server.Client().CloseIdleConnections)
	c := aliyunsms.Config{
		Endpoint: server.URL, AccessKeyID: "id", AccessKeySecret: "secret", SignName: "示例平台", TemplateBefore: "SMS_1", TemplateAfter: "SMS_2",
		Timeout: 5 * time.Second, Now: now, HTTP: server.Client(),
	}
	sender, err := aliyunsms.New(c)
	require.NoError(t, err)
	return &rig{sim, sender, c}
}

// but is a sender with another contract.
func (r *rig) but(t *testing.T, change func(c *aliyunsms.Config)) *aliyunsms.Sender {
	t.Helper()
	c := r.config
	change(&c)
	s, err := aliyunsms.New(c)
	require.NoError(t, err)
	return s
}

func notice(t *testing.T, id string) notify.Notice {
	t.Helper()
	to, err := notify.ParsePhone(number)
	require.NoError(t, err)
	return notify.Notice{ID: id, To: to, Deadline: time.Date(2020, 12, 4, 0, 0, 0, 0, time.FixedZone("", 8*3600)), Days: 3}
}

func requireClass(t *testing.T, class error, code string, err error) {
	t.Helper()
	require.ErrorIs(t, err, class)
	require.Equal(t, code, notify.CodeOf(err))
	require.NotContains(t, err.Error(), "1381234")
}

func TestSend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got, err := r.sender.Send(t.Context(), notice(t, "n1"))
	require.NoError(t, err)
	after := notice(t, "n2")
	after.Passed, after.Days = true, 7
	_, err = r.sender.Send(t.Context(), after)
	require.NoError(t, err)
	all := r.Messages()
	require.Len(t, all, 2)
	require.Equal(t, []string{all[0].BizID, "n1", "13812345678", "【示例平台】请在2020-12-04前完成认证，还剩3天。"},
		[]string{got.ProviderID, all[0].OutID, all[0].Phone, all[0].Text})
	require.Equal(t, "【示例平台】认证已于2020-12-04到期，已过7天。", all[1].Text)
}

// TestFaultsOfTheService: what each says of the message, and what the stand-in knows.
func TestFaultsOfTheService(t *testing.T) {
	t.Parallel()
	for fault, c := range map[smssim.Fault]struct {
		class error
		code  string
		taken bool
	}{
		smssim.FaultSystemError: {notify.ErrNotTaken, "isp.SYSTEM_ERROR", false},
		smssim.FaultLimit:       {notify.ErrLimited, "isv.BUSINESS_LIMIT_CONTROL", false},
		smssim.FaultHTML:        {notify.ErrUncertain, "http_502", false},
		smssim.FaultDropAfter:   {notify.ErrUncertain, "no_answer", true},
		smssim.FaultCutAfter:    {notify.ErrUncertain, "cut", true},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.Misbehave(fault)
			n := notice(t, "n1")
			_, err := r.sender.Send(t.Context(), n)
			requireClass(t, c.class, c.code, err)
			_, found, err := r.sender.Find(t.Context(), n, now())
			require.NoError(t, err)
			require.Equal(t, c.taken, found)
			if !found {
				_, err = r.sender.Send(t.Context(), n)
				require.NoError(t, err)
			}
			require.Len(t, r.Messages(), 1)
		})
	}
}

func TestFindLooksAtTheRightDayAndEveryPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 60 {
		_, err := r.sender.Send(t.Context(), notice(t, fmt.Sprintf("n%d", i)))
		require.NoError(t, err)
	}
	find := func(id string, at time.Time) bool {
		_, found, err := r.sender.Find(t.Context(), notice(t, id), at)
		require.NoError(t, err)
		return found
	}
	require.True(t, find("n59", now()))
	require.True(t, find("n0", now()), "on the second page")
	require.False(t, find("other", now()))
	midnight := time.Date(2020, 12, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	require.True(t, find("n0", midnight.Add(-time.Second)), "the attempt began a second before the day of the message")
	require.False(t, find("n0", midnight.Add(-time.Minute)))
	r.Misbehave(smssim.FaultHidden)
	_, err := r.sender.Send(t.Context(), notice(t, "late"))
	require.ErrorIs(t, err, notify.ErrUncertain)
	require.False(t, find("late", now()), "the service lists it late: this is how a message can go out twice")
	r.Reveal()
	require.True(t, find("late", now()))
}

func TestContractFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for code, change := range map[string]func(c *aliyunsms.Config){
		"SignatureDoesNotMatch":     func(c *aliyunsms.Config) { c.AccessKeySecret = "other" },
		"isv.SMS_SIGNATURE_ILLEGAL": func(c *aliyunsms.Config) { c.SignName = "other" },
		"isv.SMS_TEMPLATE_ILLEGAL":  func(c *aliyunsms.Config) { c.TemplateBefore = "SMS_9" },
	} {
		_, err := r.but(t, change).Send(t.Context(), notice(t, "n1"))
		requireClass(t, notify.ErrSettings, code, err)
	}
	skewed := r.but(t, func(c *aliyunsms.Config) { c.Now = func() time.Time { return now().Add(time.Hour) } })
	_, _, err := skewed.Find(t.Context(), notice(t, "n1"), now())
	requireClass(t, notify.ErrSettings, "SignatureDoesNotMatch", err)
	require.Empty(t, r.Messages())
	for _, change := range []func(c *aliyunsms.Config){
		func(c *aliyunsms.Config) { c.Endpoint = "sms" }, func(c *aliyunsms.Config) { c.SignName = "" }, func(c *aliyunsms.Config) { c.Timeout = 0 },
	} {
		c := r.config
		change(&c)
		_, err := aliyunsms.New(c)
		require.Error(t, err)
	}
}

// TestAnswers are answers that the stand-in does not give.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		class  error
		code   string
	}{
		"bad number":        {200, `{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}`, notify.ErrRefused, "isv.MOBILE_NUMBER_ILLEGAL"},
		"day limit":         {200, `{"Code":"isv.DAY_LIMIT_CONTROL"}`, notify.ErrLimited, "isv.DAY_LIMIT_CONTROL"},
		"no money":          {200, `{"Code":"isv.AMOUNT_NOT_ENOUGH"}`, notify.ErrSettings, "isv.AMOUNT_NOT_ENOUGH"},
		"throttled":         {400, `{"Code":"Throttling.User"}`, notify.ErrNotTaken, "Throttling.User"},
		"gateway":           {503, `{"Code":"ServiceUnavailable"}`, notify.ErrNotTaken, "ServiceUnavailable"},
		"unknown":           {200, `{"Code":"isv.NEW"}`, notify.ErrSettings, "isv.NEW"},
		"code with a text":  {200, `{"Code":"no to 13812345678!"}`, notify.ErrSettings, "unreadable_code"},
		"taken without id":  {200, `{"Code":"OK"}`, notify.ErrUncertain, "no_biz_id"},
		"empty":             {200, ``, notify.ErrUncertain, "http_200"},
		"other form":        {200, `{"Code":"OK","BizId":7}`, notify.ErrUncertain, "unreadable"},
		"redirect":          {308, ``, notify.ErrSettings, "http_308"},
		"not found":         {404, `<html>`, notify.ErrSettings, "http_404"},
		"internal, no code": {500, ``, notify.ErrUncertain, "http_500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", r.URL.String())
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			defer server.Client().CloseIdleConnections()
			s := newRig(t).but(t, func(config *aliyunsms.Config) { config.Endpoint, config.HTTP = server.URL, server.Client() })
			_, err := s.Send(t.Context(), notice(t, "n1"))
			requireClass(t, c.class, c.code, err)
			require.Equal(t, int32(1), calls.Load())
		})
	}
}

func TestNoAnswerAtAll(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}))
	r := newRig(t)
	s := r.but(t, func(c *aliyunsms.Config) {
		c.Endpoint, c.HTTP, c.Timeout = server.URL, server.Client(), 50*time.Millisecond
	})
	_, err := s.Send(t.Context(), notice(t, "n1"))
	requireClass(t, notify.ErrUncertain, "timeout", err)
	_, _, err = s.Find(t.Context(), notice(t, "n1"), now())
	requireClass(t, notify.ErrNotTaken, "timeout", err)
	close(silent)
	server.Client().CloseIdleConnections()
	server.Close()
	_, err = s.Send(t.Context(), notice(t, "n1"))
	requireClass(t, notify.ErrNotTaken, "unreachable", err)
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	var got []aliyunsms.Report
	var fails error
	h := aliyunsms.Receipts(func(_ context.Context, r aliyunsms.Report) error { got = append(got, r); return fails })
	push := func(method, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader(body)))
		return w
	}
	const one = `[{"phone_number":"13900000001","success":true,"err_code":"DELIVERED","err_msg":"ok","biz_id":"9006^0","out_id":"n1"},` +
		`{"phone_number":"13900000001","success":false,"err_code":"no 139!","biz_id":"9007^0","out_id":"n2"}]`
	w := push(http.MethodPost, one)
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"code":0,"msg":"接收成功"}`, w.Body.String())
	require.Equal(t, []aliyunsms.Report{{"n1", "9006^0", true, "DELIVERED"}, {"n2", "9007^0", false, ""}}, got)
	require.Equal(t, http.StatusBadRequest, push(http.MethodPost, `{}`).Code)
	require.Equal(t, http.StatusBadRequest, push(http.MethodPost, `["`+strings.Repeat("x", 2<<20)+`"]`).Code)
	require.Equal(t, http.StatusMethodNotAllowed, push(http.MethodGet, ``).Code)
	fails = errors.New("busy")
	require.Equal(t, http.StatusServiceUnavailable, push(http.MethodPost, one).Code, "the service pushes again")
}

func TestPhonesOfTheStandIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	page := func() string {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		require.Equal(t, http.StatusOK, w.Code)
		return w.Body.String()
	}
	require.Contains(t, page(), "No message yet")
	_, err := r.sender.Send(t.Context(), notice(t, "n1"))
	require.NoError(t, err)
	require.Contains(t, page(), "138****5678")
	require.Contains(t, page(), "还剩3天")
	require.NotContains(t, page(), "13812345678")
}
