package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/safecsv"
	"github.com/verigate/verigate/internal/store"
)

// exportView is one account of an export. It has nothing that opens a page and nothing that a person could be known by.
type exportView struct {
	AccountID string     `json:"account_id"`
	State     string     `json:"state"`
	Turn      string     `json:"turn"`
	Seq       int64      `json:"seq"`
	Since     *time.Time `json:"since"`
	Method    *string    `json:"method"`
	Reason    *string    `json:"reason"`
	listedFacts
}

// TransformSchema tells huma what is embedded.
func (exportView) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return joined(r, s, reflect.TypeFor[listedFacts]())
}

func (s *Server) exportRoute(room chan struct{}) {
	op := operation{
		id: "export-verifications", method: http.MethodGet, path: "/v1/verifications:export", tag: tagOperations,
		summary: "Export accounts and their verifications",
		words: "The whole list, one account a line, as CSV or NDJSON; without personal data. Cells of a CSV that a spreadsheet would run begin with an apostrophe. " +
			"Only two run at a time. An answer that could not be finished breaks off without the end of its last chunk.",
		scopes: []Scope{VerificationsRead, AuditRead}, reach: ReachOwn, codes: []Code{CodeValidationFailed}, streams: true,
		query: append(accountParameters(), parameter{name: "format", words: "Default csv.", values: []string{"csv", "ndjson"}}),
	}
	s.document(op, false, media{}, media{kind: mediaNDJSON, schema: schemaOf[exportView](s.openapi.Components.Schemas)})
	s.alsoAnswers(op, mediaCSV)
	s.serve(op, func(c *call) error { return s.export(c, room) })
}

func (s *Server) export(c *call, room chan struct{}) error {
	ctx := c.r.Context()
	outlook, err := s.cfg.Gate.Outlook(ctx)
	if err != nil {
		return err
	}
	filter, _, err := c.accountFilter(outlook)
	if err != nil {
		return err
	}
	release, err := enter(room)
	if err != nil {
		return err
	}
	defer release()
	rows := func(write func(exportView) error) error { return s.everyListed(ctx, filter, outlook, c.now, write) }
	if c.query("format") == "ndjson" {
		return s.streamed(c, mediaNDJSON, func(out *bufio.Writer) error {
			return rows(func(v exportView) error { return json.NewEncoder(out).Encode(v) })
		})
	}
	return s.streamed(c, mediaCSV+"; charset=utf-8", func(out *bufio.Writer) error {
		table := safecsv.NewWriter(out)
		if err := table.Write(exportColumns()...); err != nil {
			return err
		}
		if err := rows(func(v exportView) error { return table.Write(v.cells()...) }); err != nil {
			return err
		}
		return table.Flush()
	})
}

// everyListed reads the list to its end, one page at a time: the population never stands in memory, and no reading
// transaction stays open for long.
func (s *Server) everyListed(ctx context.Context, f store.AccountFilter, o *gate.Outlook, now time.Time, write func(exportView) error) error {
	f.Limit = maxPage
	for {
		page, err := s.cfg.Store.ListAccounts(ctx, f)
		if err != nil {
			return err
		}
		for _, a := range page {
			v := a.Verification
			err := write(exportView{
				AccountID: v.AccountID, State: string(v.State), Turn: string(v.State.Turn()), Seq: v.Seq, Since: instantIn(v.Since, o.Zone),
				Method: orNil(string(v.Method)), Reason: orNil(v.Reason), listedFacts: viewListed(a, o, now),
			})
			if err != nil {
				return err
			}
		}
		if len(page) < maxPage {
			return nil
		}
		f.After = page[maxPage-1].Place(f.Sort)
	}
}

func exportColumns() []string {
	return []string{
		"account_id", "state", "turn", "seq", "since", "method", "reason", "kind", "region", "registered_at", "closed_at", "changed_at",
		"restricted", "restricted_by", "extended_until", "extension_requested_until", "deadline",
	}
}

// cells are the values of exportColumns.
func (v exportView) cells() []string {
	return []string{
		v.AccountID, v.State, v.Turn, strconv.FormatInt(v.Seq, 10), cell(v.Since), word(v.Method), word(v.Reason), v.Kind, v.Region,
		cell(&v.RegisteredAt), cell(v.ClosedAt), cell(&v.ChangedAt), strconv.FormatBool(v.Restricted), strings.Join(v.RestrictedBy, " "),
		cell(v.ExtendedUntil), cell(v.RequestedUntil), cell(v.Deadline),
	}
}

func cell(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
