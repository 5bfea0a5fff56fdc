package policy

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

func isName(s string) bool {
	return within(s) && s[0] != '-' && s[0] != '.' && s[0] != '_' && only(s, func(c byte) bool {
		return lower(c) || digit(c) || c == '-' || c == '_' || c == '.'
	})
}

func isAction(s string) bool {
	return within(s) && lower(s[0]) && only(s, func(c byte) bool { return lower(c) || digit(c) || c == '_' })
}

func isRegion(s string) bool {
	return len(s) == 2 && only(s, func(c byte) bool { return c >= 'A' && c <= 'Z' })
}

// printable returns an action name for a path, or a stand-in for a text that does not look like a name: a mistyped
// file may hold anything, and faults are shown and logged.
func printable(action string) string {
	if within(action) && only(action, func(c byte) bool {
		return lower(c) || digit(c) || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.'
	}) {
		return action
	}
	return "(unreadable key)"
}

func within(s string) bool { return len(s) >= 1 && len(s) <= maxName }

func only(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }

func days(d time.Duration) string { return fmt.Sprintf("%dd", int64(d/(24*time.Hour))) }

func sortedKeys(m map[string]Effect) []string { return slices.Sorted(maps.Keys(m)) }
