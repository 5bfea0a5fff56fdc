package activities

import (
	"context"
	"time"
)

// AwaitFaceInput waits for Current until an instant (business time: the lease's end). Others are older
// attempts of the same information, whose late pass counts too.
type AwaitFaceInput struct {
	Current Asked     `json:"current"`
	Others  []Asked   `json:"others,omitempty"`
	Until   time.Time `json:"until"`
}

// AwaitFace polls the provider until there is a verdict or the lease is over. One activity for the whole wait
// costs one Action and a heartbeat a minute, whatever the polling; the phone's return wakes it at once.
// A provider that does not answer changes nothing: the wait goes on. A worker that stops hands it to another one; left to
// the heartbeat timeout, a merchant's page would stand still for more than a minute.
func (f *Face) AwaitFace(ctx context.Context, in AwaitFaceInput) (Answer, error) {
	returned, err := f.Hints.ReturnedChanged(ctx, in.Current.AttemptID)
	if err != nil {
		return Answer{}, tryAgain("store_unavailable", "the store does not answer")
	}
	begun := f.Now()
	beat, others := begun, begun
	for {
		answer, err := f.ask(ctx, in.Current)
		switch {
		case ctx.Err() != nil:
			return Answer{}, ctx.Err()
		case err != nil:
			f.Logger.WarnContext(ctx, "provider does not answer", "attempt_id", in.Current.AttemptID, "error", err)
		case answer.Verdict != VerdictOpen:
			return answer, nil
		}
		now := f.Now()
		if now.Sub(others) >= f.Polling.Others {
			others = now
			if late, ok := f.late(ctx, in.Others); ok {
				return late, nil
			}
		}
		if !now.Before(in.Until) {
			return Answer{AttemptID: in.Current.AttemptID, Verdict: VerdictOpen}, nil
		}
		if now.Sub(beat) >= f.Polling.Heartbeats {
			f.Heartbeat(ctx)
			beat = now
		}
		if err := f.pause(ctx, in, begun, now, returned); err != nil {
			return Answer{}, err
		}
	}
}

// late asks for older attempts and returns a pass, if there is one.
func (f *Face) late(ctx context.Context, others []Asked) (Answer, bool) {
	for _, a := range others {
		if answer, err := f.ask(ctx, a); err == nil && answer.Verdict == VerdictPassed {
			return answer, true
		}
	}
	return Answer{}, false
}

// pause waits for the next query: the interval, the lease's end, or the phone's return, whichever is first.
func (f *Face) pause(ctx context.Context, in AwaitFaceInput, begun, now time.Time, returned <-chan struct{}) error {
	wait := f.Polling.Slow
	if now.Sub(begun) < f.Polling.QuickFor {
		wait = f.Polling.Quick
	}
	if at, err := f.Hints.Returned(ctx, in.Current.AttemptID); err == nil && !at.IsZero() {
		wait = min(wait, max(at.Add(f.Polling.Grace).Sub(now), f.Polling.Quick/4))
	}
	timer := time.NewTimer(min(wait, in.Until.Sub(now)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.Stopping(ctx):
		return handOver()
	case <-returned:
	case <-timer.C:
	}
	return nil
}
