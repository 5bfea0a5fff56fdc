package admin

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// listQuery is the query of the list of accounts without what says nothing; the address of the page, so it can be saved.
type listQuery struct{ values url.Values }

// listField is one filter of the list.
type listField struct {
	name   string
	label  string // message
	prefix string // of the messages of its values; empty: they are shown as they are
	day    bool   // a date, from its beginning in Beijing
}

func listFields() []listField {
	return []listField{
		{name: "state", label: "list.state", prefix: "state"},
		{name: "turn", label: "list.turn", prefix: "list.turn"},
		{name: "rule", label: "list.rule"},
		{name: "restricted", label: "list.restricted", prefix: "list.is"},
		{name: "extension", label: "list.extension", prefix: "list.extension"},
		{name: "extension_ends_before", label: "list.ends_before", day: true},
		{name: "kind", label: "list.kind", prefix: "list.kind"},
		{name: "region", label: "list.region"},
		{name: "registered_from", label: "list.registered_from", day: true},
		{name: "registered_before", label: "list.registered_before", day: true},
		{name: "changed_since", label: "list.changed_since", day: true},
		{name: "changed_before", label: "list.changed_before", day: true},
		{name: "closed", label: "list.closed", prefix: "list.is"},
		{name: "id_prefix", label: "list.id_prefix"},
	}
}

// newListQuery keeps what the page knows; of what a form sends several times, several values.
func newListQuery(given url.Values) listQuery {
	q := listQuery{url.Values{}}
	names := []string{"sort", "cursor", "columns"}
	for _, f := range listFields() {
		names = append(names, f.name)
	}
	for _, name := range names {
		var all []string
		for _, value := range given[name] {
			if value = strings.TrimSpace(value); value != "" {
				all = append(all, value)
			}
		}
		if len(all) > 0 {
			q.values.Set(name, strings.Join(all, ","))
		}
	}
	if q.values.Get("columns") == strings.Join(standardColumns(), ",") {
		q.values.Del("columns")
	}
	return q
}

// Value is what a filter is set to.
func (q listQuery) Value(name string) string { return q.values.Get(name) }

// Has reports whether a value is among those that a filter is set to.
func (q listQuery) Has(name, value string) bool {
	return slices.Contains(strings.Split(q.values.Get(name), ","), value)
}

// Dated reports whether a filter is a date, or not set: somebody may also write an instant into the address.
func (q listQuery) Dated(name string) bool {
	text := q.values.Get(name)
	_, err := time.Parse(time.DateOnly, text)
	return text == "" || err == nil
}

// More reports whether a filter is set that the form does not show at once.
func (q listQuery) More() bool {
	return slices.ContainsFunc([]string{"turn", "kind", "region", "closed", "registered_from", "registered_before", "changed_since", "changed_before"},
		func(name string) bool { return q.values.Get(name) != "" })
}

func (q listQuery) address() string { return accountsPath + query(q.values) }

func (q listQuery) without(names ...string) string {
	values := maps.Clone(q.values)
	for _, name := range names {
		delete(values, name)
	}
	return accountsPath + query(values)
}

// with is the address with one value set. Another order or filter begins at the first page.
func (q listQuery) with(name, value string) string {
	values := maps.Clone(q.values)
	delete(values, "cursor")
	values[name] = []string{value}
	return accountsPath + query(values)
}

// Reset is the address of the list without filters.
func (q listQuery) Reset() string {
	values := url.Values{}
	if columns := q.values.Get("columns"); columns != "" {
		values.Set("columns", columns)
	}
	return accountsPath + query(values)
}

func (q listQuery) export(format string) string {
	_, values, _ := strings.Cut(q.without("cursor", "columns"), "?")
	return strings.TrimSuffix(accountsPath+"."+format+"?"+values, "?")
}

// asked are names and values for the API.
func (q listQuery) asked() []string {
	pairs := []string{"sort", q.values.Get("sort")}
	for _, f := range listFields() {
		value := q.values.Get(f.name)
		if day, err := time.ParseInLocation(time.DateOnly, value, lifecycle.Beijing()); f.day && err == nil {
			value = day.Format(time.RFC3339)
		}
		pairs = append(pairs, f.name, value)
	}
	return pairs
}

// chip is one filter that is set.
type chip struct {
	Label, Value string
	Drop         string // the address without it
}

func (q listQuery) chips(f *frame) ([]chip, error) {
	var all []chip
	for _, field := range listFields() {
		set := q.values.Get(field.name)
		if set == "" {
			continue
		}
		label, err := f.T(field.label)
		if err != nil {
			return nil, err
		}
		values := strings.Split(set, ",")
		for i, value := range values {
			if field.prefix == "" {
				continue
			}
			if values[i], err = f.Or(field.prefix, value); err != nil {
				return nil, err
			}
		}
		all = append(all, chip{label, strings.Join(values, ", "), q.without(field.name, "cursor")})
	}
	return all, nil
}

// listColumn is a column beside the account's id.
type listColumn struct {
	Name   string
	Label  string // message
	Shown  bool
	Sort   string // address of the list in its order; empty: it has none
	Sorted string // aria-sort
}

func standardColumns() []string {
	return []string{"state", "turn", "since", "registered", "restriction", "extension", "deadline"}
}

// columns are all columns, in the order in which they stand.
func (q listQuery) columns(sorted string) []listColumn {
	chosen := append(standardColumns(), sorted) // whoever chose no columns sees what the list is sorted by
	if set := q.values.Get("columns"); set != "" {
		chosen = strings.Split(set, ",")
	}
	all := []listColumn{
		{Name: "state", Label: "list.state"}, {Name: "turn", Label: "list.turn"}, {Name: "since", Label: "list.since"},
		{Name: "registered", Label: "list.registered", Sort: "registered"}, {Name: "restriction", Label: "list.restriction"},
		{Name: "extension", Label: "list.extension"}, {Name: "deadline", Label: "list.deadline"},
		{Name: "changed", Label: "list.changed", Sort: "changed"}, {Name: "kind", Label: "list.kind"}, {Name: "region", Label: "list.region"},
		{Name: "closed", Label: "list.closed_at"},
	}
	for i := range all {
		c := &all[i]
		c.Shown = slices.Contains(chosen, c.Name)
		if c.Sort == "" {
			continue
		}
		if c.Sort == sorted {
			c.Sorted = "descending"
		}
		c.Sort = q.with("sort", c.Sort)
	}
	return all
}

// ByID is the address of the list by account id.
func (q listQuery) ByID() string { return q.with("sort", "account_id") }
