package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// idleRun is how long a run stays that never accepted a command.
const idleRun = 10 * time.Minute

// TurnAttribute is the search attribute that says whose turn it is.
func TurnAttribute() temporal.SearchAttributeKeyKeyword {
	return temporal.NewSearchAttributeKeyKeyword(contract.AttributeTurn)
}

// Verification takes one account through real-name review and face verification. It is started by the first
// command (update with start), ends when the account is verified and nothing is pending, and is started again
// by whatever comes later.
func Verification(ctx workflow.Context, in contract.Start) error {
	v, err := newVerification(ctx, in)
	if err != nil {
		return err
	}
	return v.run(ctx)
}

// verification is one run. Everything but memory is bookkeeping of the run itself.
type verification struct {
	start    contract.Start
	memory   lifecycle.Verification // fold of the log as far as this run knows it
	settings activities.Settings
	ready    bool  // memory is loaded
	broken   error // why memory could not be loaded
	changed  bool  // memory changed since the main loop looked
	accepted bool  // a command was accepted in this run
	updates  int   // updates of this run, for continue-as-new
	closing  bool  // the run is being continued; duties stay down

	lock     workflow.Mutex // held while deciding and appending, never across a call to a provider
	starting bool           // an order is being placed
	asked    *question      // the last one put to the provider on demand
	turn     lifecycle.Turn // as last written to the search attribute
	duties   map[string]workflow.CancelFunc
}

func newVerification(ctx workflow.Context, in contract.Start) (*verification, error) {
	if err := contract.CheckAccountID(in.AccountID); err != nil {
		return nil, temporal.NewNonRetryableApplicationError("account_id: "+err.Error(), contract.ErrTypeInvalid, nil)
	}
	v := &verification{
		start: in, memory: lifecycle.New(in.AccountID), lock: workflow.NewMutex(ctx),
		asked: &question{answered: true}, turn: lifecycle.TurnMerchant, duties: map[string]workflow.CancelFunc{},
	}
	return v, v.handle(ctx)
}

// now is business time.
func (v *verification) now(ctx workflow.Context) time.Time {
	return workflow.Now(ctx).Add(v.start.ClockOffset)
}

// run loads the head and then keeps the duties in step with the memory until there is nothing left to do.
func (v *verification) run(ctx workflow.Context) error {
	if v.broken = v.load(ctx); v.broken != nil {
		if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
			return err
		}
		return v.broken
	}
	v.ready, v.changed = true, true
	v.turn = v.initialTurn(ctx)
	if err := workflow.Await(ctx, func() bool { return v.accepted || workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	for {
		v.changed = false
		if err := v.tend(ctx); err != nil {
			return err
		}
		switch {
		case v.changed:
			continue
		case v.mustContinue(ctx):
			return v.continueAsNew(ctx)
		case v.finished(ctx):
			return nil
		}
		idle, err := v.awaitChange(ctx)
		if err != nil {
			return err
		}
		if idle && !v.accepted && workflow.AllHandlersFinished(ctx) && len(v.duties) == 0 {
			return nil
		}
	}
}

// awaitChange waits until there is something to look at; idle means that a run without any accepted command
// has waited long enough.
func (v *verification) awaitChange(ctx workflow.Context) (idle bool, err error) {
	wake := func() bool { return v.changed || v.mustContinue(ctx) || v.finished(ctx) }
	if v.accepted || len(v.duties) > 0 {
		return false, workflow.Await(ctx, wake)
	}
	woken, err := workflow.AwaitWithTimeout(ctx, idleRun, func() bool { return wake() || v.accepted })
	return !woken, err
}

// finished: verified, nothing pending, everybody answered.
func (v *verification) finished(ctx workflow.Context) bool {
	return v.memory.State == lifecycle.Verified && len(v.duties) == 0 && workflow.AllHandlersFinished(ctx)
}

func (v *verification) mustContinue(ctx workflow.Context) bool {
	after := v.settings.ContinueAfter
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || (after > 0 && v.updates >= after)
}

// continueAsNew stops the duties, lets every handler answer, and begins again with the same input: the next
// run loads its memory from the log and starts the duties anew.
func (v *verification) continueAsNew(ctx workflow.Context) error {
	v.closing = true
	v.stopDuties()
	err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) && len(v.duties) == 0 })
	if err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, contract.VerificationWorkflow, v.start)
}

// load reads the head of the log.
func (v *verification) load(ctx workflow.Context) error {
	var records *activities.Records
	var loaded activities.Loaded
	err := workflow.ExecuteLocalActivity(withStore(ctx, "load"), records.LoadHead, v.start.AccountID).Get(ctx, &loaded)
	if err != nil {
		return err
	}
	v.memory, v.settings = loaded.Verification, loaded.Settings
	return nil
}

// initialTurn is what the search attribute says when a run begins: the starter sets merchant, a continued run
// inherits what the last one wrote.
func (v *verification) initialTurn(ctx workflow.Context) lifecycle.Turn {
	if turn, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(TurnAttribute()); ok {
		return lifecycle.Turn(turn)
	}
	return lifecycle.TurnMerchant
}

// show writes what the Temporal UI displays. The search attribute costs an Action and is written only when the
// turn changed; the details cost nothing.
func (v *verification) show(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, "**"+string(v.memory.State)+"** · turn: "+string(v.memory.State.Turn()))
	turn := v.memory.State.Turn()
	if turn == v.turn {
		return nil
	}
	v.turn = turn
	return workflow.UpsertTypedSearchAttributes(ctx, TurnAttribute().ValueSet(string(turn)))
}
