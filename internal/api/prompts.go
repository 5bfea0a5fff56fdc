package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/store"
)

type promptEventIn struct {
	Event string `json:"event" enum:"shown,dismissed,acted" doc:"What the merchant did: saw the prompt, closed it, or went on to the verification."`
}

type promptEventView struct {
	Number int    `json:"number"`
	Event  string `json:"event" enum:"shown,dismissed,acted"`
	First  bool   `json:"first" doc:"It is the first of its kind for this prompt, which is the one that is kept."`
}

type promptsView struct {
	Prompts []promptItemView `json:"prompts" nullable:"false" doc:"By number."`
	Cursor  *string          `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type promptItemView struct {
	Number        int        `json:"number"`
	At            time.Time  `json:"at" doc:"When the login was reported."`
	Level         string     `json:"level" enum:"notice,warning,final,enforced"`
	Policy        string     `json:"policy"`
	PolicyVersion int        `json:"policy_version"`
	Rule          string     `json:"rule"`
	ShownAt       *time.Time `json:"shown_at" doc:"When the merchant was first known to see it."`
	DismissedAt   *time.Time `json:"dismissed_at"`
	ActedAt       *time.Time `json:"acted_at"`
}

func (s *Server) promptRoutes() {
	handle(s, operation{
		id: "report-prompt", method: http.MethodPost, path: "/v1/accounts/{account_id}/prompts/{number}", tag: tagDecisions,
		summary: "Say what became of a prompt",
		words: "The number is the one that the report of the login answered. The first event of each kind is kept, so it may be sent again. " +
			"It is for statistics and proof; no decision looks at it.",
		scopes: []Scope{VerificationsWrite}, codes: []Code{CodePromptNotFound},
	}, s.reportPrompt)
	handle(s, operation{
		id: "list-prompts", method: http.MethodGet, path: "/v1/accounts/{account_id}/prompts", tag: tagDecisions,
		summary: "List the prompts of an account", words: "Every counted login prompt, with what the merchant did.",
		scopes: []Scope{VerificationsRead, AuditRead}, query: []parameter{
			{name: "cursor", words: "Where the page before ended, from its answer."},
			{name: "limit", words: "Size of the page, 1 to 500; default 100.", whole: true},
		},
	}, s.listPrompts)
}

func (s *Server) reportPrompt(ctx context.Context, c *call, in promptEventIn) (int, promptEventView, error) {
	event := store.PromptEvent(in.Event)
	if !slices.Contains(store.PromptEvents(), event) {
		var f faults
		f.add("event", "not_allowed", "must be shown, dismissed or acted", "应为 shown、dismissed 或 acted")
		return 0, promptEventView{}, f.err()
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, promptEventView{}, err
	}
	number, err := strconv.Atoi(c.r.PathValue("number"))
	if err != nil {
		return 0, promptEventView{}, problem(CodePromptNotFound)
	}
	first, err := s.cfg.Store.PutPromptEvent(ctx, c.account, number, event, c.now)
	if errors.Is(err, store.ErrNotFound) {
		return 0, promptEventView{}, problem(CodePromptNotFound)
	}
	if err != nil {
		return 0, promptEventView{}, err
	}
	return http.StatusOK, promptEventView{number, in.Event, first}, nil
}

func (s *Server) listPrompts(ctx context.Context, c *call, _ none) (int, promptsView, error) {
	view := promptsView{Prompts: []promptItemView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	scope := "prompts/" + c.account
	after, err := s.numberIn(c, scope)
	if err != nil {
		return 0, view, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	page, err := s.cfg.Store.Prompts(ctx, c.account, int(after), limit)
	if err != nil {
		return 0, view, err
	}
	for _, p := range page {
		view.Prompts = append(view.Prompts, promptItemView{
			Number: p.Number, At: p.At.In(zone), Level: p.Level, Policy: p.Policy, PolicyVersion: p.Version, Rule: p.Rule,
			ShownAt: instantIn(p.Events[store.PromptShown], zone), DismissedAt: instantIn(p.Events[store.PromptDismissed], zone),
			ActedAt: instantIn(p.Events[store.PromptActed], zone),
		})
	}
	if len(page) == limit {
		view.Cursor = s.numbered(scope, int64(page[limit-1].Number))
	}
	return http.StatusOK, view, nil
}
