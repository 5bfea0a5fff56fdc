package sqlstore_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// waiting brings a1 into the queue of reviews with findings, and a2 into that of the manual route.
func waiting(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	step := func(id, changeID string, drafts ...lifecycle.Change) {
		t.Helper()
		_, err := s.Append(t.Context(), lifecycle.Append{AccountID: id, ChangeID: changeID, Head: lifecycle.AnyHead, Changes: drafts})
		require.NoError(t, err)
	}
	submit := lifecycle.Change{Event: lifecycle.Submit, At: minute(1), Detail: lifecycle.Detail{Identity: &lifecycle.Identity{Ref: "subject-1", Digest: "d"}}}
	begin := lifecycle.Change{Event: lifecycle.BeginReview, At: minute(2)}
	begin.Detail.Findings = []string{"duplicate_number", "name_too_long", "from_a_later_version", "policy_requires_reviewer"}
	for _, id := range []string{"a1", "a2", "a3"} {
		register(t, s, id)
		step(id, "submit", submit, begin)
	}
	step("a1", "prompt", prompt("a1", "p").Changes...)
	step("a2", "approve", lifecycle.Change{Event: lifecycle.Approve, At: minute(3)}, lifecycle.Change{Event: lifecycle.ChooseManual, At: minute(4)})
	step("a3", "approve", lifecycle.Change{Event: lifecycle.Approve, At: minute(3)})
}

func cases(t *testing.T, s *sqlstore.Store) []store.ReviewCase {
	t.Helper()
	var all []store.ReviewCase
	for _, q := range store.Queues() {
		found, err := s.Reviews(t.Context(), store.ReviewFilter{Queue: q, Order: store.OldestFirst, Limit: 100})
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// TestWhoWaitedBeforeTheQueues: the migration finds the cases that the log would have written.
func TestWhoWaitedBeforeTheQueues(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	waiting(t, s)
	want := cases(t, s)
	require.Len(t, want, 2)
	_, err := s.Writer().ExecContext(ctx, `DELETE FROM reviews`)
	require.NoError(t, err)
	text, err := migrations.SQLite.ReadFile("sqlite/00012_reviews.sql")
	require.NoError(t, err)
	_, backfill, ok := strings.Cut(string(text), "-- Who waits already.")
	require.True(t, ok)
	_, err = s.Writer().ExecContext(ctx, backfill)
	require.NoError(t, err)
	require.Equal(t, want, cases(t, s))

	old, err := sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, old.Close()) })
	require.NoError(t, old.MigrateTo(ctx, 7))
	_, err = old.Migrate(ctx)
	require.NoError(t, err)
	require.Empty(t, cases(t, old))
}

// TestQueuesFollowTheLog: a queue that differs from the log is found, and written anew with what reviewers did.
func TestQueuesFollowTheLog(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, tamper := range map[string]string{
		"gone":           `DELETE FROM reviews WHERE account_id = 'a1'`,
		"other queue":    `UPDATE reviews SET queue = 'manual' WHERE account_id = 'a1'`,
		"other time":     `UPDATE reviews SET since = since + 1 WHERE account_id = 'a1'`,
		"other revision": `UPDATE reviews SET revision = 9 WHERE account_id = 'a1'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sqlstoretest.Open(t)
			waiting(t, s)
			for _, act := range []store.ReviewAct{store.ReviewEscalated, store.ReviewApproved} {
				_, err := s.StepReview(ctx, store.ReviewStep{AccountID: "a1", CaseSeq: 2, Act: act, At: minute(5), Actor: "r1", ChangeID: string(act)})
				require.NoError(t, err)
			}
			want, err := s.ReviewCase(ctx, "a1")
			require.NoError(t, err)
			require.NoError(t, s.VerifyProjection(ctx, "a1"))
			_, err = s.Writer().ExecContext(ctx, tamper)
			require.NoError(t, err)
			require.ErrorIs(t, s.VerifyProjection(ctx, "a1"), sqlstore.ErrDiverged)
			require.NoError(t, s.Rebuild(ctx, "a1"))
			require.NoError(t, s.VerifyProjection(ctx, "a1"))
			got, err := s.ReviewCase(ctx, "a1")
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// TestQueuesNeedNoScan: pages and counts come from the indexes, at any size.
func TestQueuesNeedNoScan(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	for _, query := range []string{
		`SELECT account_id FROM reviews WHERE queue = 'review' AND (since, account_id) > (1, 'a') ORDER BY since, account_id LIMIT 10`,
		`SELECT account_id FROM reviews WHERE queue = 'review' AND (ease, since, account_id) > (1, 1, 'a') ORDER BY ease, since, account_id LIMIT 10`,
		`SELECT 1 FROM reviews WHERE queue = 'review' AND since > 1 AND since <= 2 LIMIT 10`,
		`SELECT account_id FROM reviews WHERE queue = 'review' AND claimed_until > 1 AND (+since, account_id) > (1, 'a') ORDER BY +since, account_id LIMIT 10`,
		`SELECT account_id FROM reviews WHERE queue = 'review' AND escalated_by > '' ORDER BY +ease, since, account_id LIMIT 10`,
		`SELECT b.account_id FROM accounts a JOIN accounts b ON b.identity_digest = a.identity_digest AND b.account_id <> a.account_id
			WHERE a.account_id = 'a' ORDER BY b.account_id LIMIT 10`,
	} {
		rows, err := s.Readers().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query)
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
			plan = append(plan, step)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		require.NotContains(t, strings.Join(plan, "\n"), "SCAN", query)
		switch {
		case strings.Contains(query, "claimed_until"):
			require.Contains(t, strings.Join(plan, "\n"), "reviews_claimed", query)
		case strings.Contains(query, "escalated_by"):
			require.Contains(t, strings.Join(plan, "\n"), "reviews_escalated", query)
		case !strings.Contains(query, "JOIN"):
			require.NotContains(t, strings.Join(plan, "\n"), "TEMP B-TREE", query)
		}
	}
}

// TestRebuildKeepsApprovalsTakenBack: a case that is derived anew has no approval of evidence that is no longer there.
func TestRebuildKeepsApprovalsTakenBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	waiting(t, s)
	approve := func(changeID, actor string) {
		t.Helper()
		_, err := s.StepReview(ctx, store.ReviewStep{AccountID: "a2", CaseSeq: 4, Act: store.ReviewApproved, At: minute(8), Actor: actor, ChangeID: changeID})
		require.NoError(t, err)
	}
	rebuilt := func() store.ReviewCase {
		t.Helper()
		require.NoError(t, s.VerifyProjection(ctx, "a2"))
		require.NoError(t, s.Rebuild(ctx, "a2"))
		require.NoError(t, s.VerifyProjection(ctx, "a2"))
		c, err := s.ReviewCase(ctx, "a2")
		require.NoError(t, err)
		return c
	}
	approve("c1", "r1")
	require.Equal(t, "r1", rebuilt().ApprovedBy)
	_, _, err := s.PutEvidence(ctx, store.Evidence{
		ID: "e1", AccountID: "a2", Kind: "id_front", Ref: "evidence-e1", Digest: "d", UploadedBy: "link:1", UploadedAt: minute(9),
	}, 1)
	require.NoError(t, err)
	require.Empty(t, rebuilt().ApprovedBy)
	// What an older version took back is known by the case.
	text, err := migrations.SQLite.ReadFile("sqlite/00014_first_approvals.sql")
	require.NoError(t, err)
	_, backfill, ok := strings.Cut(string(text), "-- Those of present cases")
	require.True(t, ok)
	_, err = s.Writer().ExecContext(ctx, `UPDATE review_steps SET taken_back_at = NULL; --`+backfill)
	require.NoError(t, err)
	require.Empty(t, rebuilt().ApprovedBy)
	_, err = s.Writer().ExecContext(ctx, `UPDATE reviews SET approved_by = 'r1', approved_at = 1 WHERE account_id = 'a2'`)
	require.NoError(t, err)
	require.ErrorIs(t, s.VerifyProjection(ctx, "a2"), sqlstore.ErrDiverged)
	require.NoError(t, s.Rebuild(ctx, "a2"))
	approve("c2", "r2")
	require.Equal(t, "r2", rebuilt().ApprovedBy)
}
