package portal

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// Languages of the portal.
const (
	langEn   = "en"
	langZhCN = "zh-CN"
)

const languageCookie = "portal_language"

// pages are the parsed templates with their texts.
type pages struct {
	templates *template.Template
	texts     map[string]Message
}

func newPages() (*pages, error) {
	text, err := assets.ReadFile("assets/texts.json")
	if err != nil {
		return nil, err
	}
	p := &pages{}
	if err := json.Unmarshal(text, &p.texts); err != nil {
		return nil, fmt.Errorf("portal: texts.json: %w", err)
	}
	p.templates, err = template.ParseFS(assets, "assets/*.html")
	return p, err
}

// base is what every page knows.
type base struct {
	Lang    string
	Service string // address of Verigate
	Path    string // of this page, to come back to after a change of language

	texts map[string]Message
	zone  *time.Location
}

// T is the text of a key; a missing one fails the page, and with it the tests.
func (b base) T(key string) (string, error) {
	m, ok := b.texts[key]
	if !ok {
		return "", fmt.Errorf("portal: no text %q", key)
	}
	return b.Say(m), nil
}

// Say is a message in the language of the page.
func (b base) Say(m Message) string {
	if b.Lang == langEn {
		return m.En
	}
	return m.ZhCN
}

// Time writes an instant in Beijing time, with the zone.
func (b base) Time(t time.Time) string {
	if b.Lang == langEn {
		return t.In(b.zone).Format("2 January 2006, 15:04:05 (UTC-07:00)")
	}
	return t.In(b.zone).Format("2006年1月2日 15:04:05（UTC-07:00）")
}

type signInPage struct {
	base
	Accounts []Sample
	Account  string // as typed
	Fault    string // key of a text, if what was typed is refused
}

type dashboardPage struct {
	base
	Account string
	State   string // of the verification, or "unknown"
	Prompt  *shownPrompt
	Answer  *answer
	Labels  []label
}

// Done reports that nothing is left to do.
func (d dashboardPage) Done() bool { return d.State == "verified" }

type messagePage struct {
	base
	Key  string
	Code string // of the service's refusal, if that is the reason
}

func (p *signInPage) setBase(b base)    { p.base = b }
func (p *dashboardPage) setBase(b base) { p.base = b }
func (p *messagePage) setBase(b base)   { p.base = b }

// render writes a page, whole or not at all.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, status int, name string, page interface{ setBase(base) }) {
	lang := languageOf(r)
	path := r.URL.Path
	if r.Method != http.MethodGet {
		path = "/"
	}
	page.setBase(base{
		Lang: lang, Service: p.cfg.Client.BaseURL, Path: path,
		texts: p.pages.texts, zone: time.FixedZone("Asia/Shanghai", 8*60*60),
	})
	var b bytes.Buffer
	if err := p.pages.templates.ExecuteTemplate(&b, name, page); err != nil {
		p.cfg.Logger.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		http.Error(w, "page not rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// message shows a page with one message.
func (p *Portal) message(w http.ResponseWriter, r *http.Request, status int, key string) {
	p.render(w, r, status, "message.html", &messagePage{Key: "message." + key})
}

// fail says that the service refused or did not answer.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.cfg.Logger.WarnContext(r.Context(), "the service did not do what was asked", "error", err)
	page, status := &messagePage{Key: "message.refused"}, http.StatusBadGateway
	if Unavailable(err) {
		page.Key, status = "message.unavailable", http.StatusServiceUnavailable
	}
	p.render(w, r, status, "message.html", page)
}

// languageOf is the language chosen on the page, or else the browser's first that is spoken here, or else Chinese.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == langEn || c.Value == langZhCN) {
		return c.Value
	}
	for wanted := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		switch wanted = strings.ToLower(strings.TrimSpace(wanted)); {
		case strings.HasPrefix(wanted, "zh"):
			return langZhCN
		case strings.HasPrefix(wanted, "en"):
			return langEn
		}
	}
	return langZhCN
}

func (p *Portal) setLanguage(w http.ResponseWriter, r *http.Request) {
	lang := r.PostFormValue("language")
	if lang != langEn && lang != langZhCN {
		p.message(w, r, http.StatusUnprocessableEntity, "language")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: lang, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.secure,
		MaxAge: int((365 * 24 * time.Hour).Seconds()),
	})
	target := "/"
	if r.PostFormValue("path") == "/dashboard" { // never an address that somebody else chose
		target = "/dashboard"
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func serveCSS(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/portal.css")
}
