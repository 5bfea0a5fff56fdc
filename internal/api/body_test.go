package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// TestBadBodies: whatever is sent, the answer is a problem of 4xx, names the fault and repeats no value.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/verification/submit"
	nested := func(depth int) string { return strings.Repeat(`{"a":`, depth) + `1` + strings.Repeat(`}`, depth) }
	for _, c := range []struct {
		name, body string
		status     int
		code       api.Code
		field      string
	}{
		{"empty", "", 422, api.CodeValidationFailed, "name"},
		{"spaces", "  ", 400, api.CodeInvalidRequest, ""},
		{"null", "null", 400, api.CodeInvalidRequest, ""},
		{"array", "[]", 400, api.CodeInvalidRequest, ""},
		{"string", `"x"`, 400, api.CodeInvalidRequest, ""},
		{"number", "1e400", 400, api.CodeInvalidRequest, ""},
		{"cut", `{"name":"` + canaryName, 400, api.CodeInvalidRequest, ""},
		{"two", `{}{}`, 400, api.CodeInvalidRequest, ""},
		{"trailing comma", `{"name":"x",}`, 400, api.CodeInvalidRequest, ""},
		{"NaN", `{"name":NaN}`, 400, api.CodeInvalidRequest, ""},
		{"BOM", "\ufeff{}", 400, api.CodeInvalidRequest, ""},
		{"not UTF-8", "{\"name\":\"\xc3\x28\"}", 400, api.CodeInvalidRequest, ""},
		{"UTF-16", "\xff\xfe{\x00}\x00", 400, api.CodeInvalidRequest, ""},
		{"unknown field", `{"identity_ref":"` + canaryNumber + `"}`, 400, api.CodeInvalidRequest, "identity_ref"},
		{"unknown field inside", `{"document":{"type":"cn_id","issuer":"x"}}`, 400, api.CodeInvalidRequest, "issuer"},
		{"unknown field that is no name", `{"` + canaryName + `":1}`, 400, api.CodeInvalidRequest, "(not a field name)"},
		{"unknown field that is a number", `{"` + canaryNumber + `":1}`, 400, api.CodeInvalidRequest, "(not a field name)"},
		{"unknown field that holds a number", `{"x` + canaryNumber + `":1}`, 400, api.CodeInvalidRequest, "(not a field name)"},
		{"wrong type", `{"name":["` + canaryName + `"]}`, 400, api.CodeInvalidRequest, "name"},
		{"wrong type inside", `{"document":{"number":` + canaryNumber + `}}`, 400, api.CodeInvalidRequest, "document.number"},
		{"object for a string", `{"name":{"first":"` + canaryName + `"}}`, 400, api.CodeInvalidRequest, "name"},
		{"duplicate", `{"name":"a","name":"b"}`, 400, api.CodeInvalidRequest, "name"},
		{"duplicate in another case", `{"name":"a","NAME":"b"}`, 400, api.CodeInvalidRequest, "NAME"},
		{"deep", nested(17), 400, api.CodeInvalidRequest, ""},
		{"very deep", nested(10_000), 400, api.CodeInvalidRequest, ""},
		{"deep arrays", `{"name":` + strings.Repeat("[", 20_000), 400, api.CodeInvalidRequest, ""},
		{"many fields", "{" + strings.TrimSuffix(strings.Repeat(`"a":1,`, 10_000), ",") + "}", 400, api.CodeInvalidRequest, "a"},
		{"too large", `{"name":"` + strings.Repeat("a", 64<<10) + `"}`, 413, api.CodeTooLarge, ""},
		{"lone surrogate", `{"name":"\ud800","document":{"type":"cn_id","number":"x"}}`, 422, api.CodeValidationFailed, "document.number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := f.post(path, c.body)
			p := got.problem(c.status, c.code)
			if c.field != "" {
				field(t, p, c.field)
			}
			require.NotContains(t, string(got.body), canaryName)
			require.NotContains(t, string(got.body), canaryNumber)
		})
	}
}

func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	p := f.post("/v1/accounts/a1/decisions", strings.Repeat(`{"a":`, 17)+`1`+strings.Repeat(`}`, 17)).problem(http.StatusBadRequest, api.CodeInvalidRequest)
	require.Contains(t, p["detail"], "16 levels")
	p = f.post("/v1/accounts/a1/decisions", strings.Repeat(`{"a":`, 16)+`1`+strings.Repeat(`}`, 16)).problem(http.StatusBadRequest, api.CodeInvalidRequest)
	field(t, p, "a")
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/decisions"
	body := `{"action":"create_label"}`
	for _, good := range []string{"application/json", "Application/JSON; charset=utf-8", ""} {
		require.Equal(t, http.StatusOK, f.post(path, body, header("Content-Type", good)).status, good)
	}
	for _, bad := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"} {
		f.post(path, body, header("Content-Type", bad)).problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, err := w.Write(make([]byte, 8<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	f.post(path, bomb.String(), header("Content-Encoding", "gzip")).problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
}

// TestLargeBodiesAreNotRead: what is over the bound is refused without being held.
func TestLargeBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	const whole = 100 << 20
	endless := &counted{} // without a length, so the server has to count
	f.post("/v1/decisions:batch", io.MultiReader(strings.NewReader(`{"action":"`), io.LimitReader(endless, whole))).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
	require.Less(t, endless.taken.Load(), int64(whole/2), "what was taken, the buffers of the connection included")
	f.post("/v1/decisions:batch", strings.Repeat(" ", 1<<20)+"{}").problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
}

// counted is zeros without an end. The client may still be sending when the answer is there, so they are counted atomically.
type counted struct {
	zeros
	taken atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.zeros.Read(p)
	c.taken.Add(int64(n))
	return n, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestSlowBodiesEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.BodyWait = 30 * time.Millisecond })
	f.account("a1")
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	f.post("/v1/accounts/a1/decisions", in).problem(http.StatusBadRequest, api.CodeInvalidRequest)
}

func TestInputBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	long := strings.Repeat("字", 2001)
	for _, c := range []struct {
		path  string
		body  object
		field string
	}{
		{"/v1/accounts/a1/decisions", object{}, "action"},
		{"/v1/accounts/a1/decisions", object{"action": "Create Label"}, "action"},
		{"/v1/accounts/a1/decisions", object{"action": "login", "at": "yesterday"}, "at"},
		{"/v1/accounts/a1/decisions", object{"action": "login", "at": "2020-12-04 00:00:00+08:00"}, "at"},
		{"/v1/accounts/a1/decisions", object{"action": "login", "basis": "did"}, "basis"},
		{"/v1/accounts/a1/decisions", object{"action": "login", "at": "2020-12-04T00:00:00Z", "basis": "maybe"}, "basis"},
		{"/v1/accounts/a1/logins", object{"login_id": "a b"}, "login_id"},
		{"/v1/accounts/a1/logins", object{"login_id": strings.Repeat("a", 129)}, "login_id"},
		{"/v1/accounts/a1/verification/choose-manual", object{"reason": long}, "reason"},
		{"/v1/accounts/a1/revoke", object{"reason": long}, "reason"},
		{"/v1/accounts/a1/revoke", object{"reason": "x", "note": long}, "note"},
		{"/v1/reviews/a1", object{"decision": "approve", "note": long}, "note"},
	} {
		field(t, f.post(c.path, c.body).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), c.field)
	}
	f.post("/v1/accounts/a1/decisions", object{"action": "fly"}).problem(http.StatusUnprocessableEntity, api.CodeUnknownAction)
	require.Empty(t, f.vault.kept())
}
