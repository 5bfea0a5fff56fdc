package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// consented is the drafts of an account that agreed to everything on its way to a QR code.
func consented(id string, n, minute int) (submit, start lifecycle.Change) {
	of := func(name string, kind lifecycle.ConsentKind) lifecycle.Consent {
		return lifecycle.Consent{ID: id + name, TextVersion: string(kind) + "-1", Language: "zh-CN", AgreedAt: at(minute), Kind: kind, By: "link:l1"}
	}
	submit = change(lifecycle.Submit, minute)
	identity := of("-identity", lifecycle.ConsentIdentity)
	submit.Detail.Identity, submit.Detail.Consent = &lifecycle.Identity{Ref: "r", Digest: "d-" + id}, &identity
	start = issue(id, n, minute+3)
	start.Detail.Also = []lifecycle.Consent{of("-provide", lifecycle.ConsentProvide)}
	return submit, start
}

func testConsentKinds(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	submit, start := consented("a1", 1, 1)
	h.append(t, "a1", "submit", submit)
	h.append(t, "a1", "review", change(lifecycle.BeginReview, 2), change(lifecycle.Approve, 3))
	h.append(t, "a1", "start", start)
	withdraw := change(lifecycle.WithdrawConsent, 5)
	withdraw.Actor = lifecycle.Actor{Kind: lifecycle.ActorMerchant, ID: "link:l1"}
	h.append(t, "a1", "withdraw", withdraw)

	all, err := h.ConsentsOf(ctx, "a1")
	require.NoError(t, err)
	kinds := map[lifecycle.ConsentKind]store.ConsentRecord{}
	for _, c := range all {
		kinds[c.Of()] = c
	}
	require.Len(t, kinds, 3)
	require.True(t, kinds[lifecycle.ConsentIdentity].EndedAt.IsZero(), "withdrawing the face does not take the real name back")
	for _, kind := range []lifecycle.ConsentKind{lifecycle.ConsentFace, lifecycle.ConsentProvide} {
		require.True(t, kinds[kind].EndedAt.Equal(at(5)), kind)
		require.Equal(t, store.EndedOnPage, kinds[kind].EndedVia)
	}

	again := issue("a1", 2, 6)
	again.Detail.Consent = &lifecycle.Consent{ID: "a1-face-2", TextVersion: "face-2", Language: "en", AgreedAt: at(6), Generation: 1}
	h.append(t, "a1", "again", again)
	h.append(t, "a1", "revoke", change(lifecycle.Revoke, 7))
	all, err = h.ConsentsOf(ctx, "a1")
	require.NoError(t, err)
	for _, c := range all {
		require.False(t, c.EndedAt.IsZero(), c.ID)
		if c.ID == kinds[lifecycle.ConsentFace].ID {
			require.Equal(t, "a1-face-2", c.SupersededBy)
		}
		if c.ID == "a1-face-2" || c.Of() == lifecycle.ConsentIdentity {
			require.Equal(t, store.EndedByCause, c.EndedVia)
			require.Empty(t, c.SupersededBy)
		}
	}
}

func testConsentNotes(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	refusal := func(id string, when time.Time) store.ConsentNote {
		return store.ConsentNote{AccountID: "a1", Answer: store.AnswerRefused, Consent: lifecycle.Consent{
			ID: id, TextVersion: "face-1", Language: "en", AgreedAt: when, Kind: lifecycle.ConsentFace,
		}}
	}
	midnight := lifecycle.NextDay(at(0))
	for _, step := range []struct {
		note  store.ConsentNote
		first bool
	}{
		{refusal("n1", midnight.Add(-2*time.Second)), true}, {refusal("n2", midnight.Add(-time.Second)), false},
		{refusal("n3", midnight), true},
	} {
		first, err := h.NoteConsent(ctx, step.note)
		require.NoError(t, err)
		require.Equal(t, step.first, first, step.note.Consent.ID)
	}
	agreed := refusal("n4", midnight.Add(time.Hour))
	agreed.Answer = store.AnswerAgreed
	first, err := h.NoteConsent(ctx, agreed)
	require.NoError(t, err)
	require.True(t, first)

	all, err := h.ConsentNotes(ctx, "a1")
	require.NoError(t, err)
	var ids []string
	for _, n := range all {
		ids = append(ids, n.Consent.ID)
	}
	require.Equal(t, []string{"n1", "n3", "n4"}, ids)
	same(t, agreed, all[2])
	others, err := h.ConsentNotes(ctx, "a2")
	require.NoError(t, err)
	require.Empty(t, others)

	stranger := refusal("n5", midnight)
	stranger.AccountID = "nobody"
	_, err = h.NoteConsent(ctx, stranger)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.NoteConsent(ctx, store.ConsentNote{AccountID: "a1", Answer: store.AnswerRefused})
	require.ErrorIs(t, err, store.ErrInvalid)
}

func testLogLines(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	lines, err := h.LogLines(ctx, "a1", 0, 2)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	rest, err := h.LogLines(ctx, "a1", 2, 1000)
	require.NoError(t, err)
	entries, err := h.Entries(ctx, "a1", store.EntryFilter{Limit: 1000})
	require.NoError(t, err)
	lines = append(lines, rest...)
	require.Len(t, lines, len(entries))
	var previous []byte
	for i, l := range lines {
		require.Equal(t, entries[i].Seq, l.Seq)
		require.Equal(t, l.Hash, store.EntryHash("a1", previous, l.RecordedAt, l.Text), "the chain can be followed from outside")
		var c lifecycle.Change
		require.NoError(t, json.Unmarshal(l.Text, &c))
		same(t, entries[i].Change, c)
		previous = l.Hash
	}
	_, err = h.LogLines(ctx, "a1", 0, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}
