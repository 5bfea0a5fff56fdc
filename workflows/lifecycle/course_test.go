package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// beijing reads "2006-01-02 15:04:05" as Beijing time.
func beijing(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(time.DateTime, text, lifecycle.Beijing())
	require.NoError(t, err)
	return at
}

// course drives one account through Decide as the workflow does, and keeps the log.
type course struct {
	t      testing.TB
	v      lifecycle.Verification
	at     time.Time
	limits lifecycle.Limits
	log    []lifecycle.Change
	ids    int
}

func begin(t testing.TB) *course {
	return &course{t: t, v: lifecycle.New("a1"), at: beijing(t, "2020-11-20 09:00:00"), limits: lifecycle.Limits{AttemptsPerDay: 2, Lease: 10 * time.Minute}}
}

// after lets time go by.
func (c *course) after(d time.Duration) *course { c.at = c.at.Add(d); return c }

// until lets time go by up to an instant.
func (c *course) until(text string) *course { c.at = beijing(c.t, text); return c }

func (c *course) id(kind string) string {
	c.ids++
	return fmt.Sprintf("%s-%d", kind, c.ids)
}

// decide asks without taking the answer.
func (c *course) decide(change lifecycle.Change) ([]lifecycle.Change, error) {
	if change.At.IsZero() {
		change.At = c.at
	}
	return c.v.Decide(change, c.limits)
}

// take decides and folds what was decided.
func (c *course) take(change lifecycle.Change) []lifecycle.Change {
	c.t.Helper()
	if change.ChangeID == "" {
		change.ChangeID = c.id("change")
	}
	log, err := c.decide(change)
	require.NoError(c.t, err)
	c.v, err = c.v.Fold(log...)
	require.NoError(c.t, err)
	c.log = append(c.log, log...)
	return log
}

// event takes an event that needs no detail.
func (c *course) event(e lifecycle.Event) *course {
	c.t.Helper()
	c.take(lifecycle.Change{Event: e, Reason: "because"})
	return c
}

func (c *course) submit() *course {
	c.t.Helper()
	c.take(lifecycle.Change{Event: lifecycle.Submit, Detail: lifecycle.Detail{Identity: c.identity()}})
	return c
}

func (c *course) identity() *lifecycle.Identity {
	return &lifecycle.Identity{Ref: c.id("vault"), Digest: "d"}
}

func (c *course) approved() *course {
	c.t.Helper()
	return c.submit().event(lifecycle.BeginReview).event(lifecycle.Approve)
}

// order is an issue_qr with a new attempt, a new lease and a new consent, all current.
func (c *course) order() lifecycle.Change {
	a := lifecycle.Attempt{
		ID: c.id("attempt"), Number: c.v.Started + 1, Provider: "alipay", Revision: c.v.Revision, Generation: c.v.Generation,
		StartedAt: c.at, EndsAt: c.at.Add(23 * time.Hour), ResultBy: c.at.Add(90 * 24 * time.Hour),
	}
	consent := &lifecycle.Consent{ID: c.id("consent"), TextVersion: "1", Language: "zh-CN", AgreedAt: c.at, Generation: c.v.Generation}
	return lifecycle.Change{Event: lifecycle.IssueQR, Detail: lifecycle.Detail{Attempt: &a, Consent: consent, Lease: c.lease(a.ID)}}
}

func (c *course) lease(attemptID string) *lifecycle.Lease {
	return &lifecycle.Lease{ID: c.id("lease"), AttemptID: attemptID, IssuedAt: c.at, ExpiresAt: c.at.Add(c.limits.Lease)}
}

// again is an issue_qr for the attempt that lives.
func (c *course) again() lifecycle.Change {
	c.t.Helper()
	live := c.v.Live(c.at)
	require.NotNil(c.t, live)
	return lifecycle.Change{Event: lifecycle.IssueQR, Detail: lifecycle.Detail{Lease: c.lease(live.ID)}}
}

// face starts a new attempt and returns its id.
func (c *course) face() string {
	c.t.Helper()
	order := c.order()
	c.take(order)
	return order.Detail.Attempt.ID
}

func (c *course) scan() *course {
	c.t.Helper()
	c.take(lifecycle.Change{Event: lifecycle.Scan, Detail: lifecycle.Detail{LeaseID: c.v.Lease.ID}})
	return c
}

func (c *course) expire() *course {
	c.t.Helper()
	c.take(lifecycle.Change{Event: lifecycle.Expire, Detail: lifecycle.Detail{LeaseID: c.v.Lease.ID}})
	return c
}

// news takes a pass or a fail of an attempt.
func (c *course) news(e lifecycle.Event, attemptID string) []lifecycle.Change {
	c.t.Helper()
	return c.take(lifecycle.Change{Event: e, Reason: "face_" + string(e), Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider}, Detail: lifecycle.Detail{
		AttemptID: attemptID, Evidence: &lifecycle.Evidence{Provider: "alipay", At: c.at},
	}})
}

// refused asks for a refusal and returns it.
func (c *course) refused(change lifecycle.Change) *lifecycle.Refusal {
	c.t.Helper()
	log, err := c.decide(change)
	require.Empty(c.t, log)
	var refusal *lifecycle.Refusal
	require.ErrorAs(c.t, err, &refusal)
	require.Equal(c.t, c.v.State, refusal.State)
	require.Equal(c.t, c.v.Steps(), refusal.Allowed)
	return refusal
}

func (c *course) is(state lifecycle.State) *course {
	c.t.Helper()
	require.Equal(c.t, state, c.v.State)
	return c
}

// locked uses up the attempts of the day.
func locked(t testing.TB) *course {
	c := begin(t).approved()
	for range c.limits.AttemptsPerDay {
		c.after(time.Minute).news(lifecycle.Fail, c.face())
	}
	return c.is(lifecycle.Locked)
}
