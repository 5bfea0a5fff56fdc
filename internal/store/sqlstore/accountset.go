package sqlstore

import (
	"strings"

	"github.com/verigate/verigate/internal/store"
)

// among is the condition that a column is in a set that bounds something, with its parameters.
func among(column string, set store.AccountSet) (condition string, args []any) {
	parts := make([]string, len(set))
	for i, entry := range set {
		if prefix, ok := strings.CutSuffix(entry, "*"); ok {
			parts[i] = `(` + column + ` >= ? AND ` + column + ` < ?)`
			args = append(args, prefix, prefix+"\x7f") // ids have no such character and none above it
			continue
		}
		parts[i] = column + ` = ?`
		args = append(args, entry)
	}
	return `(` + strings.Join(parts, ` OR `) + `)`, args
}
