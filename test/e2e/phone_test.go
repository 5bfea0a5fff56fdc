package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// phone is the merchant's phone: it opens what the QR code says, and has Alipay's pages on it.
type phone struct {
	t    testing.TB
	d    *demo
	http *http.Client
}

func (d *demo) phone(t testing.TB) phone { return phone{t, d, trusting(t, d.roots)} }

// page is what the phone shows.
type page struct {
	status   int
	location string // where it is sent on to
	text     string
}

func (p phone) fetch(method, address string, form url.Values) (page, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	require.NoError(p.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.http.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return page{}, err
	}
	require.Empty(p.t, leaks(append(text, res.Header.Get("Location")...), canaries()), "personal data on the phone's page")
	return page{res.StatusCode, res.Header.Get("Location"), string(text)}, nil
}

func (p phone) open(address string, want int) page {
	p.t.Helper()
	var got page
	var err error
	opens := func() bool {
		got, err = p.fetch(http.MethodGet, address, nil)
		return err == nil && got.status < http.StatusInternalServerError
	}
	if !opens() && p.d.patient {
		eventually(p.t, patience, "the page opens", opens)
	}
	require.NoError(p.t, err)
	require.Equal(p.t, want, got.status, "%s", got.text)
	return got
}

func (p phone) press(address string, form url.Values) page {
	p.t.Helper()
	got, err := p.fetch(http.MethodPost, address, form)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusSeeOther, got.status, "%s", got.text)
	return got
}

// scan opens a QR code's link and returns the provider's id of the attempt that it leads to.
func (p phone) scan(qr qrCode) string {
	p.t.Helper()
	return p.certifyID(p.open(qr.URL, http.StatusFound).location)
}

// certifyID reads the provider's id of the attempt out of the address that a scan link leads to.
func (p phone) certifyID(location string) string {
	p.t.Helper()
	u, err := url.Parse(location)
	require.NoError(p.t, err)
	require.True(p.t, strings.HasPrefix(location, p.d.ready.Alipay+"/"), "the scan link leads to %s", u.Host)
	var content struct {
		CertifyID string `json:"certify_id"`
	}
	require.NoError(p.t, json.Unmarshal([]byte(u.Query().Get("biz_content")), &content))
	require.NotEmpty(p.t, content.CertifyID)
	return content.CertifyID
}

// finish goes through Alipay's pages after a scan: agree and verify, the face scan with that result, and back to the
// page that Alipay returns to.
func (p phone) finish(qr qrCode, result string) {
	p.t.Helper()
	location := p.open(qr.URL, http.StatusFound).location
	id := p.certifyID(location)
	require.Contains(p.t, p.open(location, http.StatusOK).text, "/phone/"+id+"/agree")
	agreed := p.press(p.alipay("/phone/"+id+"/agree"), url.Values{"agree": {"yes"}})
	require.Contains(p.t, p.open(p.alipay(agreed.location), http.StatusOK).text, `value="`+result+`"`)
	done := p.press(p.alipay("/phone/"+id+"/result"), url.Values{"result": {result}})
	require.True(p.t, strings.HasPrefix(done.location, p.d.ready.API+"/r/"), "Alipay returns to our page")
	back := p.open(done.location, http.StatusOK)
	for _, claim := range []string{"成功", "通过", "失败", "verified", "passed", "failed"} {
		require.NotContains(p.t, back.text, claim, "the return page claims a result")
	}
}

func (p phone) alipay(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	return p.d.ready.Alipay + path
}

// order is an attempt as the provider lists it.
type order struct {
	CertifyID    string    `json:"certify_id"`
	OuterOrderNo string    `json:"outer_order_no"`
	State        string    `json:"state"`
	CreatedAt    time.Time `json:"created_at"`
	OpenedAt     time.Time `json:"opened_at"`
	FinishedAt   time.Time `json:"finished_at"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// fault is a fault that the provider is armed with.
type fault struct {
	Kind    string `json:"kind"`
	Op      string `json:"op,omitempty"`
	Times   int    `json:"times"`
	DelayMS int    `json:"delay_ms,omitempty"`
}

// control asks the provider's control door; also when the test is over, to clean up.
func control[T any](p phone, method, path string, body any) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.d.ready.Alipay+"/control/"+path, bodyOf(p.t, body))
	require.NoError(p.t, err)
	res, err := p.http.Do(req)
	require.NoError(p.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, res.StatusCode, "%s %s: %s", method, path, text)
	return decoded[T](p.t, text)
}

// decide plays the person at the provider without any page: pass, fail, cancel or close.
func (p phone) decide(certifyID, result string) {
	p.t.Helper()
	control[order](p, http.MethodPost, "attempts/"+certifyID, map[string]string{"result": result})
}

// orders lists every attempt that was ever ordered at the provider.
func (p phone) orders() []order {
	p.t.Helper()
	return control[struct {
		Attempts []order `json:"attempts"`
	}](p, http.MethodGet, "attempts", nil).Attempts
}

type faultList struct {
	Faults []fault             `json:"faults"`
	Kinds  map[string][]string `json:"kinds"`
}

func (p phone) arm(f fault) { p.t.Helper(); control[faultList](p, http.MethodPost, "faults", f) }
func (p phone) disarm()     { p.t.Helper(); control[faultList](p, http.MethodDelete, "faults", nil) }
func (p phone) armed() faultList {
	p.t.Helper()
	return control[faultList](p, http.MethodGet, "faults", nil)
}
