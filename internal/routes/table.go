package routes

import (
	"fmt"
	"strings"
)

// Table writes routes as a table in Markdown.
func Table(all []Route) string {
	var b strings.Builder
	b.WriteString("| route | who | scopes, any of | roles | bound keys | audit log |\n|---|---|---|---|---|---|\n")
	for _, r := range all {
		audited := ""
		if r.Audited {
			audited = "yes"
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %s | %s | %s | %s |\n", r.Method, r.Path, r.Who, quoted(r.Scopes), strings.Join(r.Roles, ", "), r.Reach, audited)
	}
	return b.String()
}

func quoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = "`" + w + "`"
	}
	return strings.Join(all, " ")
}
