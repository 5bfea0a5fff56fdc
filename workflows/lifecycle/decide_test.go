package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	c := begin(t).approved().is(lifecycle.Approved)
	id := c.after(time.Minute).face()
	c.is(lifecycle.QRIssued).scan().is(lifecycle.Scanned)
	require.Equal(t, c.at, c.v.Lease.ScannedAt)
	c.after(time.Minute).news(lifecycle.Pass, id)
	c.is(lifecycle.Verified)
	require.Equal(t, lifecycle.MethodFace, c.v.Method)
	require.Equal(t, c.at, c.v.VerifiedAt)
	require.Equal(t, lifecycle.AttemptPassed, c.v.Attempt(id).Result)
	require.Nil(t, c.v.Lease)
	require.Empty(t, c.v.Watched(c.at))
	require.Equal(t, lifecycle.Standing{State: lifecycle.Verified, Since: c.at, TurnSince: c.at, VerifiedAt: c.at}, c.v.Standing())
}

// TestWhoseTurnSinceWhen: submitted and under_review are one operator's turn; a prompt moves no clock.
func TestWhoseTurnSinceWhen(t *testing.T) {
	t.Parallel()
	c := begin(t).submit()
	submitted := c.at
	c.after(time.Hour).event(lifecycle.BeginReview).after(time.Hour).event(lifecycle.Prompt)
	require.Equal(t, submitted, c.v.TurnSince)
	require.Equal(t, submitted.Add(time.Hour), c.v.Since)
	c.after(time.Hour).event(lifecycle.Approve)
	require.Equal(t, c.at, c.v.TurnSince)
	require.Equal(t, c.at, c.v.LastPromptAt.Add(time.Hour))
	require.Equal(t, 1, c.v.Prompts)
}

func TestDecideReadsOnlyWhatItSays(t *testing.T) {
	t.Parallel()
	c := begin(t)
	draft := lifecycle.Change{
		AccountID: "other", Seq: 99, From: lifecycle.Verified, To: lifecycle.Verified, Ignored: true, ChangeID: "c",
		Event: lifecycle.Submit, Detail: lifecycle.Detail{Identity: c.identity()},
	}
	log, err := c.decide(draft)
	require.NoError(t, err)
	require.Len(t, log, 1)
	got := log[0]
	require.Equal(t, "a1", got.AccountID)
	require.Equal(t, int64(1), got.Seq)
	require.Equal(t, lifecycle.Unverified, got.From)
	require.Equal(t, lifecycle.Submitted, got.To)
	require.False(t, got.Ignored)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	operator := lifecycle.Actor{Kind: lifecycle.ActorOperator}
	stale := func(c *course) lifecycle.Change {
		order := c.order()
		order.Detail.Attempt.Generation--
		return order
	}
	for name, c := range map[string]struct {
		course *course
		change func(*course) lifecycle.Change
		code   lifecycle.Code
	}{
		"submit after an attempt under this revision": {
			begin(t).approved().tried(), func(c *course) lifecycle.Change {
				return lifecycle.Change{Event: lifecycle.Submit, Detail: lifecycle.Detail{Identity: c.identity()}}
			}, "step_not_allowed",
		},
		"correct without the right": {
			begin(t).approved(), func(c *course) lifecycle.Change {
				return lifecycle.Change{Event: lifecycle.Correct, Detail: lifecycle.Detail{Identity: c.identity()}}
			}, "correction_not_allowed",
		},
		"face without a consent": {
			begin(t).approved(), func(c *course) lifecycle.Change { o := c.order(); o.Detail.Consent = nil; return o }, "consent_required",
		},
		"face with a consent of before a withdrawal": {
			begin(t).approved(), func(c *course) lifecycle.Change { o := c.order(); o.Detail.Consent.Generation--; return o }, "consent_required",
		},
		"face for an attempt of before a withdrawal": {begin(t).approved(), stale, "step_not_allowed"},
		"face for an attempt of older information": {
			begin(t).approved(), func(c *course) lifecycle.Change { o := c.order(); o.Detail.Attempt.Revision--; return o }, "step_not_allowed",
		},
		"face without information of record": {
			begin(t).imported(lifecycle.ImportApproved), (*course).order, "step_not_allowed",
		},
		"a second order while the first lives": {begin(t).approved().tried(), (*course).order, "step_not_allowed"},
		"another lease of an attempt that ended": {
			begin(t).approved(), func(c *course) lifecycle.Change {
				o := c.order()
				o.Detail.Attempt = nil
				return o
			}, "step_not_allowed",
		},
		"face while locked":                {locked(t), (*course).order, "attempts_exhausted"},
		"withdraw without a consent":       {begin(t).approved(), plain(lifecycle.WithdrawConsent), "step_not_allowed"},
		"revoke of nothing":                {begin(t), plain(lifecycle.Revoke), "step_not_allowed"},
		"correct from verified":            {begin(t).imported(lifecycle.ImportVerified), plain(lifecycle.Correct), "step_not_allowed"},
		"unlock by the timer, too early":   {locked(t), plain(lifecycle.Unlock), "step_not_allowed"},
		"unlock where nothing is locked":   {begin(t), func(*course) lifecycle.Change { return lifecycle.Change{Event: lifecycle.Unlock, Actor: operator} }, "step_not_allowed"},
		"review before it began":           {begin(t).submit(), plain(lifecycle.Approve), "step_not_allowed"},
		"a second review":                  {begin(t).submit().event(lifecycle.BeginReview), plain(lifecycle.BeginReview), "step_not_allowed"},
		"an event that does not exist":     {begin(t), plain("no such event"), "step_not_allowed"},
		"import over something":            {begin(t).submit(), plain(lifecycle.ImportVerified), "step_not_allowed"},
		"manual decision outside of it":    {begin(t).approved(), plain(lifecycle.ApproveManual), "step_not_allowed"},
		"manual route during a review":     {begin(t).submit(), plain(lifecycle.ChooseManual), "step_not_allowed"},
		"a lock while a QR is shown":       {begin(t).approved().showing(), plain(lifecycle.Lock), "step_not_allowed"},
		"submit while a reviewer decides":  {begin(t).submit().event(lifecycle.BeginReview), plain(lifecycle.Submit), "step_not_allowed"},
		"submit on the manual route":       {begin(t).approved().event(lifecycle.ChooseManual), plain(lifecycle.Submit), "step_not_allowed"},
		"face on the manual route":         {begin(t).approved().event(lifecycle.ChooseManual), (*course).order, "step_not_allowed"},
		"cancel of a route that is closed": {begin(t).approved(), plain(lifecycle.CancelManual), "step_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.course.t = t
			refusal := c.course.refused(c.change(c.course))
			require.Equal(t, c.code, refusal.Code)
			require.Equal(t, "lifecycle: "+string(c.code)+" in state "+string(c.course.v.State), refusal.Error())
			if c.course.v.State == lifecycle.Locked {
				require.Equal(t, c.course.v.UnlockAt, refusal.NextAt)
			}
		})
	}
}

func plain(e lifecycle.Event) func(*course) lifecycle.Change {
	return func(*course) lifecycle.Change { return lifecycle.Change{Event: e} }
}

// tried leaves approved with an attempt that lives on, showing stays at its QR.
func (c *course) tried() *course   { c.face(); return c.after(11 * time.Minute).expire() }
func (c *course) showing() *course { c.face(); return c }

func (c *course) imported(e lifecycle.Event) *course {
	c.take(lifecycle.Change{Event: e, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}, Detail: lifecycle.Detail{
		Provenance: &lifecycle.Provenance{At: c.at.AddDate(-1, 0, 0), Evidence: "old-1"},
	}})
	return c
}

// TestMissingDetails: a caller's mistake is an error, no refusal that a merchant would be shown.
func TestMissingDetails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		course *course
		change lifecycle.Change
		want   string
	}{
		"submit":          {begin(t), lifecycle.Change{Event: lifecycle.Submit}, "identity"},
		"correct":         {begin(t).approved(), lifecycle.Change{Event: lifecycle.Correct, Detail: lifecycle.Detail{Correction: "policy"}}, "identity"},
		"lock":            {begin(t).approved(), lifecycle.Change{Event: lifecycle.Lock}, "unlock_at"},
		"import approved": {begin(t), lifecycle.Change{Event: lifecycle.ImportApproved}, "provenance"},
		"import verified": {begin(t), lifecycle.Change{Event: lifecycle.ImportVerified}, "provenance"},
		"issue":           {begin(t).approved(), begin(t).approved().without(), "lease"},
		"foreign lease":   {begin(t).approved(), begin(t).approved().foreign(), "lease of the attempt"},
		"used attempt id": {begin(t).approved().failedAs("attempt-1"), begin(t).approved().orderAs("attempt-1"), "id of its own"},
		"no attempt id":   {begin(t).approved(), begin(t).approved().orderAs(""), "id of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, err := c.course.decide(c.change)
			require.Empty(t, log)
			require.ErrorContains(t, err, c.want)
			var refusal *lifecycle.Refusal
			require.NotErrorAs(t, err, &refusal)
		})
	}
}

func (c *course) without() lifecycle.Change { o := c.order(); o.Detail.Lease = nil; return o }
func (c *course) foreign() lifecycle.Change { o := c.order(); o.Detail.Lease.AttemptID = "x"; return o }
func (c *course) orderAs(id string) lifecycle.Change {
	o := c.order()
	o.Detail.Attempt.ID, o.Detail.Lease.AttemptID = id, id
	return o
}

func (c *course) failedAs(id string) *course {
	c.take(c.orderAs(id))
	c.news(lifecycle.Fail, id)
	return c
}

// TestNewsThatNoLongerApplies is recorded as ignored, moves nothing and is never an error.
func TestNewsThatNoLongerApplies(t *testing.T) {
	t.Parallel()
	scan := func(lease string) lifecycle.Change {
		return lifecycle.Change{Event: lifecycle.Scan, Detail: lifecycle.Detail{LeaseID: lease}}
	}
	late := begin(t).approved().showing().after(10 * time.Minute)
	twice := begin(t).approved().showing()
	old := twice.v.Lease.ID
	twice.take(twice.again())
	failed := begin(t).approved()
	first := failed.face()
	failed.news(lifecycle.Fail, first)
	failed.face()
	done := begin(t).imported(lifecycle.ImportVerified)
	ended := begin(t).approved().showing().after(23 * time.Hour)
	for name, c := range map[string]struct {
		course *course
		change lifecycle.Change
	}{
		"scan at the end of the lease":       {late, scan(late.v.Lease.ID)},
		"scan of the lease before":           {twice, scan(old)},
		"scan of no lease":                   {begin(t), scan("x")},
		"the timer of the lease before":      {twice, lifecycle.Change{Event: lifecycle.Expire, Detail: lifecycle.Detail{LeaseID: old}}},
		"the timer after all is over":        {done, lifecycle.Change{Event: lifecycle.Expire, Detail: lifecycle.Detail{LeaseID: old}}},
		"a pass of an unknown attempt":       {failed, lifecycle.Change{Event: lifecycle.Pass, Detail: lifecycle.Detail{AttemptID: "x"}}},
		"a fail of the attempt before":       {failed, lifecycle.Change{Event: lifecycle.Fail, Detail: lifecycle.Detail{AttemptID: first}}},
		"a fail after the attempt's own end": {ended, lifecycle.Change{Event: lifecycle.Fail, Detail: lifecycle.Detail{AttemptID: ended.v.Attempts[0].ID}}},
		"a pass after verified":              {done, lifecycle.Change{Event: lifecycle.Pass, Detail: lifecycle.Detail{AttemptID: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, err := c.course.decide(c.change)
			require.NoError(t, err)
			require.Len(t, log, 1)
			require.True(t, log[0].Ignored)
			require.Equal(t, log[0].From, log[0].To)
			require.Equal(t, c.course.v.Seq+1, log[0].Seq)
			after, err := c.course.v.Fold(log...)
			require.NoError(t, err)
			before := c.course.v
			before.Seq = after.Seq
			require.Equal(t, before, after)
		})
	}
}

// TestALatePassStillVerifies: of an older attempt of the same information, wherever the merchant has got to.
func TestALatePassStillVerifies(t *testing.T) {
	t.Parallel()
	for name, further := range map[string]func(*course){
		"the attempt failed":      func(*course) {},
		"a second attempt lives":  func(c *course) { c.face() },
		"a second one was opened": func(c *course) { c.face(); c.scan() },
		"the second one expired":  func(c *course) { c.face(); c.after(11 * time.Minute).expire() },
		"locked":                  func(c *course) { c.news(lifecycle.Fail, c.face()) },
		"on the manual route":     func(c *course) { c.event(lifecycle.ChooseManual) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := begin(t).approved()
			first := c.face()
			c.news(lifecycle.Fail, first)
			further(c)
			watched := c.v.Watched(c.at)
			require.True(t, slices.ContainsFunc(watched, func(a lifecycle.Attempt) bool { return a.ID == first }), "still asked for")
			c.news(lifecycle.Pass, first)
			c.is(lifecycle.Verified)
			require.Equal(t, lifecycle.AttemptPassed, c.v.Attempt(first).Result)
		})
	}
}

// TestAPassFromBeforeNeverVerifies: of information or a consent that is no longer in force.
func TestAPassFromBeforeNeverVerifies(t *testing.T) {
	t.Parallel()
	correct := func(c *course) {
		c.take(lifecycle.Change{Event: lifecycle.Correct, Detail: lifecycle.Detail{Correction: "policy", Identity: c.identity()}})
		c.event(lifecycle.BeginReview).event(lifecycle.Approve)
	}
	for name, then := range map[string]func(*course){
		"a correction":                     correct,
		"a correction and a new attempt":   func(c *course) { correct(c); c.face() },
		"a withdrawal":                     func(c *course) { c.event(lifecycle.WithdrawConsent) },
		"a withdrawal and a new consent":   func(c *course) { c.event(lifecycle.WithdrawConsent); c.face() },
		"a revocation":                     func(c *course) { c.event(lifecycle.Revoke).approved() },
		"a revocation and an import":       func(c *course) { c.event(lifecycle.Revoke).imported(lifecycle.ImportApproved) },
		"a withdrawal on the manual route": func(c *course) { c.event(lifecycle.ChooseManual).event(lifecycle.WithdrawConsent) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := begin(t).approved()
			c.limits.AttemptsPerDay = 5
			first := c.face()
			then(c)
			state := c.v.State
			require.Contains(t, lifecycle.AllowedEvents(state), lifecycle.Pass, "the table alone would let it through")
			for _, a := range c.v.Watched(c.at) {
				require.NotEqual(t, first, a.ID, "no longer asked for")
			}
			require.True(t, c.news(lifecycle.Pass, first)[0].Ignored)
			c.is(state)
		})
	}
}

func TestOneOrderAtATime(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	first := c.face()
	lease := c.v.Lease.ID
	c.take(c.after(time.Minute).again())
	require.NotEqual(t, lease, c.v.Lease.ID)
	c.scan().take(c.again())
	c.is(lifecycle.QRIssued)
	require.Zero(t, c.v.Lease.ScannedAt, "a fresh lease")
	require.Len(t, c.v.Attempts, 1)
	c.after(11 * time.Minute).expire().is(lifecycle.Approved)
	require.Equal(t, first, c.v.Live(c.at).ID, "the provider's attempt lives on")
	require.NoError(t, c.v.CanStart(false, c.limits, c.at))
	c.until("2020-11-21 08:00:00")
	require.Nil(t, c.v.Live(c.at), "23 hours are over")
	require.Empty(t, c.v.Watched(c.at))
	require.NotEqual(t, first, c.face())
	require.Equal(t, 2, c.v.Started)
}

func TestCanStart(t *testing.T) {
	t.Parallel()
	last := begin(t).approved()
	last.news(lifecycle.Fail, last.face())
	last.take(last.order())
	for name, c := range map[string]struct {
		course  *course
		consent bool
		code    lifecycle.Code
	}{
		"approved, with a consent":              {begin(t).approved(), true, ""},
		"approved, without":                     {begin(t).approved(), false, "consent_required"},
		"consent in force":                      {begin(t).approved().tried(), false, ""},
		"not yet approved":                      {begin(t).submit(), true, "step_not_allowed"},
		"nothing of record":                     {begin(t).imported(lifecycle.ImportApproved), true, "step_not_allowed"},
		"locked":                                {locked(t), true, "attempts_exhausted"},
		"no attempts left, but one that lives":  {last, false, ""},
		"none left although the state is right": {begin(t).approved().allowing(0), true, "attempts_exhausted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.course.v.CanStart(c.consent, c.course.limits, c.course.at)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			var refusal *lifecycle.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.code, refusal.Code)
			if c.code == lifecycle.CodeAttemptsExhausted {
				require.Equal(t, beijing(t, "2020-11-21 00:00:00"), refusal.NextAt)
			}
		})
	}
}

func (c *course) allowing(attempts int) *course { c.limits.AttemptsPerDay = attempts; return c }

func TestReasons(t *testing.T) {
	t.Parallel()
	c := begin(t).submit().event(lifecycle.BeginReview).event(lifecycle.Reject)
	require.Equal(t, "because", c.v.Reason)
	require.Empty(t, c.submit().v.Reason)
	c.event(lifecycle.BeginReview).event(lifecycle.Approve)
	c.news(lifecycle.Fail, c.face())
	require.Equal(t, "face_fail", c.v.Reason)
	require.Empty(t, c.event(lifecycle.ChooseManual).v.Reason)
	require.Equal(t, "because", c.event(lifecycle.RejectManual).v.Reason)
	last := c.face()
	require.Empty(t, c.v.Reason)
	c.news(lifecycle.Fail, last)
	require.Equal(t, "face_fail", c.is(lifecycle.Locked).v.Reason, "why the attempt failed, not that it was the last")
	require.Empty(t, c.event(lifecycle.ChooseManual).v.Reason)
	c.take(lifecycle.Change{Event: lifecycle.CancelManual})
	require.Equal(t, "attempts_exhausted", c.is(lifecycle.Locked).v.Reason)
	require.Equal(t, "because", c.event(lifecycle.Revoke).v.Reason)
}

func TestCorrections(t *testing.T) {
	t.Parallel()
	correct := func(c *course, right string) *course {
		c.take(lifecycle.Change{Event: lifecycle.Correct, Detail: lifecycle.Detail{Correction: right, Identity: c.identity()}})
		return c.is(lifecycle.Submitted).event(lifecycle.BeginReview).event(lifecycle.Approve)
	}
	c := begin(t).approved().showing()
	correct(c, lifecycle.CorrectionByPolicy)
	require.Equal(t, 1, c.v.Corrections)
	require.Equal(t, 2, c.v.Revision)
	require.Nil(t, c.v.Lease)
	require.Nil(t, c.v.Live(c.at))
	correct(c, lifecycle.CorrectionBySupport)
	require.Equal(t, 1, c.v.Corrections, "support uses up no right")
	require.False(t, c.v.AttemptedUnder())
	c.submit().is(lifecycle.Submitted)
	require.Equal(t, 4, c.v.Revision)
}
