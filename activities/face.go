package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Hints tells when the merchant's phone came back from the provider. That proves nothing; it says "ask now".
type Hints interface {
	Returned(ctx context.Context, attemptID string) (time.Time, error)
	ReturnedChanged(ctx context.Context, attemptID string) (<-chan struct{}, error)
}

// Polling are the clocks of waiting for a face result.
type Polling struct {
	Quick      time.Duration // between queries at first
	QuickFor   time.Duration // how long at first lasts
	Slow       time.Duration // between queries afterwards
	Others     time.Duration // between queries of older attempts that may still pass
	Grace      time.Duration // after the phone came back, how long "not passed" may still turn into "passed"
	Heartbeats time.Duration // between heartbeats; each one is billed, so seldom, but within the heartbeat timeout
}

// DefaultPolling asks every 2 s for 2 minutes, then every 15 s.
func DefaultPolling() Polling {
	return Polling{
		Quick: 2 * time.Second, QuickFor: 2 * time.Minute, Slow: 15 * time.Second, Others: time.Minute,
		Grace: 5 * time.Second, Heartbeats: 55 * time.Second,
	}
}

// Face are the activities on the face provider. They may hang, so they are ordinary activities.
type Face struct {
	Provider  face.Provider
	Subjects  Subjects
	IsGone    func(error) bool // the vault has no such record any more
	Hints     Hints
	ReturnURL func(attemptID string) string
	Polling   Polling
	Now       func() time.Time // business clock
	Heartbeat func(ctx context.Context)
	Stopping  func(ctx context.Context) <-chan struct{} // closed when the worker is about to stop
	Logger    *slog.Logger
}

// StartFaceInput orders one attempt under one order number, which is never used twice.
type StartFaceInput struct {
	AccountID   string `json:"account_id"`
	AttemptID   string `json:"attempt_id"`
	OrderNo     string `json:"order_no"`
	IdentityRef string `json:"identity_ref"`
	ConsentID   string `json:"consent_id"`
}

// StartFaceResult is the provider's order.
type StartFaceResult struct {
	Provider    string    `json:"provider"`
	ProviderRef string    `json:"provider_ref"`
	StartedAt   time.Time `json:"started_at"`
	EndsAt      time.Time `json:"ends_at"`
	ResultBy    time.Time `json:"result_by"`
}

// StartFace places the order. It runs once per order number: an answer that was lost is abandoned, because the
// provider does not promise that a number asked for twice is one order.
func (f *Face) StartFace(ctx context.Context, in StartFaceInput) (StartFaceResult, error) {
	subject, err := f.Subjects.Subject(ctx, in.AccountID, in.IdentityRef)
	switch {
	case err != nil && f.IsGone(err):
		return StartFaceResult{}, giveUp(contract.ErrTypeProviderRefused, "the real-name information is gone")
	case err != nil:
		f.Logger.WarnContext(ctx, "vault does not answer", "op", "start_face")
		return StartFaceResult{}, tryAgain("store_unavailable", "the vault does not answer")
	}
	name, kind, number := subject.Reveal()
	session, err := f.Provider.Start(ctx, face.StartRequest{
		AttemptID: in.AttemptID, OrderNo: in.OrderNo, ConsentID: in.ConsentID, ReturnURL: f.ReturnURL(in.AttemptID),
		Subject: face.Subject{Name: name, DocType: face.DocType(kind), DocNo: number},
	})
	if err != nil {
		f.Logger.WarnContext(ctx, "provider did not take the order", "attempt_id", in.AttemptID, "error", err)
		if errors.Is(err, face.ErrUserInput) || errors.Is(err, face.ErrUnsupported) {
			return StartFaceResult{}, giveUp(contract.ErrTypeProviderRefused, "the provider refuses the information")
		}
		return StartFaceResult{}, giveUp(contract.ErrTypeProviderUnavailable, "the provider did not take the order")
	}
	return StartFaceResult{
		Provider: f.Provider.Name(), ProviderRef: session.Ref.ProviderRef, StartedAt: session.StartedAt,
		EndsAt: session.ExpiresAt, ResultBy: session.ResultBy,
	}, nil
}

// Verdict is what is known of one attempt.
type Verdict string

const (
	VerdictPassed Verdict = "passed"
	VerdictFailed Verdict = "failed" // by evidence; "not passed" alone is VerdictOpen
	VerdictOpen   Verdict = "open"   // no result yet
)

// Answer is a verdict on one attempt with its evidence.
type Answer struct {
	AttemptID string             `json:"attempt_id"`
	Verdict   Verdict            `json:"verdict"`
	Reason    string             `json:"reason,omitempty"`
	Evidence  lifecycle.Evidence `json:"evidence"`
}

// Asked names an attempt at the provider.
type Asked struct {
	AttemptID   string `json:"attempt_id"`
	OrderNo     string `json:"order_no"`
	ProviderRef string `json:"provider_ref"`
}

// AskedOf names attempts.
func AskedOf(attempts []lifecycle.Attempt) []Asked {
	asked := make([]Asked, len(attempts))
	for i, a := range attempts {
		asked[i] = Asked{AttemptID: a.ID, OrderNo: a.OrderNo, ProviderRef: a.ProviderRef}
	}
	return asked
}

// QueryFaceInput asks for attempts, newest last.
type QueryFaceInput struct {
	Attempts []Asked `json:"attempts"`
}

// QueryFaceResult has an answer per attempt, or the first verdict that ends the question.
type QueryFaceResult struct {
	Answers []Answer `json:"answers"`
}

// QueryFace asks the provider once for each attempt.
func (f *Face) QueryFace(ctx context.Context, in QueryFaceInput) (QueryFaceResult, error) {
	var out QueryFaceResult
	for _, a := range in.Attempts {
		answer, err := f.ask(ctx, a)
		if err != nil {
			f.Logger.WarnContext(ctx, "provider does not answer", "attempt_id", a.AttemptID, "error", err)
			return QueryFaceResult{}, tryAgain(contract.ErrTypeProviderUnavailable, "the provider does not answer")
		}
		out.Answers = append(out.Answers, answer)
	}
	return out, nil
}

// ask turns one query into a verdict. "Not passed" becomes a failure only by our own evidence: the phone came
// back, the grace is over, and the provider still says no.
func (f *Face) ask(ctx context.Context, a Asked) (Answer, error) {
	returnedAt, err := f.Hints.Returned(ctx, a.AttemptID)
	if err != nil {
		return Answer{}, err
	}
	outcome, err := f.Provider.Query(ctx, face.Ref{ProviderRef: a.ProviderRef, OrderNo: a.OrderNo})
	answer := Answer{AttemptID: a.AttemptID, Verdict: VerdictOpen, Evidence: lifecycle.Evidence{
		Provider: f.Provider.Name(), Code: outcome.Code, Digest: outcome.Digest, At: outcome.CheckedAt,
	}}
	switch {
	case errors.Is(err, face.ErrUnknownRef), errors.Is(err, face.ErrRefExpired):
		answer.Verdict, answer.Reason, answer.Evidence.At = VerdictFailed, "attempt_ended", f.Now()
		return answer, nil
	case err != nil:
		return Answer{}, err
	}
	switch outcome.State {
	case face.StatePassed:
		answer.Verdict = VerdictPassed
	case face.StateFailed:
		answer.Verdict, answer.Reason = VerdictFailed, string(outcome.Reason)
	case face.StateExpired:
		answer.Verdict, answer.Reason = VerdictFailed, "attempt_ended"
	case face.StateNotPassed:
		if !returnedAt.IsZero() && !outcome.CheckedAt.Before(returnedAt.Add(f.Polling.Grace)) {
			answer.Verdict, answer.Reason, answer.Evidence.Returned = VerdictFailed, "face_not_passed", true
		}
	case face.StatePending:
	}
	return answer, nil
}
