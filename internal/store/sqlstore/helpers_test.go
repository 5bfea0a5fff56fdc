package sqlstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func minute(n int) time.Time { return time.Date(2020, 11, 20, 1, n, 0, 0, time.UTC) }

func register(t testing.TB, s *sqlstore.Store, id string) {
	t.Helper()
	_, _, err := s.PutAccount(t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)},
	}, false)
	require.NoError(t, err)
}

// prompt is an append that fits every head.
func prompt(id, changeID string) lifecycle.Append {
	return lifecycle.Append{
		AccountID: id, ChangeID: changeID, Head: lifecycle.AnyHead,
		Changes: []lifecycle.Change{{Event: lifecycle.Prompt, At: minute(1), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}},
	}
}

// course brings an account to verified, through every table that is derived from the log.
func course(t testing.TB, s *sqlstore.Store, id string) {
	t.Helper()
	step := func(changeID string, drafts ...lifecycle.Change) {
		t.Helper()
		_, err := s.Append(t.Context(), lifecycle.Append{AccountID: id, ChangeID: changeID, Head: lifecycle.AnyHead, Changes: drafts})
		require.NoError(t, err)
	}
	step("submit", lifecycle.Change{Event: lifecycle.Submit, At: minute(1), Detail: lifecycle.Detail{
		Identity: &lifecycle.Identity{Ref: "subject-1", Digest: "digest-" + id}}},
		lifecycle.Change{Event: lifecycle.BeginReview, At: minute(1)},
		lifecycle.Change{Event: lifecycle.Approve, At: minute(1)})
	step("start", lifecycle.Change{Event: lifecycle.IssueQR, At: minute(2), Detail: lifecycle.Detail{
		Consent: &lifecycle.Consent{ID: id + "-consent", TextVersion: "1", AgreedAt: minute(2)},
		Attempt: &lifecycle.Attempt{ID: id + "-attempt", Number: 1, Provider: "test", OrderNo: id, Revision: 1, StartedAt: minute(2), EndsAt: minute(50)},
		Lease:   &lifecycle.Lease{ID: id + "-lease", AttemptID: id + "-attempt", IssuedAt: minute(2), ExpiresAt: minute(12)},
	}})
	step("scan", lifecycle.Change{Event: lifecycle.Scan, At: minute(3), Detail: lifecycle.Detail{LeaseID: id + "-lease"}})
	require.NoError(t, s.MarkReturned(t.Context(), id+"-attempt", minute(4)))
	step("pass", lifecycle.Change{Event: lifecycle.Pass, At: minute(5), Detail: lifecycle.Detail{AttemptID: id + "-attempt"}})
}

// bulky is an account whose registration needs pages of its own.
func bulky() store.PutAccount {
	return store.PutAccount{
		Account: policy.Account{ID: "bulky", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)},
		Reason:  strings.Repeat("x", 1<<16),
	}
}

func individual(id string) policy.Account {
	return policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)}
}
