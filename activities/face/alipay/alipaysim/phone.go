package alipaysim

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

//go:embed assets
var assets embed.FS

// pages parses the templates. They are parsed per page: a simulator has no
// traffic to save work for, and no package variable needs to hold them.
func pages() (*template.Template, error) { return template.ParseFS(assets, "assets/*.html") }

// phonePage is what phone.html shows.
type phonePage struct {
	Step      string // "agree", "scan", "done", "expired", "closed", "failed", "cancelled", "refused"
	CertifyID string
	ReturnURL string // set on end pages of attempts that have one
}

// serveCertify is the certify page method: a signed GET, opened by a phone.
func (s *Simulator) serveCertify(w http.ResponseWriter, r *http.Request) {
	fault := Fault{}
	// HEAD is a preview's, not a person's: it opens nothing and uses up no fault.
	if r.Method == http.MethodGet && r.URL.Query().Get("method") == methodCertify {
		fault = s.take(OpCertify, false)
	}
	if s.strikeBefore(w, r, fault) {
		return
	}
	if fault.Kind == FaultDelay && !s.wait(r, s.delayOf(fault)) {
		panic(http.ErrAbortHandler)
	}
	if r.ParseForm() != nil {
		s.render(w, http.StatusBadRequest, phonePage{Step: "refused"})
		return
	}
	if _, ok := s.admit(r); !ok || !returnURLOK(r.Form.Get("return_url")) {
		s.render(w, http.StatusBadRequest, phonePage{Step: "refused"})
		return
	}
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	_ = json.Unmarshal([]byte(r.Form.Get("biz_content")), &in)
	var a attempt
	var err error
	if r.Method == http.MethodHead {
		if found, ok := s.find(in.CertifyID); ok {
			a = found
		} else {
			err = errUnknownAttempt
		}
	} else {
		a, err = s.open(in.CertifyID, r.Form.Get("return_url"))
	}
	if err != nil {
		s.render(w, statusOf(err), phonePage{Step: "refused"})
		return
	}
	s.render(w, http.StatusOK, s.pageOf(a))
}

// pageOf chooses the page by state.
func (s *Simulator) pageOf(a attempt) phonePage {
	step := map[string]string{
		stateWaiting: "agree", stateOpened: "agree", stateAgreed: "scan", statePassed: "done",
		stateFailed: "failed", stateCancelled: "cancelled", stateClosed: "closed", stateExpired: "expired",
	}[a.stateAt(s.cfg.Now())]
	return phonePage{Step: step, CertifyID: a.CertifyID, ReturnURL: a.ReturnURL}
}

func (s *Simulator) servePhone(w http.ResponseWriter, r *http.Request) {
	a, ok := s.find(r.PathValue("certify_id"))
	if !ok {
		s.render(w, http.StatusNotFound, phonePage{Step: "refused"})
		return
	}
	s.render(w, http.StatusOK, s.pageOf(a))
}

func (s *Simulator) serveAgree(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("certify_id")
	_, err := s.agree(id)
	s.afterPost(w, r, id, "", err)
}

// serveResult records the pressed button. Pass, fail and cancel leave for the
// return address, as Alipay does; close stays, as a closed app does.
func (s *Simulator) serveResult(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxControl)
	id, pressed := r.PathValue("certify_id"), r.PostFormValue("result")
	a, err := s.decide(id, pressed)
	target := a.ReturnURL
	if pressed == "close" {
		target = ""
	}
	s.afterPost(w, r, id, target, err)
}

// afterPost redirects to target, or to the attempt's page when there is none or
// when the press came too late: the page then says so.
func (s *Simulator) afterPost(w http.ResponseWriter, r *http.Request, id, target string, err error) {
	if status := statusOf(err); err != nil && status != http.StatusConflict {
		s.render(w, status, phonePage{Step: "refused"})
		return
	}
	if err != nil || target == "" {
		target = "/phone/" + url.PathEscape(id)
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// indexRows bounds the overview.
const indexRows = 50

// serveIndex lists the newest attempts, for a demo without a phone.
func (s *Simulator) serveIndex(w http.ResponseWriter, _ *http.Request) {
	views := []attemptView{}
	for _, a := range slices.Backward(s.all()) {
		if views = append(views, s.view(a)); len(views) == indexRows {
			break
		}
	}
	s.write(w, http.StatusOK, "index.html", "", views)
}

func (s *Simulator) render(w http.ResponseWriter, status int, page phonePage) {
	origin := ""
	if u, err := url.Parse(page.ReturnURL); err == nil && page.ReturnURL != "" {
		// Browsers hold the redirect that follows a form to form-action as well.
		origin = " " + u.Scheme + "://" + u.Host
	}
	s.write(w, status, "phone.html", origin, page)
}

func (s *Simulator) write(w http.ResponseWriter, status int, name, formOrigin string, data any) {
	all, err := pages()
	var b bytes.Buffer
	if err == nil {
		err = all.ExecuteTemplate(&b, name, data)
	}
	if err != nil {
		s.log.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "page not rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'"+formOrigin+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// same-origin, not no-referrer: the origin check of the forms needs it on plain http.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func serveCSS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, assets, "assets/phone.css")
}
