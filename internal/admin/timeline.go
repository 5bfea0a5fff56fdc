package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// timeline is a page of an account's log.
type timeline struct {
	View        string // compact, full or json
	Newest      bool   // newest first
	Rows        []timelineRow
	JSON        string // the entries, in the view json
	First, Next string // addresses
	Views       []timelineView
	Turned      string // address of the other order
}

type timelineView struct {
	Name, Address string
	Current       bool
}

// timelineRow is one entry.
type timelineRow struct {
	logEntry
	Carried []carried
}

// carried is something that an entry carries beyond the step: an attempt, a consent, a finding.
type carried struct {
	Name  string // the message is account.of.carried.<Name>
	Short string // what tells most of it
	Parts []carriedPart
}

type carriedPart struct{ Name, Text string }

func timelineViews() []string { return []string{"compact", "full", "json"} }

func readTimeline(r *accountReading) timeline {
	v := r.v
	t := timeline{View: v.query("view"), Newest: v.query("order") != "oldest"}
	if !slices.Contains(timelineViews(), t.View) {
		t.View = timelineViews()[0]
	}
	for _, name := range timelineViews() {
		t.Views = append(t.Views, timelineView{name, v.here("timeline", "view", name), name == t.View})
	}
	order := "newest"
	t.Turned = v.turned("oldest")
	if !t.Newest {
		order, t.Turned = "oldest", v.turned("")
	}
	var page logPage
	readInto(r, &page, "/history", "limit", "50", "order", order, "cursor", v.query("cursor"))
	if r.err != nil {
		return t
	}
	if page.Cursor != nil {
		t.Next = v.here("timeline", "cursor", *page.Cursor)
	}
	if v.query("cursor") != "" {
		t.First = v.here("timeline", "cursor", "")
	}
	r.err = t.fill(page.Entries)
	return t
}

// turned is the address of the log's beginning in another order.
func (v *visit) turned(order string) string {
	q := v.r.URL.Query()
	for _, name := range []string{"done", "cursor", "order"} {
		q.Del(name)
	}
	if order != "" {
		q.Set("order", order)
	}
	return strings.TrimSuffix("/admin/accounts/"+segment(v.r.PathValue("account_id"))+"?"+q.Encode(), "?") + "#timeline"
}

func (t *timeline) fill(entries []json.RawMessage) error {
	if t.View == "json" {
		return t.indent(entries)
	}
	for _, raw := range entries {
		var row timelineRow
		if err := json.Unmarshal(raw, &row.logEntry); err != nil {
			return fmt.Errorf("admin: an entry of the log: %w", err)
		}
		row.Carried = carriedBy(row.Detail)
		t.Rows = append(t.Rows, row)
	}
	return nil
}

func (t *timeline) indent(entries []json.RawMessage) error {
	whole, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("admin: the log as JSON: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, whole, "", "  "); err != nil {
		return fmt.Errorf("admin: the log as JSON: %w", err)
	}
	t.JSON = b.String()
	return nil
}

// telling names the part that tells most of each thing that has parts.
func telling() map[string]string {
	return map[string]string{
		"attempt": "number", "consent": "text_version", "lease": "expires_at", "evidence": "code", "provenance": "evidence",
		"reminder": "milestone", "prompt": "number", "restricted": "rule",
	}
}

func carriedBy(detail map[string]any) []carried {
	var all []carried
	main := telling()
	for name, value := range detail {
		c := carried{Name: name}
		parts, nested := value.(map[string]any)
		if !nested {
			if c.Short = carriedText(value); c.Short != "" {
				all = append(all, c)
			}
			continue
		}
		for part, value := range parts {
			if text := carriedText(value); text != "" {
				c.Parts = append(c.Parts, carriedPart{part, text})
			}
		}
		c.Short = carriedText(parts[main[name]])
		slices.SortFunc(c.Parts, func(a, b carriedPart) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b carried) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// carriedText writes a value of JSON in one line; instants in Beijing.
func carriedText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.In(lifecycle.Beijing()).Format("2006-01-02 15:04:05")
		}
		return v
	case bool:
		if v {
			return "✓"
		}
		return ""
	case float64:
		return fmt.Sprintf("%g", v)
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			texts[i] = carriedText(one)
		}
		return strings.Join(texts, ", ")
	default:
		return fmt.Sprint(v)
	}
}
