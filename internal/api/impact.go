package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/safecsv"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

const (
	// impactWorkers are the ranges of accounts that one preview reads at a time.
	impactWorkers = 4
	// passesAtOnce bounds the passes over the population that this process makes at a time: each takes the readers and
	// the processor that the gate needs too.
	passesAtOnce = 2
	standardDays = 366
)

type impactIn struct {
	At         string `json:"at" format:"date-time" example:"2020-12-04T00:00:00+08:00" doc:"The instant to count."`
	From       string `json:"from,omitempty" format:"date-time" doc:"Where the series and the changes begin, and what is compared with; default now."`
	PolicyText string `json:"policy_text,omitempty" doc:"A policy file that is not published: it is taken in the place of its namesake from the beginning on."`
	Days       *int   `json:"days,omitempty" minimum:"0" maximum:"1100" doc:"At most so many midnights of the series, the last ones; default 366, 0 leaves it out."`
}

type impactRowsIn struct {
	At         string   `json:"at" format:"date-time" example:"2020-12-04T00:00:00+08:00" doc:"The instant to list."`
	From       string   `json:"from,omitempty" format:"date-time" doc:"What is in force here is compared with; default now."`
	PolicyText string   `json:"policy_text,omitempty" doc:"A policy file that is not published."`
	Classes    []string `json:"classes,omitempty" nullable:"false" doc:"Only these classes, as blocked or prompted; left out, every account that a rule covers."`
	Format     string   `json:"format,omitempty" enum:"ndjson,csv" doc:"Default ndjson."`
	Limit      int      `json:"limit,omitempty" minimum:"0" doc:"At most so many lines, the first ones; left out or 0, all."`
}

// previews answers what rules will do to the population.
type previews struct {
	s    *Server
	book *rulebook.Book
	room chan struct{} // one value per pass under way
}

// populationRoutes are those that read every account.
func (s *Server) populationRoutes(room chan struct{}) {
	s.impactRoutes(room)
	s.reportRoutes(room)
	s.listRoutes(room)
}

func (s *Server) impactRoutes(room chan struct{}) {
	p := &previews{s, rulebook.New(s.cfg.Store), room}
	scopes := []Scope{PoliciesWrite, PoliciesApprove, AuditRead}
	handle(s, operation{
		id: "preview-impact", method: http.MethodPost, path: "/v1/policies:impact", tag: tagPolicies,
		summary: "Preview whom the rules will hit",
		words: "Counts every account at an instant, by rule, class and state; day by day until then; and what changes against the versions in force at from. " +
			"Nothing is written. It reads every account, so it takes seconds for a million and only two run at a time.",
		scopes: scopes, maxBody: maxPolicyBody, asks: true,
	}, p.preview)
	op := operation{
		id: "list-impact", method: http.MethodPost, path: "/v1/policies:impact-accounts", tag: tagPolicies,
		summary: "List whom the rules will hit",
		words: "One account and rule a line, by account id, as NDJSON or CSV. Cells of a CSV that a spreadsheet would run begin with an apostrophe. " +
			"An answer that could not be finished breaks off without the end of its last chunk.",
		scopes: scopes, maxBody: maxPolicyBody, streams: true, asks: true,
	}
	schemas := s.openapi.Components.Schemas
	s.document(op, true, media{kind: mediaJSON, schema: schemaOf[impactRowsIn](schemas)}, media{kind: mediaNDJSON, schema: schemaOf[impact.AccountRow](schemas)})
	s.alsoAnswers(op, mediaCSV)
	s.serve(op, p.rows)
}

// alsoAnswers documents another form of an operation's answer, without a schema.
func (s *Server) alsoAnswers(op operation, kinds ...string) {
	item := s.openapi.Paths[op.path]
	doc := item.Post
	if op.method == http.MethodGet {
		doc = item.Get
	}
	for _, kind := range kinds {
		doc.Responses["200"].Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
}

func (p *previews) preview(ctx context.Context, c *call, in impactIn) (int, *impact.Preview, error) {
	days := standardDays
	if in.Days != nil {
		days = *in.Days
	}
	plan, err := p.plan(ctx, c, question{in.At, in.From, in.PolicyText, days})
	if err != nil {
		return 0, nil, err
	}
	release, err := enter(p.room)
	if err != nil {
		return 0, nil, err
	}
	defer release()
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{}) // the server's own is meant for answers that come at once
	preview, err := impact.Run(ctx, p.s.cfg.Store, plan, impactWorkers)
	return http.StatusOK, preview, err
}

// enter takes a place among the passes over the population, or says to come again.
func enter(room chan struct{}) (release func(), err error) {
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	default:
		return nil, rateLimited(10 * time.Second)
	}
}

// question is what both operations ask.
type question struct {
	at, from, text string
	days           int
}

func (p *previews) plan(ctx context.Context, c *call, in question) (*impact.Plan, error) {
	var f faults
	q := impact.Question{At: f.instantOf("at", in.at), From: c.now, Days: in.days}
	if in.from != "" {
		q.From = f.instantOf("from", in.from)
	}
	if !q.At.IsZero() && q.At.Before(q.From) {
		f.add("at", "out_of_range", "must not lie before from, which is now if it is left out", "不能早于 from（缺省为当前时间）")
	}
	if q.Days < 0 || q.Days > impact.MaxDays {
		f.add("days", "out_of_range", fmt.Sprintf("must be 0 to %d", impact.MaxDays), fmt.Sprintf("应为 0 到 %d", impact.MaxDays))
	}
	if in.text != "" {
		q.Proposed = f.policyText("policy_text", in.text)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	published, err := p.book.Now(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := impact.NewPlan(published, q)
	if errors.Is(err, impact.ErrProposed) {
		f.add("policy_text", "does_not_fit", "cannot be in force beside the published policies: "+unfit(err), "与已发布的规则不能同时生效："+unfit(err))
		return nil, f.err()
	}
	return plan, err
}

// unfit says which of its rules a set breaks, without quoting it.
func unfit(err error) string {
	for _, known := range []error{policy.ErrRuleTwice, policy.ErrTooManyActions, policy.ErrTwoVersions} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the policies together are not valid"
}

// maxTextFaults bounds how many faults of one policy file are told.
const maxTextFaults = 100

// policyText reads a policy file and adds its faults.
func (f *faults) policyText(field, text string) *policy.Policy {
	parsed, err := policyfile.Parse([]byte(text))
	var found policyfile.Faults
	if errors.As(err, &found) {
		for _, fault := range found[:min(len(found), maxTextFaults)] {
			f.add(field, "policy_fault", fault.String(), fault.String())
		}
	}
	return parsed
}

func (p *previews) rows(c *call) error {
	if err := p.s.readBody(c); err != nil {
		return err
	}
	var in impactRowsIn
	if err := decode(c.body, &in); err != nil {
		return err
	}
	var f faults
	classes := make([]impact.Class, len(in.Classes))
	for i, name := range in.Classes {
		if classes[i] = impact.Class(name); !classes[i].Valid() {
			f.add("classes", "not_allowed", "must be classes of a preview, as blocked or prompted", "应为预览中的类别，例如 blocked 或 prompted")
		}
	}
	if in.Limit < 0 {
		f.add("limit", "out_of_range", "must be 0 or more", "应不小于 0")
	}
	if in.Format != "" && !slices.Contains([]string{"ndjson", "csv"}, in.Format) {
		f.add("format", "not_allowed", "must be ndjson or csv", "应为 ndjson 或 csv")
	}
	if err := f.err(); err != nil {
		return err
	}
	ctx := c.r.Context()
	plan, err := p.plan(ctx, c, question{in.At, in.From, in.PolicyText, 0})
	if err != nil {
		return err
	}
	release, err := enter(p.room)
	if err != nil {
		return err
	}
	defer release()
	if in.Format == "csv" {
		return p.s.streamed(c, mediaCSV+"; charset=utf-8", func(out *bufio.Writer) error {
			w := safecsv.NewWriter(out)
			if err := w.Write(impact.CSVHeader()...); err != nil {
				return err
			}
			err := p.list(ctx, plan, classes, in.Limit, func(r *impact.AccountRow) error { return w.Write(r.Cells()...) })
			return errors.Join(err, w.Flush())
		})
	}
	return p.s.streamed(c, mediaNDJSON, func(out *bufio.Writer) error {
		w := json.NewEncoder(out)
		return p.list(ctx, plan, classes, in.Limit, func(r *impact.AccountRow) error { return w.Encode(r) })
	})
}

// errEnough ends a list that was asked for in part.
var errEnough = errors.New("api: as many lines as were asked for")

// list visits the first lines, all of them for limit 0.
func (p *previews) list(ctx context.Context, plan *impact.Plan, classes []impact.Class, limit int, visit func(*impact.AccountRow) error) error {
	seen := 0
	err := impact.Rows(ctx, p.s.cfg.Store, plan, classes, func(r *impact.AccountRow) error {
		if seen++; limit > 0 && seen > limit {
			return errEnough
		}
		return visit(r)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// streamed answers with what write writes. One that fails before anything was sent is a problem; after that the
// connection breaks off, so that nobody takes a part for the whole.
func (s *Server) streamed(c *call, kind string, write func(out *bufio.Writer) error) error {
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{})
	first := &opening{c: c, kind: kind}
	out := bufio.NewWriterSize(first, 32<<10)
	err := write(out)
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil:
		first.begin() // also an answer of no line
		return nil
	case !first.begun:
		return err
	default:
		s.log(c, problemOf(err).localised(c.lang), err)
		panic(http.ErrAbortHandler)
	}
}

// opening sends status and type before the first bytes.
type opening struct {
	c     *call
	kind  string
	begun bool
}

func (o *opening) begin() {
	if !o.begun {
		o.begun = true
		o.c.w.Header().Set("Content-Type", o.kind)
		o.c.w.WriteHeader(http.StatusOK)
	}
}

func (o *opening) Write(p []byte) (int, error) {
	o.begin()
	return o.c.w.Write(p)
}
