package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// noteCookie carries what a command has to say over the redirect to the page that says it.
const noteCookie = "verigate_note"

// note is what a page says once, after a command. Its texts are note.<Kind>.
type note struct {
	Kind string
	At   time.Time
	Bad  bool
}

// Kinds of notes.
const (
	noteSaved       = "saved"
	noteChecked     = "checked" // asked the provider; there is no result yet
	noteCurrent     = "current" // asked; this is the state
	noteRenewed     = "renewed" // another code
	noteWithdrawn   = "withdrawn"
	noteBack        = "back" // left the route without a face
	noteDeclined    = "declined"
	noteGiven       = "evidence_kept"
	noteRemoved     = "evidence_removed"
	noteBusy        = "busy"
	noteNotAllowed  = "not_allowed"
	noteExhausted   = "exhausted"
	noteEngineDown  = "engine_down"
	noteUnknown     = "unknown_outcome"
	noteProvider    = "provider_down"
	noteRefused     = "provider_refused"
	noteCorrections = "correction_not_allowed"
	noteClosed      = "account_closed"
)

func goodNotes() []string {
	return []string{noteSaved, noteChecked, noteCurrent, noteRenewed, noteWithdrawn, noteBack, noteDeclined, noteGiven, noteRemoved}
}

func badNotes() []string {
	return []string{noteBusy, noteNotAllowed, noteExhausted, noteEngineDown, noteUnknown, noteProvider, noteRefused, noteCorrections, noteClosed}
}

// leaveNote has the next page say something to the person who acted.
func (s *Server) leaveNote(v *visit, kind string) {
	if v.auto {
		return
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: noteCookie, Value: kind + "." + number(s.cfg.Now().Unix()), Path: "/m/", MaxAge: 60,
		HttpOnly: true, Secure: s.cfg.HTTPS, SameSite: http.SameSiteLaxMode,
	})
}

// takeNote returns what there is to say and forgets it. A reader can forge it, for himself, from our own sentences.
func (s *Server) takeNote(v *visit) *note {
	cookie, err := v.r.Cookie(noteCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(v.w, &http.Cookie{Name: noteCookie, Path: "/m/", MaxAge: -1, HttpOnly: true, Secure: s.cfg.HTTPS, SameSite: http.SameSiteLaxMode})
	kind, at, _ := strings.Cut(cookie.Value, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	bad := slices.Contains(badNotes(), kind)
	if err != nil || !bad && !slices.Contains(goodNotes(), kind) {
		return nil
	}
	return &note{kind, time.Unix(seconds, 0), bad}
}
