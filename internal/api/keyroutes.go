package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
)

const maxLabel = 100 // characters

func (s *Server) keyRoutes(admins []Scope) {
	one := []Code{CodeKeyNotFound}
	handle(s, operation{
		id: "list-keys", method: http.MethodGet, path: "/v1/keys", tag: tagAccess, summary: "List API keys",
		words: "All of them, disabled and expired ones included. Their secrets are not known.", scopes: admins,
	}, s.listKeys)
	handle(s, operation{
		id: "create-key", method: http.MethodPost, path: "/v1/keys", tag: tagAccess, summary: "Create an API key",
		words: "The answer shows its secret, this once.", scopes: admins, answers: map[int]string{http.StatusCreated: "Created, and open."},
	}, s.createKey)
	handle(s, operation{
		id: "rotate-key", method: http.MethodPost, path: "/v1/keys/{key_id}/rotate", tag: tagAccess, summary: "Give an API key another secret",
		words: "The answer shows the new secret, this once. The key stays what it is: its id, scopes and accounts, and what was done with it. Until the overlap ends the present " +
			"secret opens as well, and those from before it until theirs do. With an overlap of 0s all of them end now.", scopes: admins, codes: []Code{CodeKeyNotFound, CodeKeyEnded},
	}, s.rotateKey)
	handle(s, operation{
		id: "expire-key", method: http.MethodPost, path: "/v1/keys/{key_id}/expire", tag: tagAccess, summary: "Set the end of an API key",
		words: "From that instant on it opens nothing. An instant in the past ends it now.", scopes: admins, codes: one,
	}, s.expireKey)
	handle(s, operation{
		id: "disable-key", method: http.MethodPost, path: "/v1/keys/{key_id}/disable", tag: tagAccess, summary: "Disable an API key",
		words: "For good, within a second. There is no way back: create another one.", scopes: admins, codes: one,
	}, s.disableKey)
}

type keyIn struct {
	Label     string   `json:"label" maxLength:"100" doc:"What it is for; shown in lists." example:"label service"`
	Scopes    []string `json:"scopes" nullable:"false" minItems:"1" doc:"What it may do." example:"[\"decisions:read\"]"`
	Accounts  []string `json:"accounts,omitempty" nullable:"false" maxItems:"100" doc:"The accounts that it may reach: ids, and beginnings of ids with * behind them. Every other account is to it as if it were not there. It stays as it is. Left out or empty: all." example:"[\"shop-eu-*\"]"`
	ExpiresAt string   `json:"expires_at,omitempty" format:"date-time" doc:"The instant from which it opens nothing; left out: never."`
	Reason    string   `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type keyEndIn struct {
	ExpiresAt string `json:"expires_at" format:"date-time" doc:"The instant from which it opens nothing."`
	Reason    string `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type keyRotateIn struct {
	Overlap string `json:"overlap,omitempty" doc:"How long the present secret opens as well, as 24h or 90m: 0s to 720h. Left out: 24h. With 0s every old secret ends now: for one that leaked." example:"24h"`
	Reason  string `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type keyReasonIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type keyView struct {
	KeyID      string     `json:"key_id"`
	Prefix     string     `json:"prefix" doc:"What the key begins with, to recognise it by."`
	Label      string     `json:"label"`
	Scopes     []string   `json:"scopes" nullable:"false"`
	State      string     `json:"state" enum:"open,expired,disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"Null: never."`
	LastUsedAt *time.Time `json:"last_used_at" doc:"To the minute; null: never."`
	Accounts   []string   `json:"accounts" nullable:"false" doc:"The accounts that it may reach; empty: all."`
	OldUntil   *time.Time `json:"old_secret_until" doc:"Until when a secret from before a rotation opens as well; null: none does."`
}

type keysView struct {
	Keys []keyView `json:"keys" nullable:"false" doc:"Oldest first."`
}

type keyWithSecretView struct {
	Key    keyView `json:"key"`
	Secret *string `json:"secret" doc:"The whole key, shown this once: null when the answer is a repeated one. For a lost one create another."`
}

// sealed leaves the secret out of what is saved of the answer.
func (v keyWithSecretView) sealed() any {
	v.Secret = nil
	return v
}

// unsealed cannot make it again.
func (v keyWithSecretView) unsealed(*Tokens) any { return v }

// States of a key.
const (
	keyOpen     = "open"
	keyExpired  = "expired"
	keyDisabled = "disabled"
)

func viewKey(k store.Key, zone *time.Location, now time.Time) keyView {
	v := keyView{
		KeyID: k.ID, Prefix: keyPrefix + "_" + k.ID, Label: k.Label, Scopes: append([]string{}, k.Scopes...), State: stateOfKey(k, now),
		CreatedAt: k.CreatedAt.In(zone), ExpiresAt: instantIn(k.ExpiresAt, zone), LastUsedAt: instantIn(k.LastUsedAt, zone),
		Accounts: append([]string{}, k.Accounts...),
	}
	for _, old := range k.Old {
		if now.Before(old.Until) && (v.OldUntil == nil || old.Until.After(*v.OldUntil)) {
			v.OldUntil = instantIn(old.Until, zone)
		}
	}
	return v
}

func stateOfKey(k store.Key, now time.Time) string {
	switch {
	case k.Disabled:
		return keyDisabled
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return keyExpired
	default:
		return keyOpen
	}
}

func (s *Server) listKeys(ctx context.Context, c *call, _ none) (int, keysView, error) {
	view := keysView{Keys: []keyView{}}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.AllKeys(ctx)
	if err != nil {
		return 0, view, err
	}
	for _, k := range all {
		view.Keys = append(view.Keys, viewKey(k, zone, c.now))
	}
	return http.StatusOK, view, nil
}

func (s *Server) createKey(ctx context.Context, c *call, in keyIn) (int, keyWithSecretView, error) {
	var view keyWithSecretView
	var f faults
	f.label("label", in.Label)
	scopes := f.scopes("scopes", in.Scopes)
	expires := f.later("expires_at", in.ExpiresAt, c.now)
	accounts := store.AccountSet(in.Accounts)
	f.accounts("accounts", accounts)
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	made := uuid.NewSHA1(uuid.NameSpaceOID, []byte("key/"+c.change)) // the same command twice, also at once, is one key
	secret, key, err := newKey([keyIDBytes]byte(made[:]), in.Label, scopes)
	if err != nil {
		return 0, view, err
	}
	key.CreatedAt, key.ExpiresAt, key.Accounts = c.now, expires, accounts
	shown := &secret
	err = s.cfg.Store.PutKey(ctx, key)
	if errors.Is(err, store.ErrConflict) { // it is there, with the secret that whoever was first has
		shown = nil
		key, err = s.cfg.Store.Key(ctx, key.ID)
	}
	if err != nil {
		return 0, view, err
	}
	view = keyWithSecretView{viewKey(key, zone, c.now), shown}
	c.changed("key/"+key.ID, in.Reason, nil, view.Key)
	return http.StatusCreated, view, nil
}

// Bounds of the time for which two secrets of a key open.
const (
	standardOverlap = 24 * time.Hour
	maxOverlap      = 30 * 24 * time.Hour
)

func (s *Server) rotateKey(ctx context.Context, c *call, in keyRotateIn) (int, keyWithSecretView, error) {
	var view keyWithSecretView
	var f faults
	overlap := f.overlap("overlap", in.Overlap)
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, view, err
	}
	id := c.r.PathValue("key_id")
	key, err := s.cfg.Store.Key(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, view, problem(CodeKeyNotFound).because(err)
	case err != nil:
		return 0, view, err
	case stateOfKey(key, c.now) != keyOpen:
		return 0, view, problem(CodeKeyEnded)
	}
	secret, hash := NewSecret(id)
	view.Key, err = s.changeKey(ctx, c, in.Reason, store.KeyChange{Hash: hash, At: c.now, OldUntil: c.now.Add(overlap)})
	if err != nil {
		return 0, view, err
	}
	view.Secret = &secret
	return http.StatusOK, view, nil
}

func (s *Server) expireKey(ctx context.Context, c *call, in keyEndIn) (int, keyView, error) {
	var f faults
	expires := f.instantOf("expires_at", in.ExpiresAt)
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, keyView{}, err
	}
	view, err := s.changeKey(ctx, c, in.Reason, store.KeyChange{ExpiresAt: expires})
	return http.StatusOK, view, err
}

func (s *Server) disableKey(ctx context.Context, c *call, in keyReasonIn) (int, keyView, error) {
	var f faults
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, keyView{}, err
	}
	view, err := s.changeKey(ctx, c, in.Reason, store.KeyChange{Disable: true})
	return http.StatusOK, view, err
}

// changeKey changes the key of the path.
func (s *Server) changeKey(ctx context.Context, c *call, reason string, change store.KeyChange) (keyView, error) {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return keyView{}, err
	}
	before, after, err := s.cfg.Store.ChangeKey(ctx, c.r.PathValue("key_id"), change)
	if errors.Is(err, store.ErrNotFound) {
		return keyView{}, problem(CodeKeyNotFound).because(err)
	}
	if err != nil {
		return keyView{}, err
	}
	s.keys.forget(after.ID)
	view := viewKey(after, zone, c.now)
	c.changed("key/"+after.ID, reason, viewKey(before, zone, c.now), view)
	return view, nil
}

func (f *faults) label(field, label string) {
	switch {
	case strings.TrimSpace(label) == "":
		f.required(field)
	case strings.ContainsFunc(label, unicode.IsControl):
		f.add(field, "form", "must be one line of text", "应为一行文本")
	}
	f.atMost(field, label, maxLabel)
}

func (f *faults) scopes(field string, given []string) []Scope {
	if len(given) == 0 {
		f.required(field)
	}
	all := make([]Scope, 0, len(given))
	for _, text := range given {
		scope := Scope(text)
		if !scope.Valid() {
			list := strings.Join(texts(Scopes()), ", ")
			f.add(field, "not_allowed", "must be some of "+list, "应从以下范围中选择："+list)
			return nil
		}
		all = append(all, scope)
	}
	return all
}

func (f *faults) accounts(field string, set store.AccountSet) {
	if set.Check() != nil {
		f.add(field, "form", "must be up to 100 different account ids, or beginnings of ids with * behind them, as shop-eu-*",
			"应为至多 100 个互不相同的账号，或以 * 结尾的账号前缀，例如 shop-eu-*")
	}
}

func (f *faults) overlap(field, text string) time.Duration {
	if text == "" {
		return standardOverlap
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxOverlap {
		f.add(field, "out_of_range", "must be a duration from 0s to 720h, as 24h", "应为 0s 至 720h 之间的时长，例如 24h")
	}
	return d
}

// later reads an instant that must not have come yet; none is fine.
func (f *faults) later(field, text string, now time.Time) time.Time {
	if text == "" {
		return time.Time{}
	}
	t := f.instantOf(field, text)
	if !t.IsZero() && !t.After(now) {
		f.add(field, "out_of_range", "must lie in the future", "应为将来的时间")
	}
	return t
}
