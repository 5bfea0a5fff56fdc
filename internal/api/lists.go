package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
)

type verificationsView struct {
	Verifications []listedView `json:"verifications" nullable:"false" doc:"In the order of sort."`
	Sort          string       `json:"sort" enum:"account_id,changed,registered" doc:"The order of the list."`
	Rules         []string     `json:"rules" nullable:"false" doc:"The rules in force now, for the parameter rule."`
	Cursor        *string      `json:"cursor" doc:"Where the list goes on; null at its end."`
}

// listedView is a status with what else is asked of many accounts at a time.
type listedView struct {
	statusView
	listedFacts
}

type listedFacts struct {
	Kind           string     `json:"kind" enum:"individual,enterprise"`
	Region         string     `json:"region"`
	RegisteredAt   time.Time  `json:"registered_at"`
	ClosedAt       *time.Time `json:"closed_at" doc:"From when on the account is closed; null while it is open."`
	ChangedAt      time.Time  `json:"changed_at" doc:"When the last change of the log or of the account's facts was recorded."`
	Restricted     bool       `json:"restricted" doc:"A restriction is open."`
	RestrictedBy   []string   `json:"restricted_by" nullable:"false" doc:"The rules of the open restrictions."`
	ExtendedUntil  *time.Time `json:"extended_until" doc:"When the last of its running extensions ends."`
	RequestedUntil *time.Time `json:"extension_requested_until" doc:"The latest end that is requested and neither approved nor rejected nor lapsed."`
	Deadline       *time.Time `json:"deadline" doc:"From when the first of the rules that cover it blocks anything for it, extensions counted; null if none does."`
}

// TransformSchema tells huma what is embedded.
func (listedView) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return joined(r, s, reflect.TypeFor[statusView](), reflect.TypeFor[listedFacts]())
}

func (s *Server) listRoutes(room chan struct{}) {
	handle(s, operation{
		id: "list-verifications", method: http.MethodGet, path: "/v1/verifications", tag: tagOperations,
		summary: "List accounts and their verifications",
		words: "Filters narrow down together, and are read page by page. A cursor is good for the filters and the order it was made with. " +
			"Whoever reads all pages sees every account that matches all the while once; by the last change, an account that changes meanwhile moves to the front.",
		scopes: []Scope{VerificationsRead}, reach: ReachOwn, codes: []Code{CodeValidationFailed},
		query: append(accountParameters(), pageParameters()...),
	}, s.listVerifications)
	s.exportRoute(room)
}

func (s *Server) listVerifications(ctx context.Context, c *call, _ none) (int, verificationsView, error) {
	view := verificationsView{Verifications: []listedView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	outlook, err := s.cfg.Gate.Outlook(ctx)
	if err != nil {
		return 0, view, err
	}
	filter, scope, err := c.accountFilter(outlook)
	if err != nil {
		return 0, view, err
	}
	if given := c.query("cursor"); given != "" {
		if filter.After, err = s.openListPlace(scope, given); err != nil {
			return 0, view, badCursor()
		}
	}
	filter.Limit, view.Sort, view.Rules = limit, string(filter.Sort), outlook.Rules()
	page, err := s.cfg.Store.ListAccounts(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	for _, a := range page {
		status := s.statusOf(a.Verification, outlook.Zone, c.now)
		view.Verifications = append(view.Verifications, listedView{status, viewListed(a, outlook, c.now)})
	}
	if len(page) == limit { // the next page may be empty; to know would be one row more than a page may have
		last := page[limit-1].Place(filter.Sort)
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, last.At.Format(time.RFC3339Nano)+" "+last.ID))
	}
	return http.StatusOK, view, nil
}

// openListPlace reads a cursor of the list.
func (s *Server) openListPlace(scope, cursor string) (store.ListPlace, error) {
	text, err := s.cfg.Tokens.openCursor(scope, cursor)
	if err != nil {
		return store.ListPlace{}, err
	}
	at, id, _ := strings.Cut(text, " ")
	instant, err := time.Parse(time.RFC3339Nano, at)
	return store.ListPlace{At: instant, ID: id}, err
}

func viewListed(a store.ListedAccount, o *gate.Outlook, now time.Time) listedFacts {
	v := listedFacts{
		Kind: string(a.Account.Kind), Region: a.Account.Region, RegisteredAt: a.Account.RegisteredAt.In(o.Zone),
		ClosedAt: instantIn(a.Account.ClosedAt, o.Zone), ChangedAt: a.ChangedAt.In(o.Zone),
		Restricted: len(a.RestrictedBy) > 0, RestrictedBy: append([]string{}, a.RestrictedBy...), Deadline: instant(o.Deadline(a.Facts)),
	}
	if now.Before(a.ExtendedUntil) {
		v.ExtendedUntil = instantIn(a.ExtendedUntil, o.Zone)
	}
	if now.Before(a.RequestedUntil) {
		v.RequestedUntil = instantIn(a.RequestedUntil, o.Zone)
	}
	return v
}
