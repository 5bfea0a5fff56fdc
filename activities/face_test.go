package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/workflows/realname"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a provider whose answer to a query depends on the order and on the time since the test began.
type scripted struct {
	face.Provider
	query   func(ref face.Ref) (face.Outcome, error)
	started []face.StartRequest
	err     error
	mu      sync.Mutex
	asked   map[string]int
}

func (s *scripted) Name() string { return "scripted" }

func (s *scripted) Start(_ context.Context, r face.StartRequest) (face.Session, error) {
	s.started = append(s.started, r)
	return face.Session{Ref: face.Ref{ProviderRef: "ref", OrderNo: r.OrderNo}, StartedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}, s.err
}

func (s *scripted) Query(_ context.Context, ref face.Ref) (face.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[ref.OrderNo]++
	return s.query(ref)
}

// hints is a phone that comes back when mark is called.
type hints struct {
	mu   sync.Mutex
	at   time.Time
	wake chan struct{}
}

func newHints() *hints { return &hints{wake: make(chan struct{}, 1)} }

func (h *hints) mark() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = time.Now()
	h.wake <- struct{}{}
}

func (h *hints) Returned(context.Context, string) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at, nil
}

func (h *hints) ReturnedChanged(context.Context, string) (<-chan struct{}, error) { return h.wake, nil }

type subjects struct {
	subject realname.Subject
	err     error
}

func (s subjects) Subject(context.Context, string, string) (realname.Subject, error) {
	return s.subject, s.err
}

var errGone = errors.New("gone")

func newFace(provider *scripted, h *hints, beats *int) *activities.Face {
	return &activities.Face{
		Provider: provider, Hints: h, Polling: activities.DefaultPolling(), Now: time.Now,
		Subjects:  subjects{subject: realname.Restore("张三", "cn_id", "110101199003070011")},
		IsGone:    func(err error) bool { return errors.Is(err, errGone) },
		ReturnURL: func(id string) string { return "https://example.com/r/" + id },
		Heartbeat: func(context.Context) { *beats++ }, Logger: slog.New(slog.DiscardHandler),
		Stopping: func(context.Context) <-chan struct{} { return nil },
	}
}

func notPassed(face.Ref) (face.Outcome, error) {
	return face.Outcome{State: face.StateNotPassed, CheckedAt: time.Now()}, nil
}

func passedAfter(d time.Duration) func(face.Ref) (face.Outcome, error) {
	begun := time.Now()
	return func(ref face.Ref) (face.Outcome, error) {
		if time.Since(begun) >= d {
			return face.Outcome{State: face.StatePassed, CheckedAt: time.Now(), Digest: "d"}, nil
		}
		return notPassed(ref)
	}
}

func await(until time.Duration) activities.AwaitFaceInput {
	return activities.AwaitFaceInput{Current: activities.Asked{AttemptID: "now", OrderNo: "now"}, Until: time.Now().Add(until)}
}

func TestAwaitFindsThePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, begun := 0, time.Now()
		f := newFace(&scripted{query: passedAfter(89 * time.Second)}, newHints(), &beats)
		answer, err := f.AwaitFace(t.Context(), await(10*time.Minute))
		require.NoError(t, err)
		require.Equal(t, activities.VerdictPassed, answer.Verdict)
		require.Equal(t, "d", answer.Evidence.Digest)
		require.Equal(t, 90*time.Second, time.Since(begun), "found at the next quick poll")
		require.Equal(t, 1, beats, "a minute and a half of waiting costs one heartbeat")
	})
}

func TestAwaitEndsWithTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, begun := 0, time.Now()
		provider := &scripted{query: notPassed}
		answer, err := newFace(provider, newHints(), &beats).AwaitFace(t.Context(), await(10*time.Minute))
		require.NoError(t, err)
		require.Equal(t, activities.VerdictOpen, answer.Verdict, "not passed alone is never a failure")
		require.Equal(t, 10*time.Minute, time.Since(begun))
		require.LessOrEqual(t, beats, 10, "at most one Action per waiting minute")
		require.Equal(t, 60+32+1, provider.asked["now"], "every 2 s for 2 min, then every 15 s, and once at the end")
	})
}

func TestAwaitFailsByEvidenceOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, h := 0, newHints()
		begun := time.Now()
		time.AfterFunc(200*time.Second, h.mark)
		answer, err := newFace(&scripted{query: notPassed}, h, &beats).AwaitFace(t.Context(), await(10*time.Minute))
		require.NoError(t, err)
		require.Equal(t, activities.VerdictFailed, answer.Verdict)
		require.True(t, answer.Evidence.Returned)
		require.WithinDuration(t, begun.Add(205*time.Second), time.Now(), time.Second, "the phone came back and the grace is over")
	})
}

func TestAwaitWakesWhenThePhoneComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, h := 0, newHints()
		begun := time.Now()
		time.AfterFunc(302*time.Second, h.mark)
		answer, err := newFace(&scripted{query: passedAfter(301 * time.Second)}, h, &beats).AwaitFace(t.Context(), await(10*time.Minute))
		require.NoError(t, err)
		require.Equal(t, activities.VerdictPassed, answer.Verdict)
		require.Equal(t, 302*time.Second, time.Since(begun), "no slow poll is waited for")
	})
}

func TestAwaitOutlivesAProviderThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, begun := 0, time.Now()
		provider := &scripted{query: func(ref face.Ref) (face.Outcome, error) {
			if time.Since(begun) < time.Minute {
				return face.Outcome{}, &face.Error{Class: face.ErrTransient}
			}
			return passedAfter(0)(ref)
		}}
		answer, err := newFace(provider, newHints(), &beats).AwaitFace(t.Context(), await(10*time.Minute))
		require.NoError(t, err)
		require.Equal(t, activities.VerdictPassed, answer.Verdict)
	})
}

func TestAwaitFindsALatePassOfAnOlderAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats := 0
		provider := &scripted{query: func(ref face.Ref) (face.Outcome, error) {
			if ref.OrderNo == "old" {
				return passedAfter(0)(ref)
			}
			return notPassed(ref)
		}}
		in := await(10 * time.Minute)
		in.Others = []activities.Asked{{AttemptID: "old", OrderNo: "old"}}
		answer, err := newFace(provider, newHints(), &beats).AwaitFace(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, "old", answer.AttemptID)
		require.Equal(t, activities.VerdictPassed, answer.Verdict)
	})
}

func TestAwaitStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats := 0
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		_, err := newFace(&scripted{query: notPassed}, newHints(), &beats).AwaitFace(ctx, await(10*time.Minute))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// TestAwaitHandsOverWhenItsWorkerStops: the engine has another worker go on at once, not after the heartbeat timeout.
func TestAwaitHandsOverWhenItsWorkerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats, begun, stopping := 0, time.Now(), make(chan struct{})
		f := newFace(&scripted{query: notPassed}, newHints(), &beats)
		f.Stopping = func(context.Context) <-chan struct{} { return stopping }
		time.AfterFunc(7*time.Second, func() { close(stopping) })
		_, err := f.AwaitFace(t.Context(), await(10*time.Minute))
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.False(t, failure.NonRetryable())
		require.Equal(t, time.Second, failure.NextRetryDelay())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, failure.Category())
		require.Equal(t, 7*time.Second, time.Since(begun))
	})
}

func TestQueryVerdicts(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		outcome face.Outcome
		err     error
		want    activities.Verdict
		reason  string
		fails   bool
	}{
		{name: "passed", outcome: face.Outcome{State: face.StatePassed}, want: activities.VerdictPassed},
		{name: "not passed", outcome: face.Outcome{State: face.StateNotPassed}, want: activities.VerdictOpen},
		{name: "pending", outcome: face.Outcome{State: face.StatePending}, want: activities.VerdictOpen},
		{name: "failed", outcome: face.Outcome{State: face.StateFailed, Reason: face.ReasonFace}, want: activities.VerdictFailed, reason: "face_mismatch"},
		{name: "expired", outcome: face.Outcome{State: face.StateExpired}, want: activities.VerdictFailed, reason: "attempt_ended"},
		{name: "unknown reference", err: &face.Error{Class: face.ErrUnknownRef}, want: activities.VerdictFailed, reason: "attempt_ended"},
		{name: "too old", err: &face.Error{Class: face.ErrRefExpired}, want: activities.VerdictFailed, reason: "attempt_ended"},
		{name: "bad signature", err: &face.Error{Class: face.ErrSignature}, fails: true},
		{name: "transient", err: &face.Error{Class: face.ErrTransient}, fails: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			beats := 0
			f := newFace(&scripted{query: func(face.Ref) (face.Outcome, error) { return c.outcome, c.err }}, newHints(), &beats)
			result, err := f.QueryFace(t.Context(), activities.QueryFaceInput{Attempts: []activities.Asked{{AttemptID: "a"}}})
			if c.fails {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Len(t, result.Answers, 1)
			require.Equal(t, c.want, result.Answers[0].Verdict)
			require.Equal(t, c.reason, result.Answers[0].Reason)
		})
	}
}

func TestStartFace(t *testing.T) {
	t.Parallel()
	in := activities.StartFaceInput{AccountID: "a1", AttemptID: "at1", OrderNo: "o1", IdentityRef: "r1", ConsentID: "c1"}
	t.Run("orders under the number given", func(t *testing.T) {
		t.Parallel()
		beats, provider := 0, &scripted{}
		got, err := newFace(provider, newHints(), &beats).StartFace(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, "ref", got.ProviderRef)
		require.Equal(t, "o1", provider.started[0].OrderNo)
		require.Equal(t, "c1", provider.started[0].ConsentID)
		require.Equal(t, "https://example.com/r/at1", provider.started[0].ReturnURL)
	})
	for name, class := range map[string]error{"uncertain": face.ErrUncertain, "refused": face.ErrUserInput, "configuration": face.ErrConfig} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beats := 0
			_, err := newFace(&scripted{err: &face.Error{Class: class}}, newHints(), &beats).StartFace(t.Context(), in)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "张三")
		})
	}
	t.Run("information gone", func(t *testing.T) {
		t.Parallel()
		beats, provider := 0, &scripted{}
		f := newFace(provider, newHints(), &beats)
		f.Subjects = subjects{err: errGone}
		_, err := f.StartFace(t.Context(), in)
		require.Error(t, err)
		require.Empty(t, provider.started, "nothing was ordered")
	})
}
