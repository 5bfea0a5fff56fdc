package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
)

// wayLife is how long somebody may take at the provider.
const wayLife = 10 * time.Minute

// Begin implements admin.Entrance. What has to be the same when the browser comes back stays in the browser, in a
// cookie that no other site and no script can read: nobody is led through a sign-in that another browser began.
func (s *Service) Begin(w http.ResponseWriter, r *http.Request, back string) (string, error) {
	if s.cfg.Provider == nil {
		return "", admin.ErrRefused
	}
	begun := way{
		State: randomText(), Nonce: randomText(), Verifier: oauth2.GenerateVerifier(), Back: back, Ends: s.cfg.Now().Add(wayLife).Unix(),
	}
	address, err := s.cfg.Provider.begin(r.Context(), begun)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(begun)
	if err != nil {
		return "", err
	}
	s.set(w, http.Cookie{ //nolint:gosec // set gives it Secure, HttpOnly and SameSite
		Name: s.cookie(wayCookie), Value: base64.RawURLEncoding.EncodeToString(text), MaxAge: int(wayLife.Seconds()),
	})
	return address, nil
}

// Return implements admin.Entrance.
func (s *Service) Return(w http.ResponseWriter, r *http.Request) (admin.Person, string, error) {
	if s.cfg.Provider == nil {
		return admin.Person{}, "", admin.ErrRefused
	}
	begun, ok := s.underWay(r)
	q := r.URL.Query()
	given := q.Get("state")
	if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(begun.State)) != 1 {
		return admin.Person{}, "", admin.ErrStale
	}
	// Anybody can make a cookie and come back with it. Each time stands in the audit log and may ask the provider, so
	// they are slowed down as wrong passwords are, by address alone.
	tried := attempt{name: "provider", address: limit.Subscriber(s.cfg.Address(r)), familiar: true}
	if wait := s.delays.begin(tried); wait > 0 {
		return admin.Person{}, begun.Back, &admin.WaitError{Wait: wait}
	}
	s.drop(w, s.cookie(wayCookie))                   // good for one answer
	if q.Get("error") != "" || q.Get("code") == "" { // the person turned back, or the provider lets nobody in
		s.record(r, store.Operator{}, "sign_in_failed", "refused")
		return admin.Person{}, begun.Back, admin.ErrRefused
	}
	who, err := s.cfg.Provider.redeem(r.Context(), begun, q.Get("code"))
	if errors.Is(err, errProof) {
		s.cfg.Logger.WarnContext(r.Context(), "sign-in refused", "error", err)
		s.record(r, store.Operator{}, "sign_in_failed", "refused")
		return admin.Person{}, begun.Back, admin.ErrRefused
	}
	if err != nil {
		return admin.Person{}, begun.Back, err
	}
	o, err := s.known(r.Context(), who)
	if err == nil && (o.Disabled || who.Role == "") {
		s.record(r, o, "sign_in_failed", "refused")
		err = admin.ErrRefused
	}
	if err != nil {
		return admin.Person{}, begun.Back, err
	}
	person, err := s.enter(w, r, o)
	if err == nil {
		s.delays.succeeded(tried)
	}
	return person, begun.Back, err
}

// underWay is the sign-in that this browser began.
func (s *Service) underWay(r *http.Request) (begun way, ok bool) {
	cookie, err := r.Cookie(s.cookie(wayCookie))
	if err != nil {
		return begun, false
	}
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || json.Unmarshal(text, &begun) != nil {
		return begun, false
	}
	return begun, begun.State != "" && s.cfg.Now().Unix() < begun.Ends
}

// known returns the operator of an identity as the provider describes it now; at the first sign-in it is a new one.
// Somebody without a role is never added, and loses the one that they had.
func (s *Service) known(ctx context.Context, who identity) (store.Operator, error) {
	o, err := s.cfg.Store.OperatorByIdentity(ctx, who.Issuer, who.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound) && who.Role == "":
		return store.Operator{}, nil
	case errors.Is(err, store.ErrNotFound):
		return s.welcome(ctx, who)
	case err != nil:
		return store.Operator{}, err
	}
	change := store.OperatorChange{Name: &who.Name, At: s.cfg.Now(), ByProvider: true}
	if who.Role != "" {
		change.Role = (*string)(&who.Role)
	} else {
		none := store.NoRole // what the person had open ends
		change.Role = &none
	}
	_, o, err = s.cfg.Store.ChangeOperator(ctx, o.ID, change)
	return o, err
}

// welcome adds somebody who has never been here. Two browsers of the same person may do so at once.
func (s *Service) welcome(ctx context.Context, who identity) (store.Operator, error) {
	o := store.Operator{
		ID: people.NewID(), Name: who.Name, Role: string(who.Role), Issuer: who.Issuer, Subject: who.Subject,
		CreatedAt: s.cfg.Now(), CreatedBy: "oidc",
	}
	err := s.cfg.Store.AddOperator(ctx, o)
	if errors.Is(err, store.ErrConflict) {
		return s.cfg.Store.OperatorByIdentity(ctx, who.Issuer, who.Subject)
	}
	return o, err
}

// plainName makes a text of the provider one that can stand on a page: of one line, and not too long.
func plainName(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError }), " ")
	if letters := []rune(text); len(letters) > people.LongestName {
		text = strings.TrimSpace(string(letters[:people.LongestName]))
	}
	return text
}
