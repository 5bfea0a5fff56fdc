package store

import (
	"context"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Campaigns reads what reports are made of, many accounts at a time. Nothing is kept in memory: the visitor is called
// while rows are read, and its error ends the reading.
type Campaigns interface {
	// EntriesBetween visits the log entries of these events of the accounts after one and up to another, by account id
	// and sequence number.
	EntriesBetween(ctx context.Context, after, last string, events []lifecycle.Event, visit func(Entry) error) error
	// NoticesBetween visits the notices of the same accounts, by account id and sequence number.
	NoticesBetween(ctx context.Context, after, last string, visit func(Notice) error) error
}
