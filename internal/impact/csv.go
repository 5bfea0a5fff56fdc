package impact

import (
	"strconv"
	"strings"
	"time"
)

// CSVHeader names the columns of Cells.
func CSVHeader() []string {
	return []string{
		"account_id", "kind", "region", "registered_at", "state", "policy", "policy_version", "rule", "class",
		"prompted", "blocked", "deadline", "change",
	}
}

// Cells is the row as CSV; actions are parted by spaces.
func (r *AccountRow) Cells() []string {
	deadline := ""
	if r.Deadline != nil {
		deadline = r.Deadline.Format(time.RFC3339Nano)
	}
	return []string{
		r.AccountID, r.Kind, r.Region, r.RegisteredAt.Format(time.RFC3339Nano), r.State, r.Policy, strconv.Itoa(r.Version), r.Rule,
		string(r.Class), strings.Join(r.Prompted, " "), strings.Join(r.Blocked, " "), deadline, r.Change,
	}
}
