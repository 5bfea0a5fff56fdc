package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// TestTidyDeletesEvidence: what was decided on long ago is deleted by the program itself, with its own settings.
func TestTidyDeletesEvidence(t *testing.T) {
	t.Parallel()
	a, ctx := withoutEngine(t), t.Context()
	defer func() { require.NoError(t, a.Stop(context.WithoutCancel(ctx))) }()
	decided := a.clock.Now().Add(-a.config.Evidence.KeepAfterDecision)
	for id, at := range map[string]time.Time{"old": decided.Add(-time.Minute), "young": decided.Add(time.Minute)} {
		_, _, err := a.store.PutAccount(ctx, store.PutAccount{
			Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at.AddDate(-1, 0, 0)},
		}, false)
		require.NoError(t, err)
		write := func(head int64, events ...lifecycle.Event) {
			var changes []lifecycle.Change
			for _, e := range events {
				c := lifecycle.Change{Event: e, At: at}
				if e == lifecycle.Submit {
					c.Detail.Identity = &lifecycle.Identity{Ref: "subject-1", Digest: "d-" + id}
				}
				changes = append(changes, c)
			}
			_, err := a.store.Append(ctx, lifecycle.Append{AccountID: id, ChangeID: string(events[0]), Head: head, Known: head, Changes: changes})
			require.NoError(t, err)
		}
		write(0, lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual)
		cabinet, err := evidence.New(evidence.Config{Store: a.store, Vault: a.vault, Now: a.clock.Now, Logger: a.log})
		require.NoError(t, err)
		e, err := cabinet.Add(ctx, evidence.Piece{AccountID: id, Kind: evidence.Holding, Content: []byte("mine")})
		require.NoError(t, err)
		write(4, lifecycle.RejectManual)
		require.NoError(t, a.tidyEvidence(ctx))
		_, err = a.vault.Evidence(ctx, id, e.Ref)
		if id == "young" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, vault.ErrNotFound)
		gone, err := a.store.Evidence(ctx, id, e.ID)
		require.NoError(t, err)
		require.False(t, gone.DeletedAt.IsZero())
	}
}
