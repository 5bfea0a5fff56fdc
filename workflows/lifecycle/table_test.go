package lifecycle_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

const goldenDir = "../../testdata/lifecycle/"

// TestOutcomes holds the table against the one written by hand: every state with every event, once each.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(goldenDir + "outcomes.golden")
	require.NoError(t, err)
	want := map[[2]string]string{}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		require.Len(t, fields, 3, line)
		pair := [2]string{fields[0], fields[1]}
		require.NotContains(t, want, pair, "written twice")
		want[pair] = fields[2]
	}
	require.Len(t, want, len(lifecycle.States())*len(lifecycle.Events()))
	for _, state := range lifecycle.States() {
		for _, event := range lifecycle.Events() {
			to, outcome := lifecycle.Next(state, event)
			got := string(outcome)
			if outcome == lifecycle.Changes {
				got += ":" + string(to)
			} else {
				require.Equal(t, state, to, "%s/%s moves without changing", state, event)
			}
			require.Equal(t, want[[2]string{string(state), string(event)}], got, "%s/%s", state, event)
			require.Equal(t, outcome == lifecycle.Changes, slices.Contains(lifecycle.AllowedEvents(state), event), "%s/%s", state, event)
		}
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, event := range append(lifecycle.Events(), "", "Pass", "no such event") {
		for _, state := range []lifecycle.State{"", "Verified", "no such state"} {
			to, outcome := lifecycle.Next(state, event)
			require.Equal(t, lifecycle.Refused, outcome)
			require.Equal(t, state, to)
		}
	}
	for _, state := range lifecycle.States() {
		to, outcome := lifecycle.Next(state, "no such event")
		require.Equal(t, lifecycle.Refused, outcome)
		require.Equal(t, state, to)
	}
	require.Empty(t, lifecycle.AllowedEvents("no such state"))
	require.False(t, lifecycle.State("").Valid())
	require.Equal(t, lifecycle.TurnNone, lifecycle.State("no such state").Turn())
}

func TestStates(t *testing.T) {
	t.Parallel()
	want := map[lifecycle.State]lifecycle.Turn{
		"unverified": "merchant", "submitted": "operator", "under_review": "operator", "rejected": "merchant",
		"approved": "merchant", "qr_issued": "merchant", "scanned": "provider", "verified": "none",
		"face_failed": "merchant", "locked": "none", "manual_review": "operator",
	}
	require.Len(t, lifecycle.States(), len(want))
	for _, state := range lifecycle.States() {
		require.Contains(t, want, state)
		require.Equal(t, want[state], state.Turn(), state)
		require.Equal(t, want[state], lifecycle.Standing{State: state}.Turn())
		require.True(t, state.Valid())
	}
}

func TestEventsHaveTheirKind(t *testing.T) {
	t.Parallel()
	want := map[lifecycle.Event]lifecycle.Kind{
		"submit": "command", "correct": "command", "begin_review": "system", "approve": "command", "reject": "command",
		"issue_qr": "command", "scan": "news", "pass": "news", "fail": "news", "expire": "timer", "lock": "system",
		"unlock": "command", "choose_manual": "command", "cancel_manual": "command", "reject_manual": "command",
		"approve_manual": "command", "withdraw_consent": "command", "revoke": "command", "import_approved": "command",
		"import_verified": "command", "prompt": "system", "remind": "system", "restrict": "system", "lift": "system",
	}
	require.Len(t, lifecycle.Events(), len(want))
	for _, event := range lifecycle.Events() {
		require.Contains(t, want, event)
		require.Equal(t, want[event], event.Kind(), event)
	}
	require.Equal(t, lifecycle.KindCommand, lifecycle.Event("no such event").Kind())
}

func TestTransitionsNameKnownStatesAndEveryEvent(t *testing.T) {
	t.Parallel()
	seen := map[lifecycle.Event]bool{}
	for _, tr := range lifecycle.Transitions() {
		seen[tr.Event] = true
		require.Contains(t, lifecycle.Events(), tr.Event)
		for _, state := range append(slices.Clone(tr.From), tr.To) {
			require.True(t, state.Valid(), "%s names %q", tr.Event, state)
		}
	}
	require.Len(t, seen, len(lifecycle.Events()))
}

// TestAllowedEventsAreSorted also spoils each answer: it must be the caller's own.
func TestAllowedEventsAreSorted(t *testing.T) {
	t.Parallel()
	for _, state := range lifecycle.States() {
		first := lifecycle.AllowedEvents(state)
		require.NotEmpty(t, first)
		require.True(t, slices.IsSorted(first), "%v", first)
		clear(lifecycle.AllowedEvents(state))
		require.Equal(t, first, lifecycle.AllowedEvents(state))
	}
}
