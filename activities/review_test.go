package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

type elsewhere struct {
	found bool
	err   error
}

func (e elsewhere) VerifiedElsewhere(context.Context, string, string) (bool, error) {
	return e.found, e.err
}

type rules struct {
	review policy.Review
	right  policy.Correction
	err    error
}

func (r rules) Review(context.Context, string, time.Time) (policy.Review, error) {
	return r.review, r.err
}

func (r rules) Correction(context.Context, string, time.Time) (policy.Correction, error) {
	return r.right, r.err
}

func at() time.Time { return time.Date(2020, 12, 1, 20, 0, 0, 0, lifecycle.Beijing()) }

func TestCheckIdentity(t *testing.T) {
	t.Parallel()
	auto := policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18}
	strict := policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18, DuplicateNumber: policy.DuplicateReject}
	adult := realname.Restore("张三", "cn_id", "110101199003070011")
	cases := []struct {
		name    string
		subject subjects
		rules   policy.Review
		found   bool
		want    activities.CheckVerdict
		reason  string
	}{
		{"adult", subjects{subject: adult}, auto, false, activities.CheckApprove, ""},
		{"minor", subjects{subject: realname.Restore("李四", "cn_id", "110101201201010028")}, auto, false, activities.CheckReject, "under_14"},
		{"wrong check digit", subjects{subject: realname.Restore("李四", "cn_id", "110105194912310021")}, auto, false, activities.CheckReject, "check_digit_wrong"},
		{"private use character", subjects{subject: realname.Restore("张\ue000", "cn_id", "110101199003070011")}, auto, false, activities.CheckReviewer, ""},
		{"verified elsewhere", subjects{subject: adult}, auto, true, activities.CheckReviewer, ""},
		{"verified elsewhere, strict", subjects{subject: adult}, strict, true, activities.CheckReject, activities.FindingDuplicateNumber},
		{"no rule of its own: a person decides", subjects{subject: adult}, policy.Review{}, false, activities.CheckReviewer, ""},
		{"deleted meanwhile", subjects{err: errGone}, auto, false, activities.CheckReject, activities.FindingInfoMissing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &activities.Review{
				Subjects: c.subject, Duplicates: elsewhere{found: c.found}, Rules: rules{review: c.rules},
				IsGone: func(err error) bool { return errors.Is(err, errGone) }, Logger: slog.New(slog.DiscardHandler),
			}
			result, err := r.CheckIdentity(t.Context(), activities.CheckInput{AccountID: "a1", IdentityRef: "r", Digest: "d", At: at()})
			require.NoError(t, err)
			require.Equal(t, c.want, result.Verdict, "%v", result)
			if c.reason != "" {
				require.Equal(t, c.reason, result.Reason)
			}
			require.Equal(t, c.want == activities.CheckApprove, len(result.Findings) == 0, "what speaks against is named")
		})
	}
}

func TestCheckIdentityNeverGuesses(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	adult := subjects{subject: realname.Restore("张三", "cn_id", "110101199003070011")}
	for name, r := range map[string]*activities.Review{
		"vault":      {Subjects: subjects{err: down}, Duplicates: elsewhere{}, Rules: rules{}},
		"duplicates": {Subjects: adult, Duplicates: elsewhere{err: down}, Rules: rules{}},
		"rules":      {Subjects: adult, Duplicates: elsewhere{}, Rules: rules{err: down}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.IsGone, r.Logger = func(err error) bool { return errors.Is(err, errGone) }, slog.New(slog.DiscardHandler)
			_, err := r.CheckIdentity(t.Context(), activities.CheckInput{AccountID: "a1", At: at()})
			require.Error(t, err)
			require.NotErrorIs(t, err, down, "a cause would be stored in histories")
		})
	}
}

func TestCorrectionRight(t *testing.T) {
	t.Parallel()
	window := policy.Correction{Mode: policy.CorrectionOnce, From: at(), Before: at().AddDate(0, 0, 14)}
	r := &activities.Records{Rules: rules{right: window}, IsGone: func(error) bool { return false }, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		name string
		at   time.Time
		used int
		want bool
	}{
		{"first instant", at(), 0, true},
		{"an instant before", at().Add(-time.Nanosecond), 0, false},
		{"the end is not included", at().AddDate(0, 0, 14), 0, false},
		{"used up", at().Add(time.Hour), 1, false},
	} {
		granted, err := r.CorrectionRight(t.Context(), activities.CorrectionInput{AccountID: "a1", At: c.at, Used: c.used})
		require.NoError(t, err)
		require.Equal(t, c.want, granted, c.name)
	}
}
