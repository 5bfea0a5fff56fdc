package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		course *course
		want   string
	}{
		"unverified":                 {begin(t), "refresh submit"},
		"submitted":                  {begin(t).submit(), "refresh revoke"},
		"under review":               {begin(t).submit().event(lifecycle.BeginReview), "refresh review revoke"},
		"rejected":                   {begin(t).submit().event(lifecycle.BeginReview).event(lifecycle.Reject), "refresh revoke submit"},
		"approved":                   {begin(t).approved(), "choose_manual correct refresh revoke start_face submit"},
		"approved by import":         {begin(t).imported(lifecycle.ImportApproved), "choose_manual correct refresh revoke submit"},
		"approved, after an attempt": {begin(t).approved().tried(), "choose_manual correct refresh revoke start_face withdraw_consent"},
		"QR shown":                   {begin(t).approved().showing(), "choose_manual correct refresh revoke start_face withdraw_consent"},
		"scanned":                    {begin(t).approved().showing().scan(), "choose_manual correct refresh revoke start_face withdraw_consent"},
		"face failed":                {begin(t).approved().failedAs("a"), "choose_manual correct refresh revoke start_face withdraw_consent"},
		"locked":                     {locked(t), "choose_manual correct refresh revoke unlock withdraw_consent"},
		"manual route":               {begin(t).approved().event(lifecycle.ChooseManual), "cancel_manual correct manual_decision refresh revoke"},
		"verified by import":         {begin(t).imported(lifecycle.ImportVerified), "refresh revoke"},
		"revoked":                    {begin(t).imported(lifecycle.ImportVerified).event(lifecycle.Revoke), "refresh submit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range c.course.v.Steps() {
				got = append(got, string(s))
			}
			require.True(t, slices.IsSorted(got))
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
}

func TestWatchedAndLive(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	require.Empty(t, c.v.Watched(c.at))
	require.Nil(t, c.v.Live(c.at))
	first := c.face()
	end := c.v.Attempt(first).EndsAt
	require.NotNil(t, c.v.Live(end.Add(-1)))
	require.Nil(t, c.v.Live(end), "the instant of the end is outside")
	require.Len(t, c.v.Watched(end.Add(-1)), 1)
	require.Empty(t, c.v.Watched(end))
	c.after(time.Minute).news(lifecycle.Fail, first)
	require.Nil(t, c.v.Live(c.at))
	require.Len(t, c.v.Watched(c.at), 1, "the provider may yet change its mind")
	second := c.face()
	require.Equal(t, second, c.v.Live(c.at).ID)
	watched := c.v.Watched(c.at)
	require.Equal(t, []string{first, second}, []string{watched[0].ID, watched[1].ID})
	require.Nil(t, c.v.Attempt("x"))
}
