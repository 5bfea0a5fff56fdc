package sqlstore

import (
	"fmt"
	"math"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Instants are stored as nanoseconds since 1970, which reach from 1678 to 2262 and keep the last nanosecond before a
// boundary apart from the boundary. The zero instant is NULL.
const (
	minYear = 1678
	maxYear = 2261
)

// maxInstant is the bound that every stored instant keeps.
const maxInstant int64 = math.MaxInt64

// instant is the parameter for t, which checkInstant has seen or the clock made.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

// checkInstant refuses instants that the database cannot hold. field names it for the caller.
func checkInstant(field string, t time.Time) error {
	if y := t.UTC().Year(); !t.IsZero() && (y < minYear || y > maxYear) {
		return fmt.Errorf("%w: %s must lie between the years %d and %d", store.ErrInvalid, field, minYear, maxYear)
	}
	return nil
}

// bound is the parameter to compare stored instants with t, which may be any instant.
func bound(t time.Time) int64 {
	switch y := t.UTC().Year(); {
	case y < minYear:
		return math.MinInt64
	case y > maxYear:
		return maxInstant
	default:
		return t.UnixNano()
	}
}

// timeScanner scans a column of instants, NULL as the zero instant.
type timeScanner struct{ to *time.Time }

func scanTime(to *time.Time) timeScanner { return timeScanner{to} }

// Scan implements sql.Scanner.
func (s timeScanner) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*s.to = time.Time{}
	case int64:
		*s.to = time.Unix(0, v).UTC()
	default:
		return fmt.Errorf("sqlstore: an instant is stored as %T", value)
	}
	return nil
}
