package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// model is the store as it should be, for one account, in a few lines: a list and its fold.
type model struct {
	account    *policy.Account
	version    int
	log        []lifecycle.Change
	fold       lifecycle.Verification // of log
	extensions []policy.Extension
}

func (m *model) after(known int64) []lifecycle.Change {
	return append([]lifecycle.Change{}, m.log[min(max(known, 0), int64(len(m.log))):]...)
}

// append is the protocol of lifecycle.Append.
func (m *model) append(a lifecycle.Append) (lifecycle.AppendResult, bool) {
	var written []lifecycle.Change
	for _, c := range m.log {
		if c.ChangeID == a.ChangeID {
			written = append(written, c)
		}
	}
	if len(written) > 0 {
		return lifecycle.AppendResult{Outcome: lifecycle.Duplicate, Written: written, Log: m.after(a.Known)}, true
	}
	if a.Head != lifecycle.AnyHead && a.Head != m.fold.Seq {
		return lifecycle.AppendResult{Outcome: lifecycle.HeadMoved, Log: m.after(a.Known)}, true
	}
	drafts := slices.Clone(a.Changes)
	for i := range drafts {
		drafts[i].ChangeID = a.ChangeID
	}
	fold, written, err := m.fold.Extend(drafts...)
	if err != nil {
		return lifecycle.AppendResult{}, false
	}
	m.log, m.fold = append(m.log, written...), fold
	return lifecycle.AppendResult{Outcome: lifecycle.Appended, Written: written, Log: m.after(a.Known)}, true
}

// testModel runs random interleavings of writers, good ones, stale ones, repeating ones and wrong ones, on the store and
// on the model, and wants the same answers.
func testModel(t *testing.T, h *harness) {
	ctx := t.Context()
	var accounts atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		id := fmt.Sprintf("m%d", accounts.Add(1))
		m := &model{fold: lifecycle.New(id)}
		attempts := 0
		rt.Repeat(map[string]func(*rapid.T){
			"register": func(rt *rapid.T) {
				a := facts(id)
				a.Region = rapid.SampledFrom([]string{"CN", "US"}).Draw(rt, "region")
				allow := rapid.Bool().Draw(rt, "allow")
				got, result, err := h.PutAccount(ctx, store.PutAccount{Account: a}, allow)
				switch {
				case m.account == nil:
					require.Equal(rt, store.Created, result)
				case m.account.Region == a.Region:
					require.Equal(rt, store.Unchanged, result)
				case !allow:
					require.ErrorIs(rt, err, store.ErrConflict)
					return
				default:
					require.Equal(rt, store.Updated, result)
				}
				require.NoError(rt, err)
				if result != store.Unchanged {
					m.version++
				}
				require.Equal(rt, m.version, got.Version)
				m.account = &a
			},
			"append": func(rt *rapid.T) {
				head := int64(len(m.log))
				a := lifecycle.Append{
					AccountID: id, ChangeID: fmt.Sprintf("c%d", rapid.IntRange(0, 40).Draw(rt, "change")),
					Head:  rapid.SampledFrom([]int64{head, head, head, lifecycle.AnyHead, head - 1, head + 1, 0}).Draw(rt, "head"),
					Known: rapid.Int64Range(0, head+1).Draw(rt, "known"),
				}
				state := m.fold.State
				for range rapid.IntRange(1, 3).Draw(rt, "drafts") {
					c := draft(rt, id, state, &attempts)
					if to, outcome := lifecycle.Next(state, c.Event); outcome == lifecycle.Changes && !c.Ignored {
						state = to
					}
					a.Changes = append(a.Changes, c)
				}
				got, err := h.Append(ctx, a)
				if m.account == nil {
					require.ErrorIs(rt, err, store.ErrNotFound)
					return
				}
				want, ok := m.append(a)
				if !ok {
					require.ErrorIs(rt, err, lifecycle.ErrBrokenLog)
					return
				}
				require.NoError(rt, err)
				sameJSON(rt, want, got)
			},
			"extend": func(rt *rapid.T) {
				e := policy.Extension{
					ID: fmt.Sprintf("%s-e%d", id, len(m.extensions)), AccountID: id, Until: at(50), GrantedAt: at(len(m.extensions)),
				}
				err := h.PutExtension(ctx, e, operator, "backlog")
				if m.account == nil {
					require.ErrorIs(rt, err, store.ErrNotFound)
					return
				}
				require.NoError(rt, err)
				m.extensions = append(m.extensions, e)
			},
			"": func(rt *rapid.T) { m.check(rt, h, id) },
		})
	})
}

func (m *model) check(rt *rapid.T, h *harness, id string) {
	ctx := rt.Context()
	got, err := h.Facts(ctx, id)
	if m.account == nil {
		require.ErrorIs(rt, err, store.ErrNotFound)
		return
	}
	require.NoError(rt, err)
	v := m.fold
	same(rt, store.Facts{Account: *m.account, Standing: v.Standing(), Seq: v.Seq, Extensions: m.extensions}, got)
	head, err := h.Head(ctx, id)
	require.NoError(rt, err)
	sameJSON(rt, v, head)
	if rapid.IntRange(0, 3).Draw(rt, "look closer") == 0 {
		m.checkDetails(rt, h, id, v)
	}
}

// sameJSON compares as the log does, to the letter, and quickly.
func sameJSON(rt *rapid.T, want, got any) {
	left, err := json.Marshal(want)
	require.NoError(rt, err)
	right, err := json.Marshal(got)
	require.NoError(rt, err)
	require.Equal(rt, string(left), string(right))
}

func (m *model) checkDetails(rt *rapid.T, h *harness, id string, v lifecycle.Verification) {
	ctx := rt.Context()
	after := rapid.Int64Range(0, v.Seq).Draw(rt, "after")
	log, err := h.Events(ctx, id, after, 1000)
	require.NoError(rt, err)
	changes := []lifecycle.Change{}
	for _, e := range log {
		changes = append(changes, e.Change)
	}
	sameJSON(rt, m.after(after), changes)
	for _, a := range v.Attempts {
		account, stored, err := h.Attempt(ctx, a.ID)
		require.NoError(rt, err)
		require.Equal(rt, id, account)
		sameJSON(rt, a, stored)
	}
	if v.Lease != nil {
		_, lease, err := h.Lease(ctx, v.Lease.ID)
		require.NoError(rt, err)
		sameJSON(rt, *v.Lease, lease)
	}
	did, err := h.FactsAt(ctx, id, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), store.Did)
	require.NoError(rt, err)
	same(rt, v.Standing(), did.Standing)
}

// draft is some change, mostly one that fits the state, so that courses grow long. Each attempt and lease has an id of
// its own, as callers give them.
func draft(rt *rapid.T, id string, state lifecycle.State, attempts *int) lifecycle.Change {
	events := lifecycle.AllowedEvents(state)
	if rapid.IntRange(0, 9).Draw(rt, "fitting") == 0 {
		events = lifecycle.Events()
	}
	events = slices.DeleteFunc(slices.Clone(events), func(e lifecycle.Event) bool { // they have a model of their own
		return e == lifecycle.Restrict || e == lifecycle.Lift
	})
	e := rapid.SampledFrom(events).Draw(rt, "event")
	minute := rapid.IntRange(0, 59).Draw(rt, "minute")
	c := change(e, minute)
	c.Ignored = e.Kind() == lifecycle.KindNews && rapid.IntRange(0, 3).Draw(rt, "ignored") == 0
	switch e {
	case lifecycle.Submit, lifecycle.Correct:
		c = submit(minute, id)
		c.Event = e
	case lifecycle.IssueQR:
		*attempts++
		c = issue(id, *attempts, minute)
		if c.Detail.Consent != nil {
			c.Detail.Consent.ID = fmt.Sprintf("%s-%d", c.Detail.Consent.ID, *attempts)
		}
	case lifecycle.Pass, lifecycle.Fail:
		c.Detail.AttemptID = fmt.Sprintf("%s-attempt-%d", id, max(1, *attempts))
	case lifecycle.Lock:
		c.Detail.UnlockAt = at(59)
	default:
	}
	return c
}
