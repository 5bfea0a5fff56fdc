package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func (s *Server) keysRoutes() {
	s.page("GET /admin/keys", s.keys, api.Admin)
	s.page("POST /admin/keys", s.createKey, api.Admin)
	s.page("POST /admin/keys/{key_id}/rotate", s.rotateKey, api.Admin)
	s.page("POST /admin/keys/{key_id}/disable", s.disableKey, api.Admin)
	s.page("POST /admin/keys/{key_id}/expire", s.expireKey, api.Admin)
}

const keysPath = "/admin/keys"

// apiKey is a key as the API shows one.
type apiKey struct {
	KeyID      string     `json:"key_id"`
	Prefix     string     `json:"prefix"`
	Label      string     `json:"label"`
	Scopes     []string   `json:"scopes"`
	State      string     `json:"state"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	Accounts   []string   `json:"accounts"`
	OldUntil   *time.Time `json:"old_secret_until"`
}

// Expires is the key's end, the zero instant if it has none.
func (k apiKey) Expires() time.Time { return orZero(k.ExpiresAt) }

// Used is the last use, the zero instant if there was none.
func (k apiKey) Used() time.Time { return orZero(k.LastUsedAt) }

// Old is until when an old secret opens as well, the zero instant if none does.
func (k apiKey) Old() time.Time { return orZero(k.OldUntil) }

type keysPage struct {
	*frame
	Keys    []apiKey
	Scopes  []api.Scope
	Form    keyForm
	Problem *problem // of the form
}

// keyForm is what was typed.
type keyForm struct {
	Label, Expires, Reason string
	Accounts               string // one a line
	Scopes                 []string
}

// Has reports whether a scope was ticked.
func (f keyForm) Has(s api.Scope) bool { return slices.Contains(f.Scopes, string(s)) }

func (s *Server) keys(v *visit) error { return v.showKeys(http.StatusOK, keyForm{}, nil) }

func (v *visit) showKeys(status int, form keyForm, fault *problem) error {
	list, err := ask[struct {
		Keys []apiKey `json:"keys"`
	}](v, "/v1/keys")
	if err != nil {
		return err
	}
	// Open ones first, the newest of them on top: that is where the one made just now is looked for.
	slices.Reverse(list.Keys)
	slices.SortStableFunc(list.Keys, func(a, b apiKey) int {
		switch {
		case a.State == b.State || a.State != "open" && b.State != "open":
			return 0
		case a.State == "open":
			return -1
		default:
			return 1
		}
	})
	p := &keysPage{frame: v.frame("keys"), Keys: list.Keys, Scopes: api.Scopes(), Form: form, Problem: fault}
	p.Faulty = fault != nil
	return v.renderAs(status, "keys", p)
}

// endOfDay is the instant at which a date in Beijing is over, as the API wants it: what is valid until a day is valid on
// it. What is no date goes to the API as it is, which says so.
func endOfDay(date string) string {
	day, err := time.ParseInLocation(time.DateOnly, date, lifecycle.Beijing())
	if err != nil {
		return date
	}
	return day.AddDate(0, 0, 1).Format(time.RFC3339)
}

func (s *Server) createKey(v *visit) error {
	form := keyForm{Label: v.form("label"), Expires: v.form("expires"), Reason: v.form("reason"), Accounts: v.form("accounts")}
	form.Scopes = v.r.PostForm["scopes"]
	in := struct {
		Label     string   `json:"label"`
		Scopes    []string `json:"scopes"`
		Accounts  []string `json:"accounts"`
		ExpiresAt string   `json:"expires_at,omitempty"`
		Reason    string   `json:"reason"`
	}{form.Label, append([]string{}, form.Scopes...), listed(form.Accounts), endOfDay(form.Expires), form.Reason}
	got, err := tell[struct {
		Key    apiKey  `json:"key"`
		Secret *string `json:"secret"`
	}](v, "/v1/keys", in)
	if p := typed(err); p != nil {
		return v.showKeys(http.StatusUnprocessableEntity, form, p)
	}
	if err != nil {
		return err
	}
	return v.showOnce("key", got.Key.Label, got.Secret, keysPath)
}

func keyCommand(v *visit, verb string) string {
	return "/v1/keys/" + segment(v.r.PathValue("key_id")) + verb
}

// listed are the words of a text, which spaces, commas and ends of lines separate.
func listed(text string) []string {
	return append([]string{}, strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '，' })...)
}

// rotateKey makes another secret and shows it once.
func (s *Server) rotateKey(v *visit) error {
	in := map[string]string{"overlap": v.form("overlap"), "reason": v.form("reason")}
	got, err := tell[struct {
		Key    apiKey  `json:"key"`
		Secret *string `json:"secret"`
	}](v, keyCommand(v, "/rotate"), in)
	if err != nil {
		return err
	}
	return v.showOnce("key", got.Key.Label, got.Secret, keysPath)
}

func (s *Server) disableKey(v *visit) error {
	if _, err := tell[apiKey](v, keyCommand(v, "/disable"), map[string]string{"reason": v.form("reason")}); err != nil {
		return err
	}
	return v.done(keysPath, "key_disabled")
}

func (s *Server) expireKey(v *visit) error {
	in := map[string]string{"expires_at": endOfDay(v.form("expires")), "reason": v.form("reason")}
	if _, err := tell[apiKey](v, keyCommand(v, "/expire"), in); err != nil {
		return err
	}
	return v.done(keysPath, "key_expires")
}
