package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/contract"
)

func TestRunIDs(t *testing.T) {
	t.Parallel()
	run := contract.RemindersRun("wishpost-2020.v1", "2020-12-04T00:00:00Z")
	name, err := contract.RemindersPolicy(run)
	require.NoError(t, err)
	require.Equal(t, "wishpost-2020.v1", name)
	back, err := contract.RemindersRunOf(contract.RemindersID(run))
	require.NoError(t, err)
	require.Equal(t, run, back)
	for _, bad := range []string{"", "p", "p:", ":1", "P:1", "p:a b", "p:a/b", "p:" + strings.Repeat("x", 101)} {
		_, err := contract.RemindersPolicy(bad)
		require.ErrorIs(t, err, contract.ErrRunID, bad)
		_, err = contract.RemindersRunOf(contract.RemindersID(bad))
		require.ErrorIs(t, err, contract.ErrRunID, bad)
	}
	_, err = contract.RemindersRunOf("verification/p:1")
	require.ErrorIs(t, err, contract.ErrRunID)
}

func TestCountsAdd(t *testing.T) {
	t.Parallel()
	a := contract.ReminderCounts{Seen: 1, Due: 2, Already: 3, Written: 4, Sent: 5, NoContact: 6, Waiting: 7, Failed: 8, Outdated: 9, Off: 10,
		Milestones: map[string]int{"P7D": 1}}
	b := contract.ReminderCounts{Seen: 1, Due: 1, Already: 1, Written: 1, Sent: 1, NoContact: 1, Waiting: 1, Failed: 1, Outdated: 1, Off: 1,
		Milestones: map[string]int{"P7D": 1, "P3D": 1}}
	require.Equal(t, contract.ReminderCounts{Seen: 2, Due: 3, Already: 4, Written: 5, Sent: 6, NoContact: 7, Waiting: 8, Failed: 9, Outdated: 10,
		Off: 11, Milestones: map[string]int{"P7D": 2, "P3D": 1}}, a.Plus(b))
	require.Equal(t, map[string]int{"P7D": 1}, a.Milestones, "the terms stay as they are")
	require.Equal(t, b, contract.ReminderCounts{}.Plus(b))
}
