package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Copy writes the database of one file, as it is at one moment, into a new one that only its owner can read. It waits
// for nobody and keeps nobody from writing: it only reads. The copy has no vault records, no API keys, no operators and no answers
// kept for repeated requests. It may be done while the database is in use.
func Copy(ctx context.Context, from, to string, busy time.Duration) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("%w: copy the database: the file is not there", store.ErrInvalid)
	}
	if err := create(to); err != nil {
		return err
	}
	if err := execAlone(ctx, from, busy, `VACUUM INTO ?`, to); err != nil {
		return fmt.Errorf("sqlstore: copy the database: %w", err)
	}
	if err := execAlone(ctx, to, busy, `DELETE FROM `+strings.Join(withheld(), `; DELETE FROM `)); err != nil {
		return fmt.Errorf("sqlstore: empty the copy: %w", err)
	}
	return nil
}

// withheld are the tables whose rows no copy has, those that refer to others first.
func withheld() []string {
	return []string{"vault_records", "api_keys", "requests", "operator_sessions", "operators"}
}

// create makes a new file that only its owner can read.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the caller names the file of the copy
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return fmt.Errorf("sqlstore: copy the database: %w", err)
	}
	return nil
}

// execAlone runs statements on a connection of their own.
func execAlone(ctx context.Context, path string, busy time.Duration, query string, args ...any) error {
	pool, err := openPool(path, busy, requiredPragmas(busy, false), 1, false)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, query, args...)
	return errors.Join(err, pool.Close())
}
