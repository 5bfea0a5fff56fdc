package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// derive writes what one entry says of attempts, leases, consents and restrictions. All of it can be written anew from
// the log: see Rebuild.
func derive(ctx context.Context, tx *transaction, e stamped) error {
	c, v := e.Change, e.after
	if c.Ignored {
		return nil
	}
	if err := deriveReview(ctx, tx, v, c); err != nil {
		return err
	}
	if err := deriveEvidence(ctx, tx, c); err != nil {
		return err
	}
	switch c.Event {
	case lifecycle.IssueQR:
		return errors.Join(deriveConsents(ctx, tx, c), deriveIssue(ctx, tx, c))
	case lifecycle.Submit, lifecycle.Correct:
		return deriveConsents(ctx, tx, c)
	case lifecycle.Scan:
		return deriveScan(ctx, tx, v)
	case lifecycle.Pass, lifecycle.Fail:
		return deriveResult(ctx, tx, v, c.Detail.AttemptID)
	case lifecycle.WithdrawConsent, lifecycle.Revoke:
		return endConsents(ctx, tx, c)
	case lifecycle.Restrict:
		return errors.Join(openEpisodes(ctx, tx, e), countRestrictions(ctx, tx, e.AccountID))
	case lifecycle.Lift:
		return errors.Join(liftEpisodes(ctx, tx, e), countRestrictions(ctx, tx, e.AccountID))
	case lifecycle.Remind:
		return writeNotices(ctx, tx, e)
	default:
		return nil
	}
}

func deriveIssue(ctx context.Context, tx *transaction, c lifecycle.Change) error {
	if attempt := c.Detail.Attempt; attempt != nil {
		body, err := encodeDetail("attempt", attempt)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO attempts (attempt_id, account_id, provider, order_no, ends_at, result, body)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			attempt.ID, c.AccountID, attempt.Provider, attempt.OrderNo, instant(attempt.EndsAt), string(attempt.Result), body)
		if err != nil {
			return err
		}
	}
	lease := c.Detail.Lease
	body, err := encodeDetail("lease", lease)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO leases (lease_id, account_id, attempt_id, expires_at, body) VALUES (?, ?, ?, ?, ?)`,
		lease.ID, c.AccountID, lease.AttemptID, instant(lease.ExpiresAt), body)
	return err
}

func deriveScan(ctx context.Context, tx *transaction, v lifecycle.Verification) error {
	body, err := encodeDetail("lease", v.Lease)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE leases SET body = ? WHERE lease_id = ?`, body, v.Lease.ID)
	return err
}

func deriveResult(ctx context.Context, tx *transaction, v lifecycle.Verification, attemptID string) error {
	attempt := v.Attempt(attemptID)
	if attempt == nil {
		return nil // long over: the fold has let go of it
	}
	body, err := encodeDetail("attempt", attempt)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE attempts SET result = ?, body = ? WHERE attempt_id = ?`, string(attempt.Result), body, attempt.ID)
	return err
}

func encodeDetail(what string, detail any) (string, error) {
	body, err := json.Marshal(detail)
	if err != nil {
		return "", fmt.Errorf("%w: %s cannot be encoded", store.ErrInvalid, what)
	}
	return string(body), nil
}
