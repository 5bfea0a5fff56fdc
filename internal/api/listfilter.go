package api

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// accountParameters are the filters and the order of the list of accounts.
func accountParameters() []parameter {
	turns := names([]lifecycle.Turn{lifecycle.TurnMerchant, lifecycle.TurnOperator, lifecycle.TurnProvider, lifecycle.TurnNone})
	truth := []string{"true", "false"}
	return []parameter{
		{name: "state", words: "Only these states; several are separated by commas.", values: names(lifecycle.States()), many: true},
		{name: "turn", words: "Only where it is this one's turn.", values: turns},
		{name: "rule", words: "Only accounts that this rule in force covers: its kinds, regions and interval of registration. With restricted=true, those that this rule restricts, in force or not."},
		{name: "restricted", words: "Only with an open restriction, or only without.", values: truth},
		{name: "extension", words: "Only with an extension that is approved and has not ended, or with one that is requested.", values: names(store.ListExtensions())},
		{name: "extension_ends_before", words: "With extension: only if the last one ends before this instant."},
		{name: "kind", words: "Only this kind.", values: names(policy.Kinds())},
		{name: "region", words: "Only this region, ISO 3166-1 alpha-2."},
		{name: "registered_from", words: "Only registered at this instant or later, RFC 3339 with offset."},
		{name: "registered_before", words: "Only registered before this instant."},
		{name: "changed_since", words: "Only if the last change is of this instant or later."},
		{name: "changed_before", words: "Only if the last change is before this instant."},
		{name: "closed", words: "Only closed accounts, or only open ones.", values: truth},
		{name: "id_prefix", words: "Only ids that begin so."},
		{name: "sort", words: "By account id, ascending; by the last change or by registration, the newest first. Left out, it is the order that the filters are read in fastest: " +
			"changed with changed_since or changed_before, registered with an interval of registration or a rule that has one, else account_id.",
			values: names(store.AccountSorts())},
	}
}

// accountFilter reads the filters of the query. scope binds a cursor to them.
func (c *call) accountFilter(o *gate.Outlook) (filter store.AccountFilter, scope string, err error) {
	var f faults
	filter = store.AccountFilter{
		Turn: lifecycle.Turn(c.query("turn")), Extension: store.ListExtension(c.query("extension")), Sort: store.AccountSort(c.query("sort")),
		Restricted: truth(c.query("restricted")), Closed: truth(c.query("closed")), Prefix: c.query("id_prefix"), Within: c.key.Accounts, Now: c.now,
		Changed:    policy.Interval{From: f.optionalInstant("changed_since", c), Before: f.optionalInstant("changed_before", c)},
		EndsBefore: f.optionalInstant("extension_ends_before", c),
	}
	for state := range strings.SplitSeq(c.query("state"), ",") {
		if state != "" {
			filter.States = append(filter.States, lifecycle.State(state))
		}
	}
	own := policy.Cohort{Registered: policy.Interval{From: f.optionalInstant("registered_from", c), Before: f.optionalInstant("registered_before", c)}}
	if kind := c.query("kind"); kind != "" {
		own.Kinds = []policy.Kind{policy.Kind(kind)}
	}
	if region := c.query("region"); region != "" {
		f.region("region", region)
		own.Regions = []string{region}
	}
	filter.Cohorts = []policy.Cohort{own}
	if filter.Prefix != "" && contract.CheckAccountID(filter.Prefix) != nil {
		f.add("id_prefix", "form", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -", "应为 1 到 64 个字符，可用 A-Z a-z 0-9 . _ -")
	}
	if !filter.EndsBefore.IsZero() && filter.Extension == "" {
		f.add("extension_ends_before", "not_allowed", "goes with extension; say which", "须与 extension 一起使用")
	}
	f.ruleOf(&filter, c.query("rule"), o)
	if filter.Sort == "" {
		filter.Sort = readiest(filter)
	}
	given := c.r.URL.Query()
	for _, name := range []string{"cursor", "limit", "format"} {
		given.Del(name)
	}
	return filter, "accounts?" + scopeOf(given), f.err()
}

// scopeOf is the query without what says nothing.
func scopeOf(q url.Values) string {
	for name, values := range q {
		if slices.Max(values) == "" {
			q.Del(name)
		}
	}
	return q.Encode()
}

// ruleOf narrows the list down to a rule: whom it covers or, among restricted accounts, whom it restricts.
func (f *faults) ruleOf(filter *store.AccountFilter, rule string, o *gate.Outlook) {
	if rule == "" {
		return
	}
	if filter.Restricted != nil && *filter.Restricted {
		filter.Rule = rule
		return
	}
	cohort, known := o.Cohort(rule)
	if !known {
		f.add("rule", "not_known", "must be a rule in force; see GET /v1/policies", "应为当前生效的规则，可通过 GET /v1/policies 查看")
	}
	filter.Cohorts = append(filter.Cohorts, cohort)
}

// readiest is the order in which a list needs to look at no more than it shows.
func readiest(f store.AccountFilter) store.AccountSort {
	if f.Changed != (policy.Interval{}) {
		return store.SortChanged
	}
	for _, c := range f.Cohorts {
		if c.Registered != (policy.Interval{}) {
			return store.SortRegistered
		}
	}
	return store.SortAccountID
}

func truth(text string) *bool {
	if text == "" {
		return nil
	}
	value := text == "true"
	return &value
}

func (f *faults) optionalInstant(field string, c *call) time.Time {
	if text := c.query(field); text != "" {
		return f.instantOf(field, text)
	}
	return time.Time{}
}
