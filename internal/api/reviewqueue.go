package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/store"
)

// waitingView is an account that waits for a reviewer. It holds nothing personal.
type waitingView struct {
	AccountID     string     `json:"account_id"`
	Queue         string     `json:"queue" enum:"review,manual"`
	State         string     `json:"state" enum:"under_review,manual_review"`
	Seq           int64      `json:"seq" doc:"Names the case: send it with the decision."`
	Since         time.Time  `json:"since" doc:"When it came into the queue."`
	Due           time.Time  `json:"due" doc:"By when it is to be decided."`
	Late          bool       `json:"late" doc:"It should have been decided by now."`
	Findings      []string   `json:"findings" nullable:"false" doc:"Codes of what the automatic checks found."`
	Risk          int        `json:"risk" minimum:"0" maximum:"100" doc:"What the findings weigh together. It orders the queue and decides nothing."`
	Claim         *claimView `json:"claim" doc:"Who holds it now; null if nobody does."`
	Escalated     *actView   `json:"escalated" doc:"Who passed it on to somebody more experienced."`
	FirstApproval *actView   `json:"first_approval" doc:"Of two approvals."`
}

// TransformSchema tells huma what may be null.
func (waitingView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, name := range []string{"claim", "escalated", "first_approval"} {
		orNull(s, name)
	}
	return s
}

type claimView struct {
	Holder string    `json:"holder" doc:"Id of the person or key."`
	Mine   bool      `json:"mine" doc:"It is the caller."`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until" doc:"When the claim ends by itself. Each act of its holder renews it."`
}

type actView struct {
	By string    `json:"by" doc:"Id of the person or key."`
	At time.Time `json:"at"`
}

type waitingListView struct {
	Cases  []waitingView `json:"cases" nullable:"false"`
	Cursor *string       `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type queueCountsView struct {
	Waiting   int       `json:"waiting"`
	Free      int       `json:"free" doc:"Nobody holds them."`
	Late      int       `json:"late"`
	Escalated int       `json:"escalated"`
	Ages      []ageView `json:"ages" nullable:"false" doc:"The youngest first."`
	Most      int       `json:"most" doc:"Nothing is counted any further than this: a figure that is as high means as many or more."`
}

type ageView struct {
	Age   string `json:"age" enum:"day,days,week,older"`
	Count int    `json:"count"`
}

type nextIn struct {
	Queue     string `json:"queue" enum:"review,manual"`
	Order     string `json:"order,omitempty" enum:"oldest,risk" doc:"The oldest one, which is the default, or the one with the highest risk."`
	Escalated bool   `json:"escalated,omitempty" doc:"Only what was escalated. Otherwise that is left out."`
}

type nextView struct {
	Case *waitingView `json:"case" doc:"The case that you hold now; null if nobody waits whom you could take."`
}

// TransformSchema tells huma that case may be null.
func (nextView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "case")
	return s
}

type escalateIn struct {
	Reason string `json:"reason" maxLength:"2000" doc:"A code, or free text, which is kept in the vault and shown to other reviewers."`
}

// ageClass is an age from Least on and below Below (0: any).
type ageClass struct {
	name         string
	least, below time.Duration
}

func ageClasses() []ageClass {
	const day = 24 * time.Hour
	return []ageClass{{"day", 0, day}, {"days", day, 3 * day}, {"week", 3 * day, 10 * day}, {"older", 10 * day, 0}}
}

func (a ageClass) filter(f *store.ReviewFilter) {
	if a.below > 0 {
		f.After = f.Now.Add(-a.below)
	}
	if a.least > 0 {
		f.To = f.Now.Add(-a.least)
	}
}

func (s *Server) queueRoutes() {
	queue := parameter{name: "queue", words: "review: real-name information; manual: the route without a face. Required.", values: names(store.Queues())}
	look := []Scope{ReviewsWrite, VerificationsRead}
	handle(s, operation{
		id: "list-reviews", method: http.MethodGet, path: "/v1/reviews", tag: tagReviews,
		summary: "List who waits for a reviewer", words: "One queue, page by page, the oldest first or the highest risk first. A cursor is good for the filters it was made with.",
		scopes: look, reach: ReachOwn, codes: []Code{CodeValidationFailed},
		query: append([]parameter{
			queue,
			{name: "order", words: "oldest, which is the default, or risk.", values: []string{string(store.OldestFirst), string(store.ByRisk)}},
			{name: "claimed", words: "Only what nobody holds, what somebody holds, or what you hold.", values: []string{"free", "held", "mine"}},
			{name: "late", words: "Only what should have been decided by now.", values: []string{"true"}},
			{name: "escalated", words: "Only what was escalated.", values: []string{"true"}},
			{name: "age", words: "Only what has waited less than one day, one to three days, three to ten days, or longer.", values: []string{"day", "days", "week", "older"}},
		}, pageParameters()...),
	}, s.listReviews)
	handle(s, operation{
		id: "count-reviews", method: http.MethodGet, path: "/v1/reviews:counts", tag: tagReviews,
		summary: "Count who waits for a reviewer", words: "How many wait in a queue, and how long they have.",
		scopes: look, reach: ReachOwn, codes: []Code{CodeValidationFailed}, query: []parameter{queue},
	}, s.countReviews)
	handle(s, operation{
		id: "next-review", method: http.MethodPost, path: "/v1/reviews:next", tag: tagReviews,
		summary: "Take the next case", words: "Claims the first case of a queue that nobody holds. Of several callers at once each gets another one. What you gave back last comes after everything else.",
		scopes: []Scope{ReviewsWrite}, reach: ReachOwn, codes: []Code{CodeValidationFailed},
	}, s.nextReview)
	on := func(id, verb, summary, words string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/reviews/{account_id}/" + verb, tag: tagReviews, summary: summary, words: words,
			scopes: []Scope{ReviewsWrite}, codes: []Code{CodeCaseNotFound, CodeCaseClaimed},
		}
	}
	handle(s, on("claim-review", "claim", "Claim a case",
		"Keeps others from deciding it for a while, or renews your claim. A claim ends by itself, and with the case."), s.claimReview)
	handle(s, on("release-review", "release", "Return a case to its queue", "Ends your claim. Doing it again changes nothing."), s.releaseReview)
	handle(s, on("escalate-review", "escalate", "Escalate a case",
		"Marks it for somebody more experienced, says why, and ends your claim. It is no longer handed out as the next case, but to whom asks for escalated ones."), s.escalateReview)
}

// queueOf reads the required parameter or member of that name.
func (f *faults) queueOf(text string) store.Queue {
	q := store.Queue(text)
	if text == "" {
		f.required("queue")
	} else if !slices.Contains(store.Queues(), q) {
		f.add("queue", "not_allowed", "must be review or manual", "应为 review 或 manual")
	}
	return q
}

func (f *faults) orderOf(text string) store.ReviewOrder {
	switch o := store.ReviewOrder(text); o {
	case store.OldestFirst, store.ByRisk:
		return o
	case "":
		return store.OldestFirst
	default:
		f.add("order", "not_allowed", "must be oldest or risk", "应为 oldest 或 risk")
		return o
	}
}

// reviewFilter reads what the query selects.
func (s *Server) reviewFilter(c *call) (store.ReviewFilter, error) {
	var f faults
	filter := store.ReviewFilter{Queue: f.queueOf(c.query("queue")), Within: c.key.Accounts, Order: f.orderOf(c.query("order")), Now: c.now}
	if err := f.err(); err != nil {
		return filter, err
	}
	switch c.query("claimed") {
	case "free":
		filter.Free = true
	case "held":
		filter.Held = true
	case "mine":
		filter.Holder = c.key.ID
	}
	filter.Escalated = c.query("escalated") == "true"
	for _, a := range ageClasses() {
		if a.name == c.query("age") {
			a.filter(&filter)
		}
	}
	if late := c.now.Add(-s.cfg.Reviews.sla(filter.Queue)); c.query("late") == "true" && (filter.To.IsZero() || late.Before(filter.To)) {
		filter.To = late
	}
	return filter, nil
}

func (s *Server) listReviews(ctx context.Context, c *call, _ none) (int, waitingListView, error) {
	view := waitingListView{Cases: []waitingView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	filter, err := s.reviewFilter(c)
	if err != nil {
		return 0, view, err
	}
	filter.Limit = limit
	scope := strings.Join([]string{"reviews", string(filter.Queue), string(filter.Order), c.query("claimed"), c.query("late"), c.query("escalated"), c.query("age")}, "/")
	if given := c.query("cursor"); given != "" {
		if filter.Place, err = s.openReviewPlace(scope, given); err != nil {
			return 0, view, badCursor()
		}
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	cases, err := s.cfg.Store.Reviews(ctx, filter)
	if err != nil {
		return 0, view, err
	}
	for _, w := range cases {
		view.Cases = append(view.Cases, s.viewWaiting(c, w, zone))
	}
	if len(cases) == limit { // the next page may be empty; to know would be one row more than a page may have
		last := cases[limit-1]
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, fmt.Sprintf("%d/%d/%s", last.Risk, last.Since.UnixNano(), last.AccountID)))
	}
	return http.StatusOK, view, nil
}

// openReviewPlace reads a cursor of a queue.
func (s *Server) openReviewPlace(scope, cursor string) (store.ReviewPlace, error) {
	text, err := s.cfg.Tokens.openCursor(scope, cursor)
	if err != nil {
		return store.ReviewPlace{}, err
	}
	parts := strings.SplitN(text, "/", 3)
	if len(parts) != 3 {
		return store.ReviewPlace{}, errors.New("api: a cursor of another form")
	}
	risk, errRisk := strconv.Atoi(parts[0])
	since, errSince := strconv.ParseInt(parts[1], 10, 64)
	return store.ReviewPlace{Risk: risk, Since: time.Unix(0, since), AccountID: parts[2]}, errors.Join(errRisk, errSince)
}

func (s *Server) viewWaiting(c *call, w store.ReviewCase, zone *time.Location) waitingView {
	due := w.Since.Add(s.cfg.Reviews.sla(w.Queue))
	view := waitingView{
		AccountID: w.AccountID, Queue: string(w.Queue), State: string(w.Queue.State()), Seq: w.Seq, Since: w.Since.In(zone), Due: due.In(zone),
		Late: !c.now.Before(due), Findings: w.Findings, Risk: w.Risk, Escalated: viewAct(w.EscalatedBy, w.EscalatedAt, zone),
		FirstApproval: viewAct(w.ApprovedBy, w.ApprovedAt, zone),
	}
	if view.Findings == nil {
		view.Findings = []string{}
	}
	if claim := w.Claim; claim.Holds(c.now) {
		view.Claim = &claimView{Holder: claim.Holder, Mine: claim.Holder == c.key.ID, Since: claim.At.In(zone), Until: claim.Until.In(zone)}
	}
	return view
}

func viewAct(by string, at time.Time, zone *time.Location) *actView {
	if at.IsZero() {
		return nil
	}
	return &actView{By: by, At: at.In(zone)}
}

// mostCounted bounds what a count costs.
const mostCounted = 10_000

func (s *Server) countReviews(ctx context.Context, c *call, _ none) (int, queueCountsView, error) {
	view := queueCountsView{Ages: []ageView{}, Most: mostCounted}
	var f faults
	queue := f.queueOf(c.query("queue"))
	if err := f.err(); err != nil {
		return 0, view, err
	}
	count := func(change func(*store.ReviewFilter)) (int, error) {
		filter := store.ReviewFilter{Queue: queue, Within: c.key.Accounts, Now: c.now}
		change(&filter)
		return s.cfg.Store.CountReviews(ctx, filter, mostCounted)
	}
	for _, figure := range []struct {
		to     *int
		change func(*store.ReviewFilter)
	}{
		{&view.Waiting, func(*store.ReviewFilter) {}},
		{&view.Free, func(f *store.ReviewFilter) { f.Free = true }},
		{&view.Late, func(f *store.ReviewFilter) { f.To = c.now.Add(-s.cfg.Reviews.sla(queue)) }},
		{&view.Escalated, func(f *store.ReviewFilter) { f.Escalated = true }},
	} {
		n, err := count(figure.change)
		if err != nil {
			return 0, view, err
		}
		*figure.to = n
	}
	for _, a := range ageClasses() {
		n, err := count(a.filter)
		if err != nil {
			return 0, view, err
		}
		view.Ages = append(view.Ages, ageView{a.name, n})
	}
	return http.StatusOK, view, nil
}

func (s *Server) nextReview(ctx context.Context, c *call, in nextIn) (int, nextView, error) {
	var f faults
	next := store.NextReview{Queue: f.queueOf(in.Queue), Order: f.orderOf(in.Order), Escalated: in.Escalated, Within: c.key.Accounts}
	if err := f.err(); err != nil {
		return 0, nextView{}, err
	}
	taken, err := s.cfg.Store.ClaimNextReview(ctx, next, s.lease(c))
	if errors.Is(err, store.ErrNotFound) {
		c.changed("queue/"+in.Queue, "", nil, nil)
		return http.StatusOK, nextView{}, nil
	}
	if err != nil {
		return 0, nextView{}, err
	}
	view := s.viewWaiting(c, taken, s.zone(ctx))
	c.changed("account/"+taken.AccountID, "", nil, view.Claim)
	return http.StatusOK, nextView{&view}, nil
}

func (s *Server) claimReview(ctx context.Context, c *call, _ emptyIn) (int, waitingView, error) {
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, waitingView{}, err
	}
	zone := s.zone(ctx)
	taken, _, err := s.cfg.Store.ClaimReview(ctx, c.account, "", s.lease(c))
	if err != nil {
		return 0, waitingView{}, claimProblem(err, zone)
	}
	view := s.viewWaiting(c, taken, zone)
	c.changed("account/"+c.account, "", nil, view.Claim)
	return http.StatusOK, view, nil
}

func (s *Server) releaseReview(ctx context.Context, c *call, _ emptyIn) (int, waitingView, error) {
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, waitingView{}, err
	}
	zone := s.zone(ctx)
	released, err := s.cfg.Store.ReleaseReview(ctx, c.account, c.key.ID, c.now, true)
	if err != nil {
		return 0, waitingView{}, claimProblem(err, zone)
	}
	c.changed("account/"+c.account, "", nil, nil)
	return http.StatusOK, s.viewWaiting(c, released, zone), nil
}

func (s *Server) escalateReview(ctx context.Context, c *call, in escalateIn) (int, waitingView, error) {
	var f faults
	if strings.TrimSpace(in.Reason) == "" {
		f.required("reason")
	}
	f.freeText("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, waitingView{}, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, waitingView{}, err
	}
	zone := s.zone(ctx)
	on, err := s.cfg.Store.ReviewCase(ctx, c.account)
	if err == nil && on.Claim.Holds(c.now) && on.Claim.Holder != c.key.ID {
		err = &store.ClaimedError{Claim: on.Claim}
	}
	if err != nil {
		return 0, waitingView{}, claimProblem(err, zone)
	}
	said, err := s.explain(ctx, c.account, in.Reason, "")
	if err != nil {
		return 0, waitingView{}, err
	}
	step, err := s.step(ctx, c, held{ReviewCase: on}, store.ReviewEscalated, said, nil)
	if err != nil {
		return 0, waitingView{}, claimProblem(err, zone)
	}
	c.changed("account/"+c.account, said.stored(), caseSeen{on.Queue.State(), on.Seq}, viewAct(step.Actor, step.At, zone))
	on.Claim, on.EscalatedBy, on.EscalatedAt = store.ReviewClaim{}, step.Actor, step.At
	return http.StatusOK, s.viewWaiting(c, on, zone), nil
}
