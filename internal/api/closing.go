package api

import (
	"context"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type closeIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
	At     string `json:"at,omitempty" format:"date-time" doc:"From when the account is closed, past or future; left out, from now on."`
}

type reopenIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text."`
	Note   string `json:"note,omitempty" maxLength:"2000" doc:"Kept in the vault."`
}

type versionsView struct {
	AccountID string        `json:"account_id"`
	Versions  []versionView `json:"versions" nullable:"false" doc:"Oldest first."`
	Cursor    *string       `json:"cursor" doc:"Where the list goes on; null at its end."`
}

// versionView is an account's facts as somebody recorded them.
type versionView struct {
	Version      int        `json:"version"`
	Kind         string     `json:"kind" enum:"individual,enterprise"`
	Region       string     `json:"region"`
	RegisteredAt time.Time  `json:"registered_at"`
	ClosedAt     *time.Time `json:"closed_at"`
	RecordedAt   time.Time  `json:"recorded_at" doc:"From when on the facts were known. A question with basis did sees them from here on."`
	Actor        actorView  `json:"actor"`
	Reason       *string    `json:"reason"`
	HasNote      bool       `json:"has_note" doc:"Free text lies in the vault."`
}

func (s *Server) closingRoutes() {
	post := func(id, verb, summary, words string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/accounts/{account_id}/" + verb, tag: tagAccounts,
			summary: summary, words: words, scopes: []Scope{AccountsWrite, AccountsCorrect}, audited: true,
		}
	}
	handle(s, post("close-account", "close", "Close an account",
		"A closed account takes no further steps, is not prompted, and passes over the population skip it. What the gate answers does not change: "+
			"closing never lifts a block. Closing it again with another instant corrects the instant."), s.closeAccount)
	handle(s, post("reopen-account", "reopen", "Open a closed account again",
		"Takes a closing back that was a mistake. The verification goes on where it stood."), s.reopenAccount)
	handle(s, operation{
		id: "account-versions", method: http.MethodGet, path: "/v1/accounts/{account_id}/versions", tag: tagAccounts,
		summary: "List the versions of an account's facts", words: "Who recorded which facts, when and why. Nothing is overwritten.",
		scopes: []Scope{AuditRead, AccountsCorrect}, query: []parameter{
			{name: "cursor", words: "Where the page before ended, from its answer."},
			{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
		},
	}, s.accountVersions)
}

func (s *Server) closeAccount(ctx context.Context, c *call, in closeIn) (int, accountView, error) {
	var f faults
	at := c.now
	if in.At != "" {
		at = f.instantOf("at", in.At)
	}
	known, err := s.cfg.Store.Account(ctx, c.account)
	if err != nil {
		return 0, accountView{}, err
	}
	if at.Before(known.RegisteredAt) && !at.IsZero() {
		f.add("at", "out_of_range", "must not lie before registered_at", "不能早于注册时间")
	}
	if in.At == "" && known.Closed(at) {
		at = known.ClosedAt
	}
	return s.closing(ctx, c, f, at, in.Reason, in.Note)
}

func (s *Server) reopenAccount(ctx context.Context, c *call, in reopenIn) (int, accountView, error) {
	return s.closing(ctx, c, nil, time.Time{}, in.Reason, in.Note)
}

// closing records from when on an account is closed; a zero instant opens it. It adds to the faults found so far.
func (s *Server) closing(ctx context.Context, c *call, f faults, at time.Time, reason, note string) (int, accountView, error) {
	if reason == "" {
		f.required("reason")
	}
	f.freeText("reason", reason)
	f.freeText("note", note)
	if err := f.err(); err != nil {
		return 0, accountView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, accountView{}, err
	}
	known, err := s.cfg.Store.Account(ctx, c.account)
	if err != nil {
		return 0, accountView{}, err // nothing is kept of accounts that nobody knows
	}
	c.changed("", reason, viewAccount(known, zone), nil)
	said, err := s.explain(ctx, c.account, reason, note)
	if err != nil {
		return 0, accountView{}, err
	}
	account, result, err := s.cfg.Store.CloseAccount(ctx, store.Closing{
		AccountID: c.account, ClosedAt: at, Actor: s.actor(c, lifecycle.ActorOperator), Reason: said.stored(),
	})
	if err != nil || result == store.Unchanged {
		s.forget(ctx, c.account, said.ref)
		said.ref = ""
	}
	if err != nil {
		return 0, accountView{}, err
	}
	c.changed("", said.stored(), viewAccount(known, zone), viewAccount(account, zone))
	s.settle(ctx, c.account)
	return http.StatusOK, viewAccount(account, zone), nil
}

// openAccount refuses what a closed account cannot have any more. ErrNotFound if nobody knows the account, of which
// nothing is kept.
func (s *Server) openAccount(ctx context.Context, c *call) error {
	account, err := s.cfg.Store.Account(ctx, c.account)
	if err == nil && account.Closed(c.now) {
		return problem(CodeAccountClosed)
	}
	return err
}

func (s *Server) accountVersions(ctx context.Context, c *call, _ none) (int, versionsView, error) {
	view := versionsView{AccountID: c.account, Versions: []versionView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	scope := "versions/" + c.account
	after, err := s.numberIn(c, scope)
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	versions, err := s.cfg.Store.AccountVersions(ctx, c.account, int(after), limit)
	if err != nil {
		return 0, view, err
	}
	for _, v := range versions {
		code, noted := told(v.Reason)
		view.Versions = append(view.Versions, versionView{
			Version: v.Version, Kind: string(v.Kind), Region: v.Region, RegisteredAt: v.RegisteredAt.In(zone), ClosedAt: instantIn(v.ClosedAt, zone),
			RecordedAt: v.RecordedAt.In(zone), Actor: actorView{string(v.Actor.Kind), orNil(v.Actor.ID)}, Reason: orNil(code), HasNote: noted,
		})
	}
	if len(versions) == limit { // the next page may be empty; to know would be one row more than a page may have
		view.Cursor = s.numbered(scope, int64(versions[limit-1].Version))
	}
	return http.StatusOK, view, nil
}
