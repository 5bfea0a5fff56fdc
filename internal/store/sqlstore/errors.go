package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

var (
	errBusyReaders    = fmt.Errorf("%w: a reader keeps the write-ahead log", store.ErrUnavailable)
	errOtherExtension = fmt.Errorf("%w: another extension has this id", store.ErrConflict)
)

// driverError is an error of the database without its text: that may quote statements, values and paths.
type driverError struct {
	op   string
	code string // the database's own code, empty if it has none
	kind error
}

func (e *driverError) Error() string {
	text := "sqlstore: " + e.op
	if e.kind != nil {
		text = e.kind.Error() + ": " + e.op
	}
	if e.code != "" {
		text += ": code " + e.code
	}
	return text
}

func (e *driverError) Unwrap() error { return e.kind }

// fault turns an error of the driver into one of the store's. Errors that the store made itself pass unchanged.
func (s *Store) fault(ctx context.Context, op string, err error) error {
	if err == nil || ours(err) {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w: %s: %w", store.ErrUnavailable, op, cause)
	}
	kind := map[class]error{
		unavailable: store.ErrUnavailable, again: store.ErrUnavailable, conflict: store.ErrConflict, dangling: store.ErrNotFound,
		refused: store.ErrInvalid,
	}[s.dialect.classify(err)]
	if s.closed.Load() || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		kind = store.ErrUnavailable
	}
	return &driverError{op, s.dialect.code(err), kind}
}

// ours reports whether this package or the lifecycle made err, so that its text is fit for callers.
func ours(err error) bool {
	var refusal *lifecycle.Refusal
	var claimed *store.ClaimedError
	if errors.As(err, &refusal) || errors.As(err, &claimed) {
		return true
	}
	for _, known := range []error{
		store.ErrNotFound, store.ErrConflict, store.ErrInvalid, store.ErrUnavailable, store.ErrUsed, store.ErrEnded, store.ErrMoved,
		store.ErrSameActor, store.ErrClosed, store.ErrDecided, store.ErrLastAdmin, store.ErrElsewhere, store.ErrFull, vault.ErrNotFound,
		vault.ErrUnavailable, vault.ErrKeyDestroyed, lifecycle.ErrBrokenLog, ErrDiverged, ErrPragma,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
