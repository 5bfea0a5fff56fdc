package web

import (
	"net/http"
	"strings"
)

// onPhone guesses whether the page is read on a phone, where a code on the same screen cannot be scanned. A reader for
// whom it guesses wrong asks for the code (?view=qr) or uses the link below it.
func onPhone(r *http.Request) bool {
	switch {
	case r.URL.Query().Get("view") == "qr":
		return false
	case r.Header.Get("Sec-CH-UA-Mobile") == "?1":
		return true
	case r.Header.Get("Sec-CH-UA-Mobile") == "?0":
		return false
	}
	agent := r.UserAgent()
	return strings.Contains(agent, "iPhone") || strings.Contains(agent, "HarmonyOS") && strings.Contains(agent, "Mobile") ||
		strings.Contains(agent, "Android") && strings.Contains(agent, "Mobile")
}
