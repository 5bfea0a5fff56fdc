package border

import (
	"net/http"
	"strconv"
	"time"
)

// strict tells browsers to come by TLS only (RFC 6797).
func strict(next http.Handler, age time.Duration, subdomains bool) http.Handler {
	if age <= 0 {
		return next
	}
	value := "max-age=" + strconv.Itoa(int(age.Seconds()))
	if subdomains {
		value += "; includeSubDomains"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", value)
		next.ServeHTTP(w, r)
	})
}
