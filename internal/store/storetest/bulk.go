package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// testBulk: many at once leave what the same ones leave one after the other, and answer the same.
func testBulk(t *testing.T, h *harness) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		batch, single := fmt.Sprintf("batch-%d-", run), fmt.Sprintf("single-%d-", run)
		allowChange := rapid.Bool().Draw(t, "allow change")
		for range rapid.IntRange(1, 3).Draw(t, "calls") {
			puts := rapid.SliceOfN(rapid.Custom(drawPut), 1, 60).Draw(t, "puts")
			outcomes, err := h.PutAccounts(t.Context(), named(puts, batch), allowChange)
			require.NoError(t, err)
			for i, p := range named(puts, single) {
				_, result, err := h.PutAccount(t.Context(), p, allowChange)
				require.Equal(t, result, outcomes[i].Result, "put %d", i)
				require.Equal(t, fmt.Sprint(err), fmt.Sprint(outcomes[i].Err), "put %d", i)
			}
		}
		for n := range bulkAccounts {
			h.sameAccount(t, fmt.Sprint(batch, n), fmt.Sprint(single, n))
		}
	})
}

// testNewcomers: several callers register the same accounts at once, more than one statement takes. Each is created once,
// with the log that its import begins, and stands there as if it had come alone.
func testNewcomers(t *testing.T, h *harness) {
	const callers, crowd = 4, 300
	puts := make([]store.PutAccount, crowd)
	for i := range puts {
		puts[i] = store.PutAccount{Account: facts(fmt.Sprintf("crowd-%03d", i)), Actor: operator, Reason: "bulk"}
		if i%3 == 0 {
			puts[i].Import = imported(lifecycle.ImportVerified, "verified", 1)
		}
	}
	outcomes := make([][]store.PutOutcome, callers)
	group, ctx := errgroup.WithContext(t.Context())
	for c := range callers {
		group.Go(func() (err error) {
			outcomes[c], err = h.PutAccounts(ctx, puts, false)
			return err
		})
	}
	require.NoError(t, group.Wait())
	for i, p := range puts {
		created := 0
		for c := range callers {
			require.NoError(t, outcomes[c][i].Err)
			if outcomes[c][i].Result == store.Created {
				created++
			} else {
				require.Equal(t, store.Unchanged, outcomes[c][i].Result)
			}
		}
		require.Equal(t, 1, created, p.Account.ID)
	}
	alone := []store.PutAccount{puts[0], puts[1]} // one with a log, one without
	alone[0].Account.ID, alone[1].Account.ID = "alone-0", "alone-1"
	for i, p := range alone {
		_, _, err := h.PutAccount(t.Context(), p, false)
		require.NoError(t, err)
		for n := i; n < crowd; n += 3 {
			h.sameAccount(t, puts[n].Account.ID, p.Account.ID)
		}
	}
}

// bulkAccounts is how many accounts the puts of testBulk are about: few enough to meet again, more than one statement
// takes.
const bulkAccounts = 40

func drawPut(t *rapid.T) store.PutAccount {
	p := store.PutAccount{Account: facts(fmt.Sprint(rapid.IntRange(0, bulkAccounts-1).Draw(t, "account"))), Actor: operator, Reason: "bulk"}
	p.Account.Kind = rapid.SampledFrom([]policy.Kind{policy.KindIndividual, policy.KindIndividual, policy.KindEnterprise}).Draw(t, "kind")
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		p.Account.RegisteredAt = p.Account.RegisteredAt.AddDate(400, 0, 0) // beyond what can be kept
	case 1, 2:
		p.Import = imported(lifecycle.ImportVerified, "verified", 1)
	case 3, 4:
		p.Import = imported(lifecycle.ImportApproved, "approved", 2)
	case 5:
		p.Import = imported(lifecycle.ImportVerified, "", 1)
	}
	return p
}

func named(puts []store.PutAccount, prefix string) []store.PutAccount {
	out := make([]store.PutAccount, len(puts))
	for i, p := range puts {
		p.Account.ID = prefix + p.Account.ID
		out[i] = p
	}
	return out
}

// checking is a test, or a case of one that draws its cases.
type checking interface {
	require.TestingT
	Context() context.Context
}

// sameAccount requires that two accounts differ in nothing but their names and the instants of recording.
func (h *harness) sameAccount(t checking, a, b string) {
	first, errA := h.Account(t.Context(), a)
	second, errB := h.Account(t.Context(), b)
	require.Equal(t, errA == nil, errB == nil, "%v, %v", errA, errB)
	if errA != nil {
		require.ErrorIs(t, errA, store.ErrNotFound)
		return
	}
	first.ID, first.RecordedAt = second.ID, second.RecordedAt
	same(t, second, first)
	factsA, err := h.Facts(t.Context(), a)
	require.NoError(t, err)
	factsB, err := h.Facts(t.Context(), b)
	require.NoError(t, err)
	factsA.Account.ID = b
	same(t, factsB, factsA)
	headA, err := h.Head(t.Context(), a)
	require.NoError(t, err)
	headB, err := h.Head(t.Context(), b)
	require.NoError(t, err)
	headA.AccountID = b
	same(t, headB, headA)
	logA, err := h.Events(t.Context(), a, 0, 10)
	require.NoError(t, err)
	logB, err := h.Events(t.Context(), b, 0, 10)
	require.NoError(t, err)
	require.Len(t, logA, len(logB))
	for i := range logA {
		logA[i].AccountID, logA[i].RecordedAt = b, logB[i].RecordedAt
	}
	same(t, logB, logA)
	h.verify(t, a)
	// The log goes on after it was begun in bulk.
	_, err = h.Append(t.Context(), lifecycle.Append{AccountID: a, ChangeID: "later", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{
		{Event: lifecycle.Prompt, At: at(3), Actor: operator, Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{Level: "notice"}}},
	}})
	require.NoError(t, err)
	h.verify(t, a)
}

// verify has a store that can check itself do so.
func (h *harness) verify(t checking, id string) {
	v, ok := h.Store.(interface {
		VerifyProjection(ctx context.Context, accountID string) error
	})
	if ok {
		require.NoError(t, v.VerifyProjection(t.Context(), id))
	}
}
