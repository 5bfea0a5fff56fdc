package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/border"
)

// hostile serves the API on a socket of its own, as the program does, but with less patience.
func (f *fixture) hostile() (address string) {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f.t, err)
	s := border.New(border.Config{
		Handler: f.api, ReadHeaderTimeout: 500 * time.Millisecond, WriteTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second,
		BodyWait: 300 * time.Millisecond, MaxHeaderBytes: 32 << 10, ErrorLog: slog.DiscardHandler,
	})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(border.Connections{Most: 300}.Listen(listener)) }()
	f.t.Cleanup(func() {
		require.NoError(f.t, s.Close())
		require.ErrorIs(f.t, <-ended, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

// spoken sends bytes as they are and returns the statuses of all answers until the server is done with the connection.
func spoken(t *testing.T, address string, parts ...string) (statuses []int, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	go func() {
		for _, p := range parts {
			if _, err := io.WriteString(conn, p); err != nil {
				return // the server has had enough, which the answers say
			}
		}
	}()
	in := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses, text
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		statuses, text = append(statuses, response.StatusCode), text+string(body)
	}
}

// TestHostileRequests are bytes that no client of ours sends. None is taken for something that it is not.
func TestHostileRequests(t *testing.T) { //nolint:funlen // a list
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.BodyWait = 300 * time.Millisecond })
	f.account("a1")
	address := f.hostile()
	auth := "Host: x\r\nAuthorization: Bearer " + f.key + "\r\n"
	get := "GET /v1/policies HTTP/1.1\r\n" + auth
	post := "POST /v1/accounts/a1/decisions HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\n"
	ask := `{"action":"create_label"}`
	length := fmt.Sprintf("Content-Length: %d\r\n", len(ask))
	revoke := "POST /v1/accounts/a1/revoke HTTP/1.1\r\n" + auth + "Content-Length: 2\r\n\r\n{}" // the second request that must not be
	for name, tc := range map[string]struct {
		send []string
		want []int
	}{
		"as it should be":             {[]string{post + length + "Connection: close\r\n\r\n" + ask}, []int{200}},
		"pipelined":                   {[]string{get + "\r\n" + get + "\r\n" + get + "Connection: close\r\n\r\n"}, []int{200, 200, 200}},
		"a long header":               {[]string{get + "X: " + strings.Repeat("a", 64<<10) + "\r\n\r\n"}, []int{431}},
		"many headers":                {[]string{get + strings.Repeat("X: a\r\n", 20_000) + "\r\n"}, []int{431}},
		"a long address":              {[]string{"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\n" + auth + "\r\n"}, []int{431}},
		"a header that does not come": {[]string{get + "X: a"}, nil},
		"two lengths":                 {[]string{post + "Content-Length: 3\r\n" + length + "\r\n" + ask}, []int{400}},
		"a length and a sign":         {[]string{post + "Content-Length: +25\r\n\r\n" + ask}, []int{400}},
		"a negative length":           {[]string{post + "Content-Length: -1\r\n\r\n" + ask}, []int{400}},
		// With a length and chunks the chunks count, and nothing that follows is read: not the request behind them.
		"length and chunks":       {[]string{post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + revoke}, []int{422}},
		"chunks and length":       {[]string{post + "Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n0\r\n\r\n" + revoke}, []int{422}},
		"chunks, and more":        {[]string{post + "Transfer-Encoding: chunked\r\n\r\n19\r\n" + ask + "\r\n0\r\n\r\n" + revoke}, []int{200}},
		"another encoding":        {[]string{post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + revoke}, []int{501}},
		"an unknown encoding":     {[]string{post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + revoke}, []int{501}},
		"two encodings":           {[]string{post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + revoke}, []int{501}},
		"a space before a colon":  {[]string{post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + revoke}, []int{400}},
		"a bad size of a chunk":   {[]string{post + "Transfer-Encoding: chunked\r\n\r\n0x19\r\n" + ask + "\r\n0\r\n\r\n" + revoke}, []int{400}},
		"a chunk without its CR":  {[]string{post + "Transfer-Encoding: chunked\r\n\r\n19\n" + ask + "\r\n0\r\n\r\n" + revoke}, []int{400}},
		"chunks in HTTP/1.0":      {[]string{strings.Replace(post, "1.1", "1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + revoke}, []int{422}},
		"a body that breaks off":  {[]string{post + "Content-Length: 500\r\n\r\n" + ask}, []int{400}},
		"no host":                 {[]string{"GET /v1/policies HTTP/1.1\r\n\r\n"}, []int{400}},
		"two hosts":               {[]string{get + "Host: y\r\n\r\n"}, []int{400}},
		"HTTP/1.0 without a host": {[]string{"GET /healthz HTTP/1.0\r\n\r\n"}, []int{200}},
		"HTTP/0.9":                {[]string{"GET /healthz\r\n\r\n"}, []int{400}},
		"HTTP/3.0":                {[]string{"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n"}, []int{505}},
		"an absolute address":     {[]string{"GET http://evil.example/v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{200}},
		"TRACE":                   {[]string{"TRACE /v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{405}},
		"CONNECT":                 {[]string{"CONNECT 169.254.169.254:80 HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{404}},
		"a method of our own":     {[]string{"GETT /v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{405}},
		"a method in lower case":  {[]string{"get /v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{405}},
		"another method named":    {[]string{"POST /v1/policies HTTP/1.1\r\n" + auth + "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}, []int{422}},
		"an upgrade":              {[]string{get + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"}, []int{200}},
		"HTTP/2 without TLS":      {[]string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, []int{400}},
		"a NUL in a header":       {[]string{get + "X: a\x00b\r\n\r\n"}, []int{400}},
		"a NUL in the address":    {[]string{"GET /v1/policies%00 HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{404}},
		"a line break in one":     {[]string{"GET /v1/accounts/a1%0d%0aX:%20y HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{422}},
		"dots in the address":     {[]string{"GET /v1/../v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{404}},
		"encoded dots":            {[]string{"GET /v1/%2e%2e/v1/policies HTTP/1.1\r\n" + auth + "Connection: close\r\n\r\n"}, []int{404}},
		"an expectation":          {[]string{post + length + "Expect: something\r\n\r\n" + ask}, []int{417}},
		"TLS":                     {[]string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100)}, []int{400}},
	} {
		got, text := spoken(t, address, tc.send...)
		require.Equal(t, tc.want, got, "%s: %s", name, text)
		require.NotContains(t, text, f.key, name)
	}
	require.Equal(t, http.StatusOK, f.get("/v1/policies").status)
	require.NotContains(t, string(f.get("/v1/audit").body), "revoke", "no hidden request was read")
}

// TestFoldedHeaders and lines without their carriage return, which older software sends: one reading, no second request.
func TestFoldedHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	address := f.hostile()
	for _, request := range []string{
		"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nConnection: close\r\n\r\n",
		"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection:\r\n close\r\n\r\n",
	} {
		got, _ := spoken(t, address, request)
		require.Len(t, got, 1, request)
		require.Contains(t, []int{200, 400}, got[0])
	}
}

// TestBodiesThatDoNotArrive end, whether their handler reads them or not.
func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.BodyWait = 300 * time.Millisecond })
	f.account("a1")
	address := f.hostile()
	head := func(method, path, key string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	}
	for name, tc := range map[string]struct {
		request string
		want    int
	}{
		"read":           {head("POST", "/v1/accounts/a1/decisions", f.key), 400},
		"not let in":     {head("POST", "/v1/accounts/a1/decisions", "vg_x"), 401},
		"nothing there":  {head("POST", "/v1/nothing", f.key), 404},
		"no body wanted": {head("GET", "/v1/policies", f.key), 200},
		"an import":      {strings.Replace(head("POST", "/v1/accounts:import", f.key), "json", "x-ndjson", 1), 200},
	} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(15*time.Second)))
		_, err = io.WriteString(conn, tc.request)
		require.NoError(t, err)
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, response.StatusCode, name)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		_, err = in.ReadByte()
		require.ErrorIs(t, err, io.EOF, "%s: the connection is over", name)
		require.NoError(t, conn.Close())
	}
}

// TestContinue: who asks before sending is answered without the body if it is not wanted.
func TestContinue(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	address := f.hostile()
	ask := `{"action":"create_label"}`
	head := "POST /v1/accounts/a1/decisions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 25\r\nAuthorization: Bearer "
	got, _ := spoken(t, address, head+f.key+"\r\n\r\n", ask)
	require.Equal(t, []int{100, 200}, got)
	got, _ = spoken(t, address, head+"vg_x\r\n\r\n")
	require.Equal(t, []int{401}, got)
}

// TestHostileBodies are texts that are expensive, or read in more than one way.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/decisions"
	for name, body := range map[string]string{
		"deep arrays":      strings.Repeat("[", 30_000),
		"deep objects":     strings.Repeat(`{"a":`, 10_000),
		"a deep member":    `{"action":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"a huge number":    `{"action":1e999999999}`,
		"many digits":      `{"action":` + strings.Repeat("9", 60_000) + `}`,
		"a name twice":     `{"action":"login","action":"create_label"}`,
		"twice, otherwise": `{"action":"login","Action":"create_label"}`,
		"escaped twice":    `{"action":"login","\u0061ction":"create_label"}`,
		"not UTF-8":        "{\"action\":\"\xff\xfe\"}",
		"half a character": `{"action":"\ud800"}`,
		"a mark first":     "\ufeff" + `{"action":"create_label"}`,
		"two objects":      `{"action":"create_label"}{"action":"login"}`,
		"UTF-16":           "\xff\xfe{\x00}\x00",
		"NaN":              `{"action":NaN}`,
		"a comment":        `{"action":"create_label"} // and more`,
		"__proto__":        `{"__proto__":{"admin":true},"action":"create_label"}`,
	} {
		got := f.post(path, body)
		require.Contains(t, []int{400, 422}, got.status, "%s: %s", name, got.body)
		require.Less(t, len(got.body), 1000, name)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(bytes.Repeat([]byte{' '}, 1<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "identity, gzip"} {
		f.post(path, &bomb, header("Content-Encoding", encoding)).problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
	}
	f.post(path, strings.NewReader(strings.Repeat(" ", 65<<10))).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
	f.post(path, io.MultiReader(strings.NewReader(strings.Repeat(" ", 65<<10)))).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
}

// spaces is a line that does not end, of so many bytes.
type spaces struct{ left int64 }

func (s *spaces) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	s.left -= n
	return int(n), nil
}

// TestAnEndlessLine of 100 MB is answered as one that is too long, and the line behind it is read.
func TestAnEndlessLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	body := io.MultiReader(&spaces{100 << 20}, strings.NewReader("\n"+fmt.Sprintf(line, "a1", "")+"\n"))
	got := answeredLines(t, f.post("/v1/accounts:import", body, ndjson()))
	require.Equal(t, "too_large", got[0]["problem"].(object)["code"])
	require.Equal(t, "created", got[1]["result"])
}
