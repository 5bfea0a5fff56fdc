package sqlstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// toRestrict is about 30 % of the accounts.
func toRestrict(id string) bool { return strings.ContainsAny(id[len(id)-1:], "036") }

// third restricts about 30 % of the accounts.
func third(row store.EnforceRow) ([]lifecycle.Change, error) {
	if len(row.Open) > 0 || !toRestrict(row.Account.ID) {
		return nil, nil
	}
	return []lifecycle.Change{{
		Event: lifecycle.Restrict, At: minute(1), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "sweep"}, Reason: "enforced",
		Detail: lifecycle.Detail{Restricted: &lifecycle.Restricted{
			Policy: "wishpost-face-verification", PolicyVersion: 1, Rule: "existing-individuals", Since: minute(0),
			Actions: []string{"create_label"}, Sweep: "wishpost-face-verification.1.20201203T160000Z",
		}},
	}}, nil
}

// sweepAll goes over everybody and tells how many entries it wrote.
func sweepAll(ctx context.Context, s *sqlstore.Store) (written int, err error) {
	for after := ""; ; {
		got, err := s.Enforce(ctx, store.EnforcePage{After: after, Limit: 1000, Source: "wishpost-face-verification.1.20201203T160000Z"}, third)
		if err != nil || got.Accounts == 0 {
			return written, err
		}
		written, after = written+len(got.Written), got.Last
	}
}

// TestRestrictionsAreDerived: what sweeps write is verified against the log, and written anew from it.
func TestRestrictionsAreDerived(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]string{
		"since":      `UPDATE restrictions SET since = since + 1`,
		"version":    `UPDATE restrictions SET policy_version = 2`,
		"actions":    `UPDATE restrictions SET actions = '[]'`,
		"recorded":   `UPDATE restrictions SET recorded_at = recorded_at + 1`,
		"lifted":     `UPDATE restrictions SET lifted_seq = NULL, lifted_at = NULL, lift_reason = NULL`,
		"reason":     `UPDATE restrictions SET lift_reason = 'closed'`,
		"one gone":   `DELETE FROM restrictions WHERE opened_seq = 1`,
		"one more":   `INSERT INTO restrictions SELECT account_id, 'other', rule_id, 9, policy_version, since, opened_at, recorded_at, actions, sweep, 9, 9, '' FROM restrictions`,
		"other rule": `UPDATE restrictions SET rule_id = 'other'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := sqlstoretest.Open(t)
			register(t, s, "account-0")
			_, err := sweepAll(ctx, s)
			require.NoError(t, err)
			_, err = s.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"account-0"}, Source: "settle"}, liftOpen)
			require.NoError(t, err)
			require.NoError(t, s.VerifyProjection(ctx, "account-0"))
			tables := []string{"accounts", "verifications", "restrictions"}
			before := dump(t, s, tables)

			_, err = s.Writer().ExecContext(ctx, tamper)
			require.NoError(t, err)
			require.ErrorIs(t, s.VerifyProjection(ctx, "account-0"), sqlstore.ErrDiverged)
			require.NoError(t, s.Rebuild(ctx, "account-0"))
			require.NoError(t, s.VerifyProjection(ctx, "account-0"))
			require.Equal(t, before, dump(t, s, tables))
		})
	}
}

func liftOpen(row store.EnforceRow) ([]lifecycle.Change, error) {
	var wanted []lifecycle.Change
	for _, open := range row.Open {
		wanted = append(wanted, lifecycle.Change{
			Event: lifecycle.Lift, At: minute(2), Reason: "verified", Detail: lifecycle.Detail{Restricted: &lifecycle.Restricted{
				Policy: open.PolicyName, PolicyVersion: open.PolicyVersion, Rule: open.RuleID, Opened: open.OpenedSeq,
			}},
		})
	}
	return wanted, nil
}

// TestQuietPagesDoNotWait: a page that needs no entry takes no writing transaction, so it goes on beside a long one.
func TestQuietPagesDoNotWait(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	register(t, s, "account-1")
	conn, err := s.Writer().Conn(t.Context()) // the only one
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	written, err := sweepAll(t.Context(), s)
	require.NoError(t, err)
	require.Zero(t, written)
}

// TestBatchesAreWholeAndChained: a page of more accounts than one transaction takes is written to the last, with sound
// logs, and told to who listens.
func TestBatchesAreWholeAndChained(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	const accounts = 450
	puts := make([]store.PutAccount, accounts)
	for i := range puts {
		puts[i].Account = individual("n" + accountID(i))
	}
	_, err := s.PutAccounts(ctx, puts, false)
	require.NoError(t, err)
	course(t, s, "naccount-7")
	news, err := s.Changed(ctx, "naccount-449")
	require.NoError(t, err)
	everyone := func(row store.EnforceRow) ([]lifecycle.Change, error) {
		row.Account.ID = "account-0"
		return third(row)
	}
	got, err := s.Enforce(ctx, store.EnforcePage{Limit: 1000, Source: "s"}, everyone)
	require.NoError(t, err)
	require.Len(t, got.Written, accounts)
	require.Len(t, news, 1)
	for i := range puts {
		require.NoError(t, s.VerifyProjection(ctx, "n"+accountID(i)))
	}
	var outbox int
	require.NoError(t, s.Readers().QueryRow(`SELECT COUNT(*) FROM outbox WHERE seq = 1`).Scan(&outbox))
	require.Equal(t, accounts, outbox)
}
