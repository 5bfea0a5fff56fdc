// Package storetest checks whoever satisfies store.Store: every method, its boundaries, concurrent writers, and random
// interleavings against a small reference model.
package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Opener opens a migrated store over the data in dir, which is empty the first time, and closes it when the test ends.
// Opened again with the same dir it answers from the same data. The clock is now.
type Opener func(t *testing.T, dir string, now func() time.Time) store.Store

// Run runs the whole suite.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *harness){
		"Accounts":     testAccounts,
		"Audit":        testAudit,
		"AuditOrder":   testAuditOrder,
		"AuditCheck":   testAuditCheck,
		"LogsCheck":    testLogsCheck,
		"Checkpoints":  testCheckpoints,
		"Batch":        testBatch,
		"Bulk":         testBulk,
		"Newcomers":    testNewcomers,
		"Imports":      testImports,
		"Facts":        testFacts,
		"Population":   testPopulation,
		"Campaigns":    testCampaigns,
		"Extensions":   testExtensions,
		"Verdicts":     testVerdicts,
		"OneVerdict":   testOneVerdict,
		"Batches":      testBatches,
		"Listed":       testListedExtensions,
		"Revoked":      testRevokedTravel,
		"Closing":      testClosing,
		"Versions":     testVersions,
		"ClosedSteps":  testClosedSteps,
		"Travel":       testTravel,
		"TravelPast":   testTravelIntoImportedPast,
		"Append":       testAppend,
		"AppendAll":    testAppendAll,
		"AllDerived":   testAppendAllDerives,
		"AllAtOnce":    testAppendAllAtOnce,
		"Refused":      testRefusedAppends,
		"Details":      testDetails,
		"Lists":        testLists,
		"Crowd":        testAccountLists,
		"BadLists":     testListRefusals,
		"Elsewhere":    testElsewhere,
		"Changed":      testChanged,
		"Writers":      testWriters,
		"SameChange":   testSameChange,
		"Model":        testModel,
		"ClockBack":    testClockBack,
		"Hints":        testHints,
		"Entries":      testEntries,
		"Shown":        testAttemptsAndConsents,
		"ConsentKinds": testConsentKinds, "ConsentNotes": testConsentNotes, "LogLines": testLogLines,
		"Enforce":      testEnforce,
		"Refusals":     testEnforceRefusals,
		"SweepTwice":   testEnforceTwice,
		"Restricted":   testRestrictionLists,
		"Sweeps":       testSweeps,
		"Policies":     testPolicies,
		"Proposals":    testProposals,
		"Rulers":       testRulers,
		"Brakes":       testBrakes,
		"Observed":     testObserved,
		"Blocks":       testBlocks,
		"Requests":     testRequests,
		"Keys":         testKeys,
		"KeyChanges":   testKeyChanges,
		"Operators":    testOperators,
		"People":       testOperatorChanges,
		"LastAdmin":    testLastAdminRace,
		"SignedIn":     testOperatorSessions,
		"Links":        testLinks,
		"Contacts":     testContacts,
		"Notices":      testNotices,
		"OneSends":     testOneSends,
		"Prompts":      testPrompts,
		"OneOpens":     testOneOpens,
		"RevokedLinks": testRevokedLinks,
		"Webhooks":     testWebhooks,
		"Secrets":      testWebhookSecrets,
		"FanOut":       testFanOut,
		"Order":        testDeliveryOrder,
		"Claims":       testClaims,
		"Redeliver":    testRedeliver,
		"Range":        testRedeliverRange,
		"Forget":       testForgetDeliveries,
		"Figures":      testFigures,
		"Tally":        testTally,
		"TallyOnce":    testTallyOnce,
		"Queues":       testQueues,
		"Pages":        testReviewPages,
		"Leases":       testReviewClaims,
		"Next":         testNextReview,
		"Steps":        testReviewSteps,
		"OneClaims":    testOneClaims,
		"LeaseModel":   testReviewModel,
		"SameNumber":   testSameIdentity,
		"Erasures":     testErasures,
		"Evidence":     testEvidence,
		"EvidenceDue":  testEvidenceDue,
		"Seen":         testSeen,
		"SeenAtOnce":   testSeenAtOnce,
		"FirstSeen":    testFirstApprovalSeen,
		"Restart":      testRestart,
		"Cancelled":    testCancelled,
		"ClosedStore":  testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &Clock{at: at(0)}
			dir := t.TempDir()
			test(t, &harness{Store: open(t, dir, clock.Now), clock: clock, again: func() store.Store { return open(t, dir, clock.Now) }})
		})
	}
}

type harness struct {
	store.Store
	clock *Clock
	again func() store.Store // opens the same data once more
}

// Clock is a clock that moves by a millisecond whenever it is read, so that no two writes share an instant.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now returns the instant and moves on.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

// Set moves the clock.
func (c *Clock) Set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = to
}

// at returns the nth minute of the suite's day, in a zone with an offset.
func at(minute int) time.Time {
	return time.Date(2020, 11, 20, 9, minute, 0, 0, lifecycle.Beijing())
}

var operator = lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op-1"}

func facts(id string) policy.Account {
	return policy.Account{
		ID: id, Kind: policy.KindIndividual, Region: "CN",
		RegisteredAt: time.Date(2020, 11, 16, 23, 59, 59, 999999999, lifecycle.Beijing()),
	}
}

func (h *harness) register(t *testing.T, id string) store.Account {
	t.Helper()
	a, result, err := h.PutAccount(t.Context(), store.PutAccount{Account: facts(id), Actor: operator}, false)
	require.NoError(t, err)
	require.Equal(t, store.Created, result)
	return a
}

// append appends drafts to the present head and returns what was written.
func (h *harness) append(t *testing.T, id, changeID string, drafts ...lifecycle.Change) []lifecycle.Change {
	t.Helper()
	v, err := h.Head(t.Context(), id)
	require.NoError(t, err)
	got, err := h.Append(t.Context(), lifecycle.Append{AccountID: id, ChangeID: changeID, Head: v.Seq, Known: v.Seq, Changes: drafts})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Appended, got.Outcome)
	require.Len(t, got.Written, len(drafts))
	return got.Written
}

func change(e lifecycle.Event, minute int) lifecycle.Change {
	return lifecycle.Change{Event: e, At: at(minute), Actor: operator}
}

func submit(minute int, digest string) lifecycle.Change {
	c := change(lifecycle.Submit, minute)
	c.Detail.Identity = &lifecycle.Identity{Ref: "subject-1", Digest: digest}
	return c
}

// issue is a QR for attempt n of an account, with a consent if it is the first.
func issue(id string, n, minute int) lifecycle.Change {
	c := change(lifecycle.IssueQR, minute)
	attempt := fmt.Sprintf("%s-attempt-%d", id, n)
	c.Detail.Attempt = &lifecycle.Attempt{
		ID: attempt, Number: n, Provider: "test", OrderNo: id + "O" + fmt.Sprint(n), Revision: 1,
		StartedAt: at(minute), EndsAt: at(minute).Add(23 * time.Hour), ResultBy: at(minute).AddDate(0, 3, 0),
	}
	c.Detail.Lease = &lifecycle.Lease{
		ID: fmt.Sprintf("%s-lease-%d", id, n), AttemptID: attempt, IssuedAt: at(minute), ExpiresAt: at(minute).Add(10 * time.Minute),
	}
	if n == 1 {
		c.Detail.Consent = &lifecycle.Consent{ID: id + "-consent", TextVersion: "1", Language: "zh-CN", AgreedAt: at(minute)}
	}
	return c
}

func result(e lifecycle.Event, id string, n, minute int) lifecycle.Change {
	c := change(e, minute)
	c.Actor = lifecycle.Actor{Kind: lifecycle.ActorProvider}
	c.Detail.AttemptID = fmt.Sprintf("%s-attempt-%d", id, n)
	return c
}

// approve brings an account to approved.
func (h *harness) approve(t *testing.T, id, digest string) {
	t.Helper()
	h.append(t, id, "approve-"+id, submit(1, digest), change(lifecycle.BeginReview, 2), change(lifecycle.Approve, 3))
}

// same compares instants as instants, whatever their offset.
func same(t require.TestingT, want, got any) {
	equalTimes := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	require.Empty(t, cmp.Diff(want, got, equalTimes, cmpopts.EquateEmpty()))
}
