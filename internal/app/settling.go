package app

import (
	"context"
	"log/slog"
	"slices"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// settling is the store for whoever changes what the rules look at. After such a change it brings the account's
// restrictions on record in step at once: a shop that has just been verified hears that it is free now, and not with
// the next sweep. The change itself is done by then, so a failure is only logged; the next sweep makes up for it.
type settling struct {
	*sqlstore.Store
	sweeper *enforce.Sweeper
	log     *slog.Logger
}

func (a *App) settling() settling { return settling{a.store, a.sweeper, a.log} }

// Append settles after entries that make the account verified or undo it. Who asked for the log gets what settling
// added to it, so that a workflow's memory stays the fold of the whole log.
func (s settling) Append(ctx context.Context, in lifecycle.Append) (lifecycle.AppendResult, error) {
	result, err := s.Store.Append(ctx, in)
	if err == nil && result.Outcome == lifecycle.Appended && slices.ContainsFunc(result.Written, crossesVerified) {
		settled := s.settle(ctx, in.AccountID)
		if n := len(result.Log); n > 0 && len(settled) > 0 && settled[0].Seq == result.Log[n-1].Seq+1 {
			result.Log = append(result.Log, settled...) // not if somebody else wrote in between: a log has no gaps
		}
	}
	return result, err
}

func crossesVerified(c lifecycle.Change) bool {
	return (c.From == lifecycle.Verified) != (c.To == lifecycle.Verified)
}

// PutAccounts settles the accounts whose facts changed, or that an import verified. New ones have nothing to lift; if a
// rule blocks them, the next sweep says so.
func (s settling) PutAccounts(ctx context.Context, puts []store.PutAccount, allowChange bool) ([]store.PutOutcome, error) {
	outcomes, err := s.Store.PutAccounts(ctx, puts, allowChange)
	if err != nil {
		return nil, err
	}
	for _, o := range outcomes {
		if o.Err == nil && o.Result == store.Updated {
			s.settle(ctx, o.Account.ID)
		}
	}
	return outcomes, nil
}

// Settle implements api.Settler.
func (s settling) Settle(ctx context.Context, accountID string) error {
	_, err := s.sweeper.Settle(ctx, accountID)
	return err
}

func (s settling) settle(ctx context.Context, accountID string) []lifecycle.Change {
	written, err := s.sweeper.Settle(ctx, accountID)
	if err != nil {
		s.log.WarnContext(ctx, "restrictions are settled by the next sweep", "account_id", accountID, "error", err)
	}
	return written
}
