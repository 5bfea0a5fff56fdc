package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func act(actor, action, subject string) store.AuditEntry {
	return store.AuditEntry{
		Actor: actor, Role: "operator", Action: action, Subject: subject, Reason: "asked", Outcome: store.OutcomeOK,
		Before: json.RawMessage(`{"state":"proposed"}`), After: json.RawMessage(`{"state":"in_force"}`), RequestID: "r-1", Address: "192.0.2.1",
	}
}

func (h *harness) audit(t *testing.T, e store.AuditEntry) store.AuditEntry {
	t.Helper()
	kept, err := h.AppendAudit(t.Context(), e)
	require.NoError(t, err)
	return kept
}

func (h *harness) acts(t *testing.T, f store.AuditFilter) []int64 {
	t.Helper()
	f.Limit = max(f.Limit, 100)
	page, err := h.AuditEntries(t.Context(), f)
	require.NoError(t, err)
	ids := make([]int64, len(page))
	for i, e := range page {
		ids[i] = e.ID
	}
	return ids
}

func testAudit(t *testing.T, h *harness) {
	ctx := t.Context()
	h.clock.Set(at(0))
	first := h.audit(t, act("anna", "approve-policy", "policy/p/1"))
	require.EqualValues(t, 1, first.ID)
	require.True(t, first.At.After(at(0)))
	require.Len(t, first.Hash, 32)
	h.clock.Set(at(10))
	refused := act("ben", "approve-policy", "policy/p/2")
	refused.Outcome, refused.Before, refused.After = "forbidden", nil, nil
	h.audit(t, refused)
	h.clock.Set(at(20))
	h.audit(t, act("anna", "brake", "policy/p"))
	taken := act("anna", "approve-policy", "policy/p/2")
	taken.Outcome = "second_approver_needed"
	h.audit(t, taken)

	page, err := h.AuditEntries(ctx, store.AuditFilter{Oldest: true, Limit: 1})
	require.NoError(t, err)
	same(t, []store.AuditEntry{first}, page)
	require.Equal(t, []int64{4, 3, 2, 1}, h.acts(t, store.AuditFilter{}))
	require.Equal(t, []int64{2, 1}, h.acts(t, store.AuditFilter{After: 3}))
	require.Equal(t, []int64{4}, h.acts(t, store.AuditFilter{After: 3, Oldest: true}))
	require.Equal(t, []int64{4, 3, 1}, h.acts(t, store.AuditFilter{Actor: "anna"}))
	require.Equal(t, []int64{4, 2, 1}, h.acts(t, store.AuditFilter{Action: "approve-policy"}))
	require.Equal(t, []int64{4, 2}, h.acts(t, store.AuditFilter{Subject: "policy/p/2"}))
	require.Equal(t, []int64{3, 1}, h.acts(t, store.AuditFilter{Outcome: store.OutcomeOK}))
	require.Equal(t, []int64{2}, h.acts(t, store.AuditFilter{Outcome: "forbidden"}))
	require.Equal(t, []int64{4, 2}, h.acts(t, store.AuditFilter{Refused: true}))
	require.Equal(t, []int64{4, 3, 2}, h.acts(t, store.AuditFilter{From: at(10)}))
	require.Equal(t, []int64{2, 1}, h.acts(t, store.AuditFilter{To: at(20)}))
	require.Equal(t, []int64{2}, h.acts(t, store.AuditFilter{From: at(10), To: at(20), Oldest: true}))
	require.Empty(t, h.acts(t, store.AuditFilter{From: at(30)}))
	require.Empty(t, h.acts(t, store.AuditFilter{To: at(0)}))
	require.Equal(t, []int64{1}, h.acts(t, store.AuditFilter{From: at(0), To: at(10), Actor: "anna"}))
	require.Equal(t, []int64{1}, h.acts(t, store.AuditFilter{To: first.At.Add(1)}), "before an instant")
	require.Empty(t, h.acts(t, store.AuditFilter{To: first.At}))

	for _, bad := range []store.AuditEntry{{Action: "x"}, {Outcome: "ok"}, {Action: "x", Outcome: "ok", After: json.RawMessage(`{`)}} {
		_, err := h.AppendAudit(ctx, bad)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	for _, limit := range []int{0, 1001} {
		_, err := h.AuditEntries(ctx, store.AuditFilter{Limit: limit})
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}

// testAuditOrder: many at once leave no gap, and an instant never runs backwards, whatever the clock does.
func testAuditOrder(t *testing.T, h *harness) {
	h.clock.Set(at(10))
	h.audit(t, act("anna", "first", ""))
	h.clock.Set(at(0))
	late := h.audit(t, act("anna", "second", ""))
	require.True(t, late.At.After(at(10)))
	var group errgroup.Group
	const many = 40
	for range many {
		group.Go(func() error {
			_, err := h.AppendAudit(context.WithoutCancel(t.Context()), act("ben", "third", ""))
			return err
		})
	}
	require.NoError(t, group.Wait())
	again := h.again()
	page, err := again.AuditEntries(t.Context(), store.AuditFilter{Oldest: true, Limit: 1000})
	require.NoError(t, err)
	require.Len(t, page, many+2)
	for i, e := range page {
		require.EqualValues(t, i+1, e.ID)
		require.True(t, i == 0 || !e.At.Before(page[i-1].At))
	}
	require.Empty(t, h.auditFaults(t))
}

// auditFaults follows the audit log, a few entries at a time.
func (h *harness) auditFaults(t *testing.T) []store.Fault {
	t.Helper()
	last := store.ChainLink{}
	for {
		check, err := h.CheckAudit(t.Context(), last, 2)
		require.NoError(t, err)
		switch {
		case check.Fault != nil:
			return []store.Fault{*check.Fault}
		case check.Done:
			return nil
		}
		last = check.Links[len(check.Links)-1]
	}
}

// logFaults follows the logs of all accounts, a few at a time.
func (h *harness) logFaults(t *testing.T) (faults []store.Fault, all store.LogsCheck) {
	t.Helper()
	for !all.Done {
		check, err := h.CheckLogs(t.Context(), all.Last, 2)
		require.NoError(t, err)
		all.Accounts, all.Entries = all.Accounts+check.Accounts, all.Entries+check.Entries
		all.Logs, all.Done = append(all.Logs, check.Logs...), check.Done
		all.Last = check.Last
		faults = append(faults, check.Faults...)
	}
	return faults, all
}

// tamper writes past the store. Whoever is checked by this suite has a method for it in its tests.
func (h *harness) tamper(t *testing.T, statements ...string) {
	t.Helper()
	door, ok := h.Store.(interface {
		Tamper(ctx context.Context, statement string) (int64, error)
	})
	require.True(t, ok, "the store needs a method Tamper, in its tests")
	for _, s := range statements {
		rows, err := door.Tamper(t.Context(), s)
		require.NoError(t, err, s)
		require.NotZero(t, rows, "nothing was tampered with: %s", s)
	}
}

func testAuditCheck(t *testing.T, h *harness) {
	require.Empty(t, h.auditFaults(t), "of no entry")
	for i := range 6 {
		h.audit(t, act("anna", fmt.Sprint("act-", i), "policy/p/1"))
	}
	require.Empty(t, h.auditFaults(t))
	altered := []store.Fault{{Log: "audit", Entry: 3, Kind: store.FaultAltered}}
	missing := []store.Fault{{Log: "audit", Entry: 3, Kind: store.FaultMissing}}
	// Each is undone by its counterpart, and found fitting again.
	for name, c := range map[string]struct {
		do, undo []string
		want     []store.Fault
	}{
		"actor":   {[]string{`UPDATE audit SET actor = 'ben' WHERE audit_id = 3`}, []string{`UPDATE audit SET actor = 'anna' WHERE audit_id = 3`}, altered},
		"role":    {[]string{`UPDATE audit SET role = '' WHERE audit_id = 3`}, []string{`UPDATE audit SET role = 'operator' WHERE audit_id = 3`}, altered},
		"action":  {[]string{`UPDATE audit SET action = 'x' WHERE audit_id = 3`}, []string{`UPDATE audit SET action = 'act-2' WHERE audit_id = 3`}, altered},
		"subject": {[]string{`UPDATE audit SET subject = 'policy/p/2' WHERE audit_id = 3`}, []string{`UPDATE audit SET subject = 'policy/p/1' WHERE audit_id = 3`}, altered},
		"reason":  {[]string{`UPDATE audit SET reason = 'told' WHERE audit_id = 3`}, []string{`UPDATE audit SET reason = 'asked' WHERE audit_id = 3`}, altered},
		"outcome": {[]string{`UPDATE audit SET outcome = 'forbidden' WHERE audit_id = 3`}, []string{`UPDATE audit SET outcome = 'ok' WHERE audit_id = 3`}, altered},
		"before":  {[]string{`UPDATE audit SET before_change = '' WHERE audit_id = 3`}, []string{`UPDATE audit SET before_change = '{"state":"proposed"}' WHERE audit_id = 3`}, altered},
		"after":   {[]string{`UPDATE audit SET after_change = '{}' WHERE audit_id = 3`}, []string{`UPDATE audit SET after_change = '{"state":"in_force"}' WHERE audit_id = 3`}, altered},
		"request": {[]string{`UPDATE audit SET request_id = 'r-2' WHERE audit_id = 3`}, []string{`UPDATE audit SET request_id = 'r-1' WHERE audit_id = 3`}, altered},
		"address": {[]string{`UPDATE audit SET address = '' WHERE audit_id = 3`}, []string{`UPDATE audit SET address = '192.0.2.1' WHERE audit_id = 3`}, altered},
		"moved between two fields": {
			[]string{`UPDATE audit SET actor = 'anna' || role, role = '' WHERE audit_id = 3`},
			[]string{`UPDATE audit SET actor = 'anna', role = 'operator' WHERE audit_id = 3`}, altered},
		"instant": {[]string{`UPDATE audit SET at = at - 1 WHERE audit_id = 3`}, []string{`UPDATE audit SET at = at + 1 WHERE audit_id = 3`}, altered},
		"swapped": {
			[]string{`UPDATE audit SET audit_id = 99 WHERE audit_id = 3`, `UPDATE audit SET audit_id = 3 WHERE audit_id = 4`, `UPDATE audit SET audit_id = 4 WHERE audit_id = 99`},
			[]string{`UPDATE audit SET audit_id = 99 WHERE audit_id = 3`, `UPDATE audit SET audit_id = 3 WHERE audit_id = 4`, `UPDATE audit SET audit_id = 4 WHERE audit_id = 99`}, altered},
		"moved away": {[]string{`UPDATE audit SET audit_id = 99 WHERE audit_id = 3`}, []string{`UPDATE audit SET audit_id = 3 WHERE audit_id = 99`}, missing},
		"head": {[]string{`UPDATE audit_head SET audit_id = 5`}, []string{`UPDATE audit_head SET audit_id = 6`},
			[]store.Fault{{Log: "audit", Entry: 6, Kind: store.FaultEnd}}},
	} {
		h.tamper(t, c.do...)
		require.Equal(t, c.want, h.auditFaults(t), name)
		h.tamper(t, c.undo...)
		require.Empty(t, h.auditFaults(t), name)
	}
	h.tamper(t, `DELETE FROM audit WHERE audit_id = 6`)
	require.Equal(t, []store.Fault{{Log: "audit", Entry: 6, Kind: store.FaultEnd}}, h.auditFaults(t), "cut off")
	h.tamper(t, `DELETE FROM audit WHERE audit_id = 3`)
	require.Equal(t, missing, h.auditFaults(t), "deleted")
	h.tamper(t, `DELETE FROM audit`)
	require.Equal(t, []store.Fault{{Log: "audit", Entry: 1, Kind: store.FaultEnd}}, h.auditFaults(t), "truncated")
	_, err := h.CheckAudit(t.Context(), store.ChainLink{}, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}

func testLogsCheck(t *testing.T, h *harness) {
	faults, all := h.logFaults(t)
	require.Empty(t, faults)
	require.Zero(t, all.Accounts)
	h.register(t, "a0") // without a log
	var ends []store.LogEnd
	for _, id := range []string{"a1", "a2", "a3", "a4"} {
		h.register(t, id)
		h.approve(t, id, "digest-"+id)
		h.append(t, id, "prompt", change(lifecycle.Prompt, 5))
		ends = append(ends, store.LogEnd{AccountID: id, ChainLink: store.ChainLink{Number: 4}})
	}
	faults, all = h.logFaults(t)
	require.Empty(t, faults)
	require.EqualValues(t, 4, all.Accounts)
	require.EqualValues(t, 16, all.Entries)
	var found []store.LogEnd
	for i, log := range all.Logs {
		end := log.EndAt(1 << 60)
		require.Len(t, end.Hash, 32)
		ends[i].Hash = end.Hash
		found = append(found, end)
		first := log.Links[0]
		require.Equal(t, store.LogEnd{AccountID: log.AccountID, ChainLink: first.ChainLink}, log.EndAt(first.Position))
		require.Zero(t, log.EndAt(first.Position-1).Number)
	}
	require.Equal(t, ends, found)

	altered := []store.Fault{{Log: "account/a2", Entry: 2, Kind: store.FaultAltered}}
	for name, c := range map[string]struct {
		do, undo string
		want     []store.Fault
	}{
		"body": {`UPDATE events SET body = replace(body, '"op-1"', '"op-2"') WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET body = replace(body, '"op-2"', '"op-1"') WHERE account_id = 'a2' AND seq = 2`, altered},
		"recorded": {`UPDATE events SET recorded_at = recorded_at - 1 WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET recorded_at = recorded_at + 1 WHERE account_id = 'a2' AND seq = 2`, altered},
		"a column that time travel looks at": {`UPDATE events SET at = at - 1 WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET at = at + 1 WHERE account_id = 'a2' AND seq = 2`, altered},
		"event": {`UPDATE events SET event = 'approve' WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET event = 'begin_review' WHERE account_id = 'a2' AND seq = 2`, altered},
		"change": {`UPDATE events SET change_id = 'x' WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET change_id = 'approve-a2' WHERE account_id = 'a2' AND seq = 2`, altered},
		"moved": {`UPDATE events SET seq = 9 WHERE account_id = 'a2' AND seq = 2`,
			`UPDATE events SET seq = 2 WHERE account_id = 'a2' AND seq = 9`, []store.Fault{{Log: "account/a2", Entry: 2, Kind: store.FaultMissing}}},
		"head": {`UPDATE accounts SET seq = 5 WHERE account_id = 'a2'`, `UPDATE accounts SET seq = 4 WHERE account_id = 'a2'`,
			[]store.Fault{{Log: "account/a2", Entry: 5, Kind: store.FaultEnd}}},
		"two accounts": {`UPDATE events SET recorded_at = recorded_at - 1 WHERE account_id IN ('a1', 'a4') AND seq = 1`,
			`UPDATE events SET recorded_at = recorded_at + 1 WHERE account_id IN ('a1', 'a4') AND seq = 1`,
			[]store.Fault{{Log: "account/a1", Entry: 1, Kind: store.FaultAltered}, {Log: "account/a4", Entry: 1, Kind: store.FaultAltered}}},
		"another account's": {`UPDATE events SET account_id = 'a5' WHERE account_id = 'a4'`, `UPDATE events SET account_id = 'a4' WHERE account_id = 'a5'`,
			[]store.Fault{{Log: "account/a4", Entry: 1, Kind: store.FaultEnd}, {Log: "account/a5", Entry: 1, Kind: store.FaultAltered}}},
	} {
		h.tamper(t, c.do)
		faults, _ = h.logFaults(t)
		require.Equal(t, c.want, faults, name)
		h.tamper(t, c.undo)
		faults, _ = h.logFaults(t)
		require.Empty(t, faults, name)
	}
	h.tamper(t, `DELETE FROM events WHERE account_id = 'a3' AND seq = 4`, `DELETE FROM events WHERE account_id = 'a4'`)
	faults, _ = h.logFaults(t)
	require.Equal(t, []store.Fault{{Log: "account/a3", Entry: 4, Kind: store.FaultEnd}, {Log: "account/a4", Entry: 1, Kind: store.FaultEnd}}, faults)
	h.tamper(t, `UPDATE events SET body = '{' WHERE account_id = 'a1' AND seq = 1`)
	faults, _ = h.logFaults(t)
	require.Equal(t, store.Fault{Log: "account/a1", Entry: 1, Kind: store.FaultAltered}, faults[0])
	_, err := h.CheckLogs(t.Context(), "", 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}

func testCheckpoints(t *testing.T, h *harness) {
	ctx := t.Context()
	none, err := h.AuditProof(ctx)
	require.NoError(t, err)
	require.Zero(t, none.Entries+none.Accounts+none.Position)
	require.Equal(t, store.NewEndsDigest().Sum(), none.Digest)
	h.register(t, "a1")
	h.register(t, "a2")
	h.approve(t, "a1", "d1")
	last := h.audit(t, act("anna", "approve", "policy/p/1"))
	proof, err := h.AuditProof(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, proof.Entries)
	require.Equal(t, last.Hash, proof.Hash)
	require.EqualValues(t, 1, proof.Accounts)

	// What is written later does not change what the logs were.
	h.append(t, "a1", "later", change(lifecycle.Prompt, 9))
	h.approve(t, "a2", "d2")
	check, err := h.CheckLogs(ctx, "", 100)
	require.NoError(t, err)
	digest := store.NewEndsDigest()
	for _, log := range check.Logs {
		if end := log.EndAt(proof.Position); end.Number > 0 {
			digest.Add(end)
		}
	}
	require.Equal(t, proof.Accounts, digest.Accounts)
	require.Equal(t, proof.Digest, digest.Sum())

	c := store.Checkpoint{Number: 1, At: at(5), AuditProof: proof, KeyID: "k1", Signature: []byte("signed")}
	require.NoError(t, h.PutCheckpoint(ctx, c))
	require.ErrorIs(t, h.PutCheckpoint(ctx, c), store.ErrConflict)
	third := c
	third.Number = 3
	require.ErrorIs(t, h.PutCheckpoint(ctx, third), store.ErrConflict)
	second := c
	second.Number, second.Hash, second.Entries = 2, nil, 0
	require.NoError(t, h.PutCheckpoint(ctx, second))
	require.ErrorIs(t, h.PutCheckpoint(ctx, store.Checkpoint{Number: 3, At: at(1)}), store.ErrInvalid)
	all, err := h.Checkpoints(ctx, 0, 10)
	require.NoError(t, err)
	same(t, []store.Checkpoint{second, c}, all)
	before, err := h.Checkpoints(ctx, 2, 10)
	require.NoError(t, err)
	same(t, []store.Checkpoint{c}, before)
	_, err = h.Checkpoints(ctx, 0, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}
