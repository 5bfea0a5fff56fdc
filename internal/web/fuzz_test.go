package web_test

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzForms: whatever is posted to the form of real-name information, it is answered without an address that repeats
// it, and comes to the engine only with the tick.
func FuzzForms(f *testing.F) {
	fixture, accounts := newFixture(f), 0
	var session map[string]*http.Cookie
	fresh := func() {
		accounts++
		b := fixture.enter("a" + strconv.Itoa(accounts))
		b.post("/m/update", form("version", "2026-11")).leads("/m/form")
		session = b.cookies
	}
	fresh()
	good := given("name", canaryName, "number", canaryNumber)
	good.Set("agreed", "no")
	for _, seed := range []string{
		"", good.Encode(), strings.Replace(good.Encode(), "zh-CN", "xx", 1), "name=%zz&number=;", "name=a&name=b&agreed=yes", "lang=en&name=" + strings.Repeat("x", 300),
		"shown_at=99999999999999999999&agreed=yes", "once=%00&version=%ff&agreed=yes", "name=\r\nnumber=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fixture.t = t
		before := len(fixture.engine.seen())
		fixture.clock.Advance(time.Second)
		got := (&browser{fixture, session, http.Header{}}).post("/m/form", url.Values{}, func(r *http.Request) {
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
		})
		require.Less(t, got.status, http.StatusInternalServerError, strconv.Quote(body))
		require.NotContains(t, got.header.Get("Location"), "?")
		if len(fixture.engine.seen()) > before || got.status == http.StatusTooManyRequests {
			fresh()
		}
		if len(fixture.engine.seen()) > before {
			values, _ := url.ParseQuery(body)
			require.Equal(t, "yes", values.Get("agreed"), strconv.Quote(body))
		}
	})
}
