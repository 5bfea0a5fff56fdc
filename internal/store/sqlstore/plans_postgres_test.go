package sqlstore_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// crowds fills the other tables that lists are read from: much that is over, little that is under way.
const crowds = `
INSERT INTO audit (audit_id, at, actor, role, action, subject, reason, outcome, before_change, after_change, request_id, address, hash)
SELECT n, 1000000000::bigint * n, 'person-' || n % 300, 'operator', 'act-' || n % 211, 'account/a' || lpad((n % 20000)::text, 6, '0'), '',
	CASE WHEN n % 307 = 0 THEN 'refused' ELSE 'ok' END, '', '', '', '', 'h' FROM generate_series(1, 40000) AS n;
INSERT INTO extensions (extension_id, account_id, rule_id, until, batch_id, state, version, requested_at, requested_by, granted_at)
SELECT 'e' || n, 'a' || lpad(n::text, 6, '0'), 'rule-' || n % 50, CASE WHEN n % 97 = 0 THEN 9000000000000000000 ELSE 1 END, 'batch-' || n / 100,
	CASE n % 101 WHEN 0 THEN 'requested' WHEN 1 THEN 'rejected' WHEN 2 THEN 'revoked' ELSE 'approved' END, 1, 1000 * n, 'person', 1 FROM generate_series(1, 20000) AS n;
INSERT INTO extension_steps (extension_id, version, state, at, recorded_at, actor_kind, actor_id, reason)
SELECT 'e' || n, 1, 'requested', 1, 1, 'operator', 'person', '' FROM generate_series(1, 20000) AS n;
INSERT INTO reviews (account_id, queue, since, seq, revision, findings, ease, holder, claimed_at, claimed_until, returned_by, escalated_by, approved_by)
SELECT 'a' || lpad(n::text, 6, '0'), CASE WHEN n % 10 = 0 THEN 'manual' ELSE 'review' END, 1000 * n, 1, 1, '[]', n % 100, CASE WHEN n % 211 = 0 THEN 'person' ELSE '' END,
	CASE WHEN n % 211 = 0 THEN 1 END, CASE WHEN n % 211 = 0 THEN 9000000000000000000 END, '', CASE WHEN n % 307 = 0 THEN 'person' ELSE '' END, '' FROM generate_series(1, 20000) AS n;
INSERT INTO sweeps (sweep_id, policy_name, policy_version, instant, dry_run, actor_kind, actor_id, reason, state, total, done, restricted, lifted, counts, started_at, ended_at)
SELECT 's' || n, 'p', 1, n, 0, 'system', 'x', 'daily', 'done', 1, 1, 0, 0, '[]', n, n FROM generate_series(1, 20000) AS n;
INSERT INTO webhooks (webhook_id, url, description, types, state, reason, created_at, created_by, changed_at)
SELECT 'w' || n, 'https://example.com', '', '[]', 'enabled', '', 1, '', 1 FROM generate_series(1, 50) AS n;
INSERT INTO webhook_deliveries (webhook_id, message_id, type, account_id, seq, state, attempts, created_at, due_at, claim, status, fault, finished_at)
SELECT 'w' || 1 + n % 50, 'm' || n, 't', 'a' || lpad((n % 20000)::text, 6, '0'), n, CASE WHEN n % 211 = 0 THEN 'pending' WHEN n % 307 = 0 THEN 'failed' ELSE 'delivered' END, 1, n,
	CASE WHEN n % 211 = 0 THEN 1 END, '', 200, '', CASE WHEN n % 211 > 0 THEN 1000 * n END FROM generate_series(1, 40000) AS n;
INSERT INTO evidence (evidence_id, account_id, seq, kind, media_type, ref, digest, bytes, width, height, uploaded_by, uploaded_at, decided_at, delete_after, deleted_at)
SELECT 'v' || n, 'a' || lpad(n::text, 6, '0'), 1, 'other', 'image/png', 'r' || n, 'd', 1, 1, 1, 'x', 1, 1, CASE WHEN n % 211 = 0 THEN 5 ELSE 9000000000000000000 END, CASE WHEN n % 211 > 0 THEN 6 END
FROM generate_series(1, 20000) AS n;
INSERT INTO erasures (erasure_id, account_id, kinds, reason, rule, actor_kind, actor_id, requested_at, completed_at)
SELECT 'x' || n, 'a' || lpad(n::text, 6, '0'), '[]', '', '', 'operator', 'x', n, CASE WHEN n % 211 > 0 THEN n END FROM generate_series(1, 20000) AS n;
VACUUM (ANALYZE)`

// TestOtherListsReadAnIndexOnPostgreSQL: what people and sweeps page through besides accounts is never read from the whole of
// a large table. The plans are those that the server ran, told that its disk has no heads to move (docs/postgresql.md).
func TestOtherListsReadAnIndexOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), append(pgserver.Forgetful(),
		"shared_preload_libraries=auto_explain", "auto_explain.log_analyze=on", "auto_explain.log_timing=off", "auto_explain.log_format=json",
		"random_page_cost=1.1", "logging_collector=on", "log_destination=jsonlog", "log_directory=log", "log_filename=plans", "log_rotation_age=0", "log_rotation_size=0"))
	require.NoError(t, err)
	stopped := false
	defer func() {
		if !stopped {
			require.NoError(t, server.Stop())
		}
	}()
	require.NoError(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE plans"))
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: server.URL("plans")})
	require.NoError(t, err)
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	crowded(t, s)
	require.NoError(t, s.Close())
	for statement := range strings.SplitSeq(crowds, ";\n") { // VACUUM stands alone
		require.NoError(t, server.Exec(t.Context(), "plans", statement))
	}
	require.NoError(t, server.Exec(t.Context(), "plans", "ALTER DATABASE plans SET auto_explain.log_min_duration = 0"))
	s, err = sqlstore.Open(t.Context(), sqlstore.Config{URL: server.URL("plans")})
	require.NoError(t, err)
	readLists(t, s)
	require.NoError(t, s.Close())
	plans := readPlans(t, filepath.Join(server.Data(), "log", "plans.json"))
	stopped = true
	require.NoError(t, server.Stop())
	require.Greater(t, len(plans), 40, "plans were not written")
	for _, p := range plans {
		p.Plan.each(func(n planNode) {
			large := n.Relation != "" && n.Relation != "webhooks" && !strings.HasPrefix(n.Relation, "pg_")
			if !large {
				return
			}
			require.False(t, n.Type == "Seq Scan" && n.Rows+n.Removed > 1000, "%s is read whole by %s\n%s", n.Relation, p.Query, p.text)
			require.LessOrEqual(t, n.Loops*(n.Rows+n.Removed), 1000, "%s by %s\n%s", n.Relation, p.Query, p.text)
		})
	}
}

// readLists reads a page of every list, by every filter, from the beginning and from the middle.
func readLists(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	ctx, page := t.Context(), 100
	at := func(n int) time.Time { return time.Unix(0, int64(n)) }
	good := func(_ any, err error) { t.Helper(); require.NoError(t, err) }
	for _, f := range []store.AuditFilter{
		{}, {Oldest: true}, {Actor: "person-7"}, {Action: "act-7"}, {Subject: "account/a000007"}, {Refused: true}, {Outcome: "refused"},
		{From: at(1e12), To: at(2e12)}, {Actor: "person-7", From: at(1e12)}, {Action: "act-7", Refused: true}, {After: 20000}, {Oldest: true, After: 20000},
		{Within: store.AccountSet{"a000007"}},
	} {
		f.Limit = page
		good(s.AuditEntries(ctx, f))
	}
	for _, f := range []store.ExtensionFilter{
		{}, {AccountID: "a000007"}, {RuleID: "rule-7"}, {BatchID: "batch-7"}, {State: store.ExtensionRequested}, {State: store.ExtensionApproved},
		{State: store.ExtensionLapsed}, {State: store.ExtensionRejected}, {State: store.ExtensionRevoked}, {State: store.ExtensionApproved, RuleID: "rule-7"},
		{After: store.ExtensionPlace{RequestedAt: at(10_000_000), ID: "e1"}}, {Within: store.AccountSet{"a000007"}},
	} {
		f.Limit, f.Now = page, at(1e15)
		good(s.Extensions(ctx, f))
	}
	for _, queue := range []store.Queue{store.QueueReview, store.QueueManual} {
		for _, order := range []store.ReviewOrder{store.OldestFirst, store.ByRisk} {
			for _, f := range []store.ReviewFilter{
				{}, {Free: true}, {Held: true}, {Holder: "person"}, {Escalated: true}, {After: at(1_000_000), To: at(1_100_000)},
				{Place: store.ReviewPlace{Risk: 50, Since: at(10_000_000), AccountID: "a010000"}}, {Within: store.AccountSet{"a000007"}},
			} {
				f.Limit, f.Now, f.Queue, f.Order = page, at(1e15), queue, order
				good(s.Reviews(ctx, f))
			}
		}
	}
	for _, f := range []store.RestrictionFilter{{}, {PolicyName: "p"}, {PolicyName: "p", RuleID: "r"}, {AfterPolicy: "p", AfterRule: "r", AfterAccount: "a010000"}} {
		f.Limit = page
		good(s.OpenRestrictions(ctx, f))
	}
	good(s.Restrictions(ctx, "a000103"))
	good(s.EnforceRows(ctx, store.EnforcePage{After: "a010000", Limit: page, Source: "s"}))
	good(s.Sweeps(ctx, "", page))
	good(s.Sweeps(ctx, "s10000", page))
	for _, f := range []store.DeliveryFilter{{}, {Before: 20000}, {State: "pending"}, {State: "failed"}, {State: "delivered"}} {
		f.Limit, f.WebhookID = page, "w7"
		good(s.Deliveries(ctx, f))
	}
	good(s.Backlog(ctx))
	good(s.DueEvidence(ctx, at(10), time.Hour, page))
	good(s.OpenErasures(ctx, page))
	good(s.Verifications(ctx, store.Filter{State: lifecycle.QRIssued, After: "a010000", Limit: page}))
	good(s.Facts(ctx, "a000007"))
	good(s.AccountVersions(ctx, "a000007", 0, page))
}

// ranPlan is a statement that the server ran, and how.
type ranPlan struct {
	Query string   `json:"Query Text"`
	Plan  planNode `json:"Plan"`
	text  string
}

// readPlans reads the server's log when it has come to an end.
func readPlans(t *testing.T, file string) (all []ranPlan) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var line struct {
			Message string `json:"message"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		_, plan, found := strings.Cut(line.Message, "plan:\n")
		if !found {
			continue
		}
		p := ranPlan{text: plan}
		require.NoError(t, json.Unmarshal([]byte(plan), &p))
		all = append(all, p)
	}
	require.NoError(t, lines.Err())
	return all
}
