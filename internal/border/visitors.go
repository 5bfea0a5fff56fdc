package border

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/page"
)

// Visitors bounds what one address asks for without an API key: links, pages, their files, sign-ins. Requests below /v1/
// are bounded by their keys, and a bad key by its address, where keys are known.
func Visitors(next http.Handler, rate limit.Rate, now func() time.Time, caller func(*http.Request) string) http.Handler {
	limiter := limit.New(rate, now)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") && !internal(r.URL.Path) {
			if wait := limiter.Take(limit.Subscriber(caller(r))); wait > 0 {
				slowDown(w, wait)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// internal are the addresses that the machines of the deployment ask for all the time, often from one address.
func internal(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// slowDown answers whoever asks too much, in words that need no page.
func slowDown(w http.ResponseWriter, wait time.Duration) {
	seconds := strconv.Itoa(int((max(wait, time.Second) + time.Second - 1) / time.Second))
	page.Secure(w.Header())
	w.Header().Set("Retry-After", seconds)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte("请求过于频繁，请在 " + seconds + " 秒后重试。\nToo many requests. Try again in " + seconds + " s.\n"))
}
