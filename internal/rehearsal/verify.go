package rehearsal

import (
	"fmt"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// rehearsed marks what a rehearsal made up: in the copy there is nobody's real information.
const rehearsed = "rehearsal"

// wayToVerified returns the changes that take an account the rest of its way: by the face where it can start, else by
// the route without one.
func wayToVerified(v lifecycle.Verification, at time.Time) ([]lifecycle.Change, error) {
	var way []lifecycle.Change
	for steps := 0; v.State != lifecycle.Verified; steps++ {
		if steps > 10 {
			return nil, fmt.Errorf("rehearsal: no way from state %s", v.State)
		}
		c := step(v, at)
		c.At = at
		changes, err := v.Decide(c, lifecycle.DefaultLimits())
		if err != nil {
			return nil, fmt.Errorf("rehearsal: %s in state %s: %w", c.Event, v.State, err)
		}
		if v, err = v.Fold(changes...); err != nil {
			return nil, err
		}
		way = append(way, changes...)
	}
	return way, nil
}

// step is the next step from where the account stands.
func step(v lifecycle.Verification, at time.Time) lifecycle.Change {
	merchant := lifecycle.Actor{Kind: lifecycle.ActorMerchant}
	reviewer := lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: rehearsed}
	switch v.State {
	case lifecycle.Submitted:
		return lifecycle.Change{Event: lifecycle.BeginReview, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}
	case lifecycle.UnderReview:
		return lifecycle.Change{Event: lifecycle.Approve, Actor: reviewer}
	case lifecycle.ManualReview:
		return lifecycle.Change{Event: lifecycle.ApproveManual, Actor: reviewer}
	case lifecycle.QRIssued, lifecycle.Scanned:
		if live := v.Live(at); live != nil && v.Counts(*live) {
			return lifecycle.Change{
				Event: lifecycle.Pass, Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider},
				Detail: lifecycle.Detail{AttemptID: live.ID},
			}
		}
		return lifecycle.Change{Event: lifecycle.ChooseManual, Actor: merchant}
	case lifecycle.Approved:
		if v.Identity != nil && v.Live(at) == nil && v.AttemptsLeft(lifecycle.DefaultLimits(), at) > 0 {
			return lifecycle.Change{Event: lifecycle.IssueQR, Actor: merchant, Detail: attempt(v, at)}
		}
		if v.Identity == nil {
			return submit(v, merchant)
		}
		return lifecycle.Change{Event: lifecycle.ChooseManual, Actor: merchant}
	case lifecycle.FaceFailed, lifecycle.Locked:
		return lifecycle.Change{Event: lifecycle.ChooseManual, Actor: merchant}
	default:
		return submit(v, merchant)
	}
}

func submit(v lifecycle.Verification, merchant lifecycle.Actor) lifecycle.Change {
	return lifecycle.Change{Event: lifecycle.Submit, Actor: merchant, Detail: lifecycle.Detail{
		Identity: &lifecycle.Identity{Ref: rehearsed, Digest: rehearsed + "/" + v.AccountID},
	}}
}

// attempt is an attempt at no provider, with its lease and, where none is in force, a consent.
func attempt(v lifecycle.Verification, at time.Time) lifecycle.Detail {
	name := fmt.Sprintf("%s/%s/%d", rehearsed, v.AccountID, v.Started+1)
	d := lifecycle.Detail{
		Attempt: &lifecycle.Attempt{
			ID: name, Number: v.Started + 1, Provider: rehearsed, OrderNo: name, Revision: v.Revision, Generation: v.Generation,
			StartedAt: at, EndsAt: at.Add(23 * time.Hour), ResultBy: at.Add(24 * time.Hour),
		},
		Lease: &lifecycle.Lease{ID: name, AttemptID: name, IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute)},
	}
	if v.Consent == nil {
		d.Consent = &lifecycle.Consent{ID: name, TextVersion: rehearsed, Language: "zh-CN", AgreedAt: at, Generation: v.Generation}
	}
	return d
}
