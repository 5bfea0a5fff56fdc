package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

// acts are the entries of the audit log, oldest first.
func (f *fixture) acts() []store.AuditEntry {
	f.t.Helper()
	all, err := f.store.AuditEntries(f.t.Context(), store.AuditFilter{Oldest: true, Limit: 1000})
	require.NoError(f.t, err)
	return all
}

// newActs is what doing something added to the audit log.
func (f *fixture) newActs(do func()) []store.AuditEntry {
	f.t.Helper()
	before := len(f.acts())
	do()
	return f.acts()[before:]
}

// told is what the audit log has to say of an act that was done.
type told struct {
	subject, reason, before, after string // subject as a pattern; before and after as JSON, or a part of it
}

// scene is a world in which every audited operation can be done once.
type scene struct {
	*fixture
	other                             option // the key of somebody else
	extension, second, webhook, sweep string
	run                               string
	people                            int // added so far
}

func newScene(t *testing.T) *scene {
	t.Helper()
	f := newFixture(t, "2020-12-01 10:00:00")
	s := &scene{fixture: f, other: as(f.newKey(api.PoliciesApprove, api.PoliciesWrite))}
	for _, id := range []string{"a1", "a2", "a3", "a4"} {
		f.approved(id)
	}
	ask := func(id string) string {
		return f.post("/v1/accounts/"+id+"/extensions", object{"until": "2020-12-20T00:00:00+08:00", "reason": "ill"}).is(http.StatusCreated)["id"].(string)
	}
	s.extension, s.second = ask("a1"), ask("a2")
	s.webhook, _ = f.webhook()
	s.sweep = f.post("/v1/sweeps", object{"policy": founding, "reason": "by_hand", "dry_run": true}).is(http.StatusAccepted)["id"].(string)
	s.run = f.post("/v1/reminders", object{"policy": founding}).is(http.StatusAccepted)["run_id"].(string)
	f.importedExtensions("?batch_id=b1", "text/csv", "account_id,until,reason\na3,2020-12-20T00:00:00+08:00,ill\n")
	f.importedExtensions("?batch_id=b2", "text/csv", "account_id,until,reason\na4,2020-12-20T00:00:00+08:00,ill\n")
	for n := 2; n <= 4; n++ {
		f.clock.advance(time.Second)
		f.post("/v1/policies", object{"text": policyText(t, n, "2020-12-04T00:00:00+08:00", fmt.Sprintf("2020-12-1%dT00:00:00+08:00", n)), "note": "later",
			"effective_from": "2020-12-02T00:00:00+08:00"}).is(http.StatusCreated)
	}
	f.clock.advance(time.Second)
	return s
}

// step does an audited operation and says what the log has to tell of it.
type step struct {
	id   string
	do   func(s *scene) answer
	told told
}

// auditedSteps has a row for every audited operation: whoever adds one says here what the audit log tells of it.
func auditedSteps() []step {
	post := func(path string, body any, options ...option) func(*scene) answer {
		return func(s *scene) answer { return s.post(path, body, options...) }
	}
	byAdmin := func(path string, body any) func(*scene) answer {
		return func(s *scene) answer { return s.post(path, body, as(s.newKey(api.Admin))) }
	}
	version := func(n int) string { return fmt.Sprintf("/v1/policies/%s/versions/%d", founding, n) }
	account := `^account/a1$`
	return []step{
		{"review", func(s *scene) answer {
			s.account("r1")
			s.post("/v1/accounts/r1/verification/submit", realName()).is(http.StatusOK)
			return s.post("/v1/reviews/r1", object{"decision": "approve"})
		}, told{subject: `^account/r1$`}},
		{"revoke", post("/v1/accounts/a1/revoke", object{"reason": "forged"}), told{account, "forged", `"state":"approved"`, `"state":"unverified"`}},
		{"correct", post("/v1/accounts/a2/verification/correct", correction()), told{`^account/a2$`, "called_support", `"state":"approved"`, `"state":"submitted"`}},
		{"review-manual", func(s *scene) answer {
			s.post("/v1/accounts/a3/verification/choose-manual", object{}).is(http.StatusOK)
			return s.post("/v1/reviews/a3/manual", object{"decision": "approve"})
		}, told{subject: `^account/a3$`}},
		{"unlock", func(s *scene) answer {
			for range 5 {
				s.post("/v1/accounts/a4/verification/start-face", consent()).is(http.StatusOK)
				require.NoError(s.t, s.engine.Provider(s.t.Context(), "a4", "fail"))
			}
			return s.post("/v1/accounts/a4/unlock", object{"reason": "called"})
		}, told{`^account/a4$`, "called", `"state":"locked"`, `"state":"approved"`}},
		{"close-account", post("/v1/accounts/a1/close", object{"reason": "left"}), told{account, "left", `"closed_at":null`, `"closed_at":"2020-12-01T`}},
		{"reopen-account", post("/v1/accounts/a1/reopen", object{"reason": "mistake"}), told{account, "mistake", `"closed_at":"2020-12-01T`, `"closed_at":null`}},
		{"request-extension", post("/v1/accounts/a1/extensions", object{"until": "2020-12-21T00:00:00+08:00", "reason": "ill"}),
			told{`^extension/[0-9a-f-]{36}$`, "ill", "", `"state":"requested"`}},
		{"approve-extension", func(s *scene) answer {
			return s.post("/v1/extensions/"+s.extension+"/approve", object{"reason": "seen"}, s.other)
		},
			told{`^extension/[0-9a-f-]{36}$`, "seen", `"state":"requested"`, `"state":"approved"`}},
		{"revoke-extension", func(s *scene) answer {
			return s.post("/v1/extensions/"+s.extension+"/revoke", object{"reason": "found"}, s.other)
		},
			told{`^extension/[0-9a-f-]{36}$`, "found", `"state":"approved"`, `"state":"revoked"`}},
		{"reject-extension", func(s *scene) answer {
			return s.post("/v1/extensions/"+s.second+"/reject", object{"reason": "no"}, s.other)
		},
			told{`^extension/[0-9a-f-]{36}$`, "no", `"state":"requested"`, `"state":"rejected"`}},
		{"import-extensions", func(s *scene) answer {
			return s.do(http.MethodPost, "/v1/extensions:import?batch_id=b3", "account_id,until,reason\na1,2020-12-20T00:00:00+08:00,ill\nx,,\n", header("Content-Type", "text/csv"))
		}, told{`^extension-batch/b3$`, "", "", `{"lines":2,"created":1,"unchanged":0,"errors":1}`}},
		{"approve-extension-batch", func(s *scene) answer {
			return s.post("/v1/extensions:approve", object{"batch_id": "b1", "reason": "seen"}, s.other)
		},
			told{`^extension-batch/b1$`, "seen", "", `"decided":1`}},
		{"revoke-extension-batch", func(s *scene) answer {
			return s.post("/v1/extensions:revoke", object{"batch_id": "b1", "reason": "found"}, s.other)
		},
			told{`^extension-batch/b1$`, "found", "", `"state":"revoked"`}},
		{"reject-extension-batch", func(s *scene) answer {
			return s.post("/v1/extensions:reject", object{"batch_id": "b2", "reason": "no"}, s.other)
		},
			told{`^extension-batch/b2$`, "no", "", `"state":"rejected"`}},
		{"publish-policy", func(s *scene) answer {
			return s.post("/v1/policies", object{"text": policyText(s.t, 5, "2020-12-04T00:00:00+08:00", "2020-12-19T00:00:00+08:00"), "note": "later"})
		}, told{`^policy/` + founding + `/5$`, "later", "", `"state":"proposed"`}},
		{"approve-policy", func(s *scene) answer { return s.post(version(2)+"/approve", object{"reason": "seen"}, s.other) },
			told{`^policy/` + founding + `/2$`, "seen", `"state":"proposed"`, `"state":"scheduled"`}},
		{"reject-policy", func(s *scene) answer { return s.post(version(3)+"/reject", object{"reason": "no"}, s.other) },
			told{`^policy/` + founding + `/3$`, "no", `"state":"proposed"`, `"state":"rejected"`}},
		{"withdraw-policy", post(version(4)+"/withdraw", object{"reason": "mistake"}), told{`^policy/` + founding + `/4$`, "mistake", `"state":"proposed"`, `"state":"withdrawn"`}},
		{"brake", post("/v1/policies/"+founding+"/brake", object{"reason": "incident-42", "rule": "existing-individuals"}),
			told{`^policy/` + founding + `$`, "incident-42", `{"brakes":[]}`, `"rule":"existing-individuals"`}},
		{"release", func(s *scene) answer {
			s.clock.advance(time.Second)
			return s.post("/v1/policies/"+founding+"/release", object{"reason": "mended", "rule": "existing-individuals"})
		}, told{`^policy/` + founding + `$`, "mended", `"rule":"existing-individuals"`, `{"brakes":[]}`}},
		{"start-sweep", post("/v1/sweeps", object{"policy": founding, "reason": "after_correction"}),
			told{`^sweep/` + founding + `\.1\.`, "after_correction", "", `{"policy":"` + founding + `","dry_run":false}`}},
		{"pause-sweep", func(s *scene) answer { return s.post("/v1/sweeps/"+s.sweep+"/pause", object{}) },
			told{`^sweep/` + founding + `\.1\..*\.dry$`, "", `{"state":"running","dry_run":true}`, `{"state":"paused","dry_run":true}`}},
		{"resume-sweep", func(s *scene) answer { return s.post("/v1/sweeps/"+s.sweep+"/resume", object{}) },
			told{`^sweep/` + founding + `\.1\..*\.dry$`, "", `"state":"paused"`, `"state":"running"`}},
		{"cancel-sweep", func(s *scene) answer { return s.post("/v1/sweeps/"+s.sweep+"/cancel", object{}) },
			told{`^sweep/` + founding + `\.1\..*\.dry$`, "", `"state":"running"`, `"state":"cancelled"`}},
		{"start-reminders", post("/v1/reminders", object{"policy": founding, "dry_run": true}), told{`^reminders/` + founding + `:`, "", "", `"dry_run":true`}},
		{"pause-reminders", func(s *scene) answer { return s.post("/v1/reminders/"+s.run+"/pause", object{}) },
			told{`^reminders/` + founding + `:`, "", `"state":"running"`, `"state":"paused"`}},
		{"resume-reminders", func(s *scene) answer { return s.post("/v1/reminders/"+s.run+"/resume", object{}) },
			told{`^reminders/` + founding + `:`, "", `"state":"paused"`, `"state":"running"`}},
		{"cancel-reminders", func(s *scene) answer { return s.post("/v1/reminders/"+s.run+"/cancel", object{}) },
			told{`^reminders/` + founding + `:`, "", `"state":"running"`, `"state":`}},
		{"create-webhook", post("/v1/webhooks", object{"url": hook, "types": []string{"restriction.opened"}}),
			told{`^webhook/[0-9a-f-]{36}$`, "", "", `{"types":["restriction.opened"],"enabled":true,"disabled_reason":null}`}},
		{"change-webhook", func(s *scene) answer { return s.post(s.webhook, object{"types": []string{"restriction.lifted"}}) },
			told{`^webhook/[0-9a-f-]{36}$`, "", `"types":[]`, `"types":["restriction.lifted"]`}},
		{"rotate-webhook-secret", func(s *scene) answer { return s.post(s.webhook+"/rotate-secret", object{"overlap_hours": 3}) },
			told{`^webhook/[0-9a-f-]{36}$`, "", "", `{"overlap_hours":3}`}},
		{"test-webhook", func(s *scene) answer { return s.post(s.webhook+"/test", nil) }, told{`^webhook/[0-9a-f-]{36}$`, "", "", `"message_id"`}},
		{"redeliver", func(s *scene) answer {
			return s.post(s.webhook+"/redeliver", object{"message_id": notify.MessageID("a1", 1)})
		}, told{`^webhook/[0-9a-f-]{36}$`, "", "", `{"message_id":"` + notify.MessageID("a1", 1) + `"}`}},
		{"claim-review", func(s *scene) answer {
			s.underReview("r2", "name_unusual")
			return s.post("/v1/reviews/r2/claim", object{})
		}, told{`^account/r2$`, "", "", `"until"`}},
		{"reveal-identity", post("/v1/accounts/r2/identity:reveal", object{"reason": "name_check", "fields": []string{"name"}}),
			told{`^account/r2$`, "name_check", "", `{"fields":["name"],"revision":1}`}},
		{"escalate-review", post("/v1/reviews/r2/escalate", object{"reason": "unsure"}), told{`^account/r2$`, "unsure", "", ""}},
		{"next-review", func(s *scene) answer {
			s.underReview("r3", "name_unusual")
			return s.post("/v1/reviews:next", object{"queue": "review"})
		}, told{`^account/r[0-9]$`, "", "", `"until"`}},
		{"release-review", func(s *scene) answer {
			s.underReview("r4")
			s.post("/v1/reviews/r4/claim", object{}).is(http.StatusOK)
			return s.post("/v1/reviews/r4/release", object{})
		}, told{`^account/r4$`, "", "", ""}},
		{"send-to-manual", func(s *scene) answer {
			s.approved("r5")
			return s.post("/v1/accounts/r5/send-to-manual", object{"reason": "no_phone"})
		}, told{`^account/r5$`, "no_phone", `"state":"approved"`, `"state":"manual_review"`}},
		{"take-from-manual", post("/v1/accounts/r5/take-from-manual", object{"reason": "has_phone"}),
			told{`^account/r5$`, "has_phone", `"state":"manual_review"`, `"state":"approved"`}},
		{"add-operator", byAdmin("/v1/operators", object{"login": "chen", "name": "Chen", "role": "viewer", "reason": "new"}),
			told{`^operator/op_`, "new", "", `"role":"viewer"`}},
		{"change-operator", func(s *scene) answer {
			return s.post("/v1/operators/"+s.operator(), object{"role": "auditor", "reason": "moved"}, as(s.newKey(api.Admin)))
		}, told{`^operator/op_`, "moved", `"role":"viewer"`, `"role":"auditor"`}},
		{"reset-operator-password", func(s *scene) answer {
			return s.post("/v1/operators/"+s.operator()+"/password", object{"reason": "forgotten"}, as(s.newKey(api.Admin)))
		}, told{`^operator/op_`, "forgotten", "", ""}},
		{"create-key", byAdmin("/v1/keys", object{"label": "labels", "scopes": []string{"decisions:read"}, "reason": "new"}),
			told{`^key/[0-9a-f]{16}$`, "new", "", `"scopes":["decisions:read"]`}},
		{"expire-key", func(s *scene) answer {
			return s.post("/v1/keys/"+s.keyID()+"/expire", object{"expires_at": "2020-12-30T00:00:00+08:00", "reason": "old"}, as(s.newKey(api.Admin)))
		}, told{`^key/[0-9a-f]{16}$`, "old", `"expires_at":null`, `"expires_at":"2020-12-30T`}},
		{"rotate-key", func(s *scene) answer {
			return s.post("/v1/keys/"+s.keyID()+"/rotate", object{"overlap": "24h", "reason": "yearly"}, as(s.newKey(api.Admin)))
		}, told{`^key/[0-9a-f]{16}$`, "yearly", `"state":"open"`, `"state":"open"`}},
		{"disable-key", func(s *scene) answer {
			return s.post("/v1/keys/"+s.keyID()+"/disable", object{"reason": "lost"}, as(s.newKey(api.Admin)))
		}, told{`^key/[0-9a-f]{16}$`, "lost", `"state":"open"`, `"state":"disabled"`}},
		{"look-at-evidence", func(s *scene) answer {
			s.manual("r6")
			const path = "/v1/accounts/r6/evidence"
			given := s.post(path+"?kind=holding", io.Reader(strings.NewReader("mine")), header("Content-Type", "text/plain")).is(http.StatusCreated)
			return s.get(path + "/" + given["id"].(string))
		}, told{`^account/r6$`, "", "", `"kind":"holding"`}},
		{"erase-account", func(s *scene) answer {
			s.account("r9")
			return s.post("/v1/accounts/r9/erasures", object{"reason": "subject_request"}, as(s.newKey(api.IdentitiesErase)))
		}, told{`^account/r9$`, "subject_request", "", `"state":"completed"`}},
		{"export-account", func(s *scene) answer { return s.get("/v1/accounts/r6/export?format=html") },
			told{`^account/r6$`, "", "", `{"format":"html","personal":false}`}},
		{"take-checkpoint", post("/v1/audit/checkpoints", object{}), told{`^checkpoint/1$`, "", "", `"digest"`}},
	}
}

// operator adds somebody and returns the id.
func (s *scene) operator() string {
	s.t.Helper()
	s.people++
	in := object{"login": fmt.Sprintf("person%d", s.people), "name": "Somebody", "role": "viewer", "reason": "new"}
	return s.post("/v1/operators", in, as(s.newKey(api.Admin))).is(http.StatusCreated)["operator"].(object)["operator_id"].(string)
}

// keyID is the id of a key that opens.
func (s *scene) keyID() string {
	s.t.Helper()
	return strings.Split(s.newKey(api.DecisionsRead), "_")[1]
}

func correction() object {
	in := realName()
	in["name"], in["support_reason"] = "王小明", "called_support"
	return in
}

// TestEveryAuditedOperationIsTold does each of them once: one entry with who, what, why, before and after.
func TestEveryAuditedOperationIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	covered := map[string]bool{}
	for _, step := range auditedSteps() {
		covered[step.id] = true
		var got answer
		entries := s.newActs(func() { got = step.do(s) })
		require.Less(t, got.status, 300, "%s: %s", step.id, got.body)
		entries = slices.DeleteFunc(entries, func(e store.AuditEntry) bool { return e.Action != step.id })
		require.Len(t, entries, 1, step.id)
		e := entries[0]
		require.Equal(t, store.OutcomeOK, e.Outcome, step.id)
		require.Regexp(t, `^[0-9a-f]{16}$`, e.Actor, step.id)
		require.Empty(t, e.Role, step.id)
		require.Equal(t, got.header.Get("X-Request-Id"), e.RequestID, step.id)
		require.Equal(t, "127.0.0.1", e.Address, step.id)
		require.Regexp(t, step.told.subject, e.Subject, step.id)
		require.Equal(t, step.told.reason, e.Reason, step.id)
		require.Contains(t, string(e.Before), step.told.before, step.id)
		require.Contains(t, string(e.After), step.told.after, step.id)
	}
	for _, op := range s.operations() {
		require.Equal(t, op.audited, covered[op.id],
			"%s: an operation that changes something and is not only for account services is audited; add a row to auditedSteps, or say asks of it", op.id)
	}
}

// untold are the operations that change something and are no acts of people: the merchant's own steps, and what account
// services tell. Everything else that takes a body is told or only asks.
func untold() (services, asking []string) {
	return []string{
			"put-account", "import-accounts", "put-contact", "delete-contact", "report-login", "report-prompt", "submit", "start-face", "refresh",
			"choose-manual", "cancel-manual", "withdraw-consent", "create-link", "revoke-links", "add-evidence", "delete-evidence",
		}, []string{
			"decide", "decide-batch", "preview-impact", "list-impact", "verify-audit", "check-receipt", "decode-payloads",
		}
}

// TestRefusalsAreTold sends every operation what it refuses: the audited ones leave one entry each, the others none.
func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	none := f.newKey()
	services, asking := untold()
	for _, op := range f.operations() {
		if op.method == http.MethodGet || slices.Contains(open, op.path) {
			require.Equal(t, op.audited && op.method == http.MethodGet, slices.Contains([]string{"look-at-evidence", "export-account"}, op.id), "%s: a GET that is audited needs a test of its own", op.id)
			continue
		}
		require.Equal(t, op.audited, !slices.Contains(slices.Concat(services, asking), op.id), "%s: say whether it is an act of people", op.id)
		for outcome, send := range map[string]func() answer{
			"forbidden": func() answer { return f.do(op.method, concrete(op.path), object{}, as(none)) },
			"malformed": func() answer { return f.do(op.method, concrete(op.path), "not JSON") },
			"":          func() answer { return f.do(op.method, concrete(op.path), object{}, as("vg_bad")) },
		} {
			var got answer
			entries := f.newActs(func() { got = send() })
			if !op.audited || outcome == "" {
				require.Empty(t, entries, "%s %s", op.id, outcome)
				continue
			}
			require.Len(t, entries, 1, "%s %s", op.id, outcome)
			require.Equal(t, op.id, entries[0].Action)
			if outcome == "malformed" {
				outcome = store.OutcomeOK // an import of no good line is done
				if got.header.Get("Content-Type") == "application/problem+json" {
					outcome = got.json()["code"].(string)
				}
			}
			require.Equal(t, outcome, entries[0].Outcome, op.id)
			require.NotEmpty(t, entries[0].Actor)
			if strings.Contains(op.path, "{account_id}") {
				require.Equal(t, "account/a1", entries[0].Subject, op.id)
			}
		}
	}
}

func TestPersonsAreToldWithTheirRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	entries := f.newActs(func() {
		f.ask(api.Principal{ID: "anna", Role: api.RoleReviewer}, http.MethodPost, "/v1/accounts/a1/revoke", `{"reason":"forged"}`)
		f.ask(api.Principal{ID: "ben", Role: api.RoleViewer}, http.MethodPost, "/v1/accounts/a1/revoke", `{"reason":"forged"}`)
	})
	require.Len(t, entries, 2)
	require.Equal(t, []string{"anna", "reviewer", "ok"}, []string{entries[0].Actor, entries[0].Role, entries[0].Outcome})
	require.Equal(t, []string{"ben", "viewer", "forbidden"}, []string{entries[1].Actor, entries[1].Role, entries[1].Outcome})
	require.Empty(t, entries[1].Before, "nothing is told of what was refused at the door")
}

func TestCorrectionsOfFactsAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	put := func(kind, reason string, options ...option) answer {
		return f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": kind, "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00", "reason": reason}, options...)
	}
	require.Empty(t, f.newActs(func() {
		put("individual", "").is(http.StatusCreated)
		put("individual", "").is(http.StatusOK)
	}), "a registration is no act of people")
	entries := f.newActs(func() {
		put("enterprise", "wrong_form", as(f.newKey(api.AccountsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
		put("enterprise", "").problem(http.StatusConflict, api.CodeFactsDiffer)
		put("enterprise", "wrong_form").is(http.StatusOK)
	})
	require.Len(t, entries, 3)
	for i, outcome := range []string{"forbidden", "facts_differ", "ok"} {
		require.Equal(t, outcome, entries[i].Outcome)
		require.Contains(t, string(entries[i].Before), `"kind":"individual"`)
		require.Equal(t, outcome == "ok", strings.Contains(string(entries[i].After), `"kind":"enterprise"`))
	}
	require.Equal(t, "wrong_form", entries[2].Reason)
}

func TestRepeatedCommandsAreOneAct(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path, body := "/v1/accounts/a1/revoke", object{"reason": "forged"}
	entries := f.newActs(func() {
		for range 3 {
			f.post(path, body, idempotent("k1")).is(http.StatusOK)
		}
	})
	require.Len(t, entries, 1)
	entries = f.newActs(func() {
		f.post(path, object{"reason": "other"}, idempotent("k1")).problem(http.StatusConflict, api.CodeIdempotencyConflict)
		f.post(path, body, idempotent("k2")).problem(http.StatusConflict, api.CodeStepNotAllowed)
		f.post(path, body, idempotent("k2")).problem(http.StatusConflict, api.CodeStepNotAllowed)
	})
	require.Len(t, entries, 2, "a conflict, and one refusal that was answered twice")
	require.Equal(t, "idempotency_conflict", entries[0].Outcome)
	require.Equal(t, "step_not_allowed", entries[1].Outcome)
	require.Contains(t, string(entries[1].Before), `"state":"unverified"`)
	require.Empty(t, entries[1].After)
}

// deaf is a store whose audit log can be out of order.
type deaf struct {
	*faultyStore
}

func (d *deaf) AppendAudit(ctx context.Context, e store.AuditEntry) (store.AuditEntry, error) {
	if err := d.broken("AppendAudit"); err != nil {
		return e, err
	}
	return d.Store.AppendAudit(ctx, e)
}

// TestAnswersWaitForTheAuditLog: what cannot be recorded is not answered as done, and what is repeated is recorded.
func TestAnswersWaitForTheAuditLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f = f.over(&deaf{f.store})
	path, body := "/v1/accounts/a1/revoke", object{"reason": "forged"}
	f.store.set("AppendAudit", true)
	entries := f.newActs(func() {
		p := f.post(path, body, idempotent("k1")).problem(http.StatusServiceUnavailable, api.CodeStoreUnavailable)
		require.Equal(t, "unknown", p["command"])
		require.Contains(t, p["detail"], "audit log")
		p = f.post(path, body, as(f.newKey(api.AuditRead))).problem(http.StatusServiceUnavailable, api.CodeStoreUnavailable)
		require.Equal(t, "not_taken", p["command"], "it was refused before")
		_, summary := f.importedExtensions("", "text/csv", "account_id,until,reason\na1,2020-12-20T00:00:00+08:00,ill\n")
		require.Equal(t, "store_unavailable", summary["problem"].(map[string]any)["code"])
	})
	require.Empty(t, entries)
	require.Contains(t, f.logs.String(), "the audit log does not take an entry")
	f.store.set("AppendAudit", false)
	entries = f.newActs(func() {
		got := f.post(path, body, idempotent("k1"))
		got.is(http.StatusOK)
		require.Empty(t, got.header.Get("Idempotent-Replayed"), "it ran again, to be recorded")
		f.post(path, body, idempotent("k1")).is(http.StatusOK)
	})
	require.Len(t, entries, 1)
	history := f.get("/v1/accounts/a1/history").is(http.StatusOK)["entries"].([]any)
	require.Equal(t, "revoke", history[len(history)-1].(object)["event"])
	require.Len(t, history, 4, "and was done once")
}

func TestPanicsAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.engine.Set(func(e *apitest.Engine) { e.Now = func() time.Time { panic("broken") } })
	entries := f.newActs(func() {
		f.post("/v1/accounts/a1/revoke", object{"reason": "forged"}).problem(http.StatusInternalServerError, api.CodeInternal)
	})
	require.Len(t, entries, 1)
	require.Equal(t, "internal", entries[0].Outcome)
}

// TestNothingPersonalIsToldToTheAuditLog writes names and numbers wherever people write, and looks for them in the log.
func TestNothingPersonalIsToldToTheAuditLog(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const phone = "13800138000"
	said := []string{"note about " + canaryName + " " + canaryNumber, canaryNumber, phone}
	admin := as(s.newKey(api.Admin))
	operations := s.operations()
	slices.SortFunc(operations, func(a, b operation) int { return strings.Compare(a.path, b.path) }) // close before reopen
	for _, text := range said {
		for _, op := range operations {
			if !op.audited {
				continue
			}
			path := strings.NewReplacer("/e1/", "/"+s.extension+"/", "/w1", strings.TrimPrefix(s.webhook, "/v1/webhooks"), "/p/", "/"+founding+"/").Replace(concrete(op.path))
			named := strings.NewReplacer("{account_id}", "a1").Replace(op.path)
			for _, parameter := range []string{"{extension_id}", "{sweep_id}", "{name}", "{version}", "{webhook_id}", "{run_id}", "{number}"} {
				named = strings.ReplaceAll(named, parameter, url.PathEscape(text))
			}
			for _, body := range []object{
				{"reason": text, "note": text, "decision": "reject", "reason_code": text, "until": "2020-12-20T00:00:00+08:00", "rule": text},
				{"reason": text}, {"reason": text, "note": text}, {"reason": text, "rule": "existing-individuals"}, {"note": text, "text": text},
				{"note": text, "text": policyText(t, 5, "2020-12-04T00:00:00+08:00", "2020-12-19T00:00:00+08:00")},
				{"description": text}, {"description": text, "url": "https://hooks.example.com/" + url.PathEscape(text)}, {"batch_id": text, "reason": text},
				{"policy": text, "reason": text}, {"message_id": text}, {"until": "2020-12-20T00:00:00+08:00", "reason": text, "note": text},
				{"decision": "reject", "reason_code": "other", "note": text}, correction(),
			} {
				s.do(op.method, path, body, admin)
			}
			s.do(op.method, named, object{"reason": text, "decision": "approve", "note": text})
		}
		asked := s.post("/v1/accounts/a1/extensions", object{"until": "2020-12-20T00:00:00+08:00", "reason": text, "note": text}).is(http.StatusCreated)
		s.post("/v1/extensions/"+asked["id"].(string)+"/approve", object{"reason": text, "note": text}, s.other).is(http.StatusOK)
		s.do(http.MethodPost, "/v1/extensions:import?batch_id="+url.QueryEscape(text), "account_id,until,reason,key\na1,2020-12-20T00:00:00+08:00,"+text+","+text+"\n", header("Content-Type", "text/csv"))
		s.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "enterprise", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00", "reason": text})
		s.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "individual", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00", "reason": text})
	}
	var log strings.Builder
	outcomes, last := map[string]int{}, int64(0)
	for {
		page, err := s.store.AuditEntries(t.Context(), store.AuditFilter{Oldest: true, After: last, Limit: 1000})
		require.NoError(t, err)
		for _, e := range page {
			line, err := json.Marshal(e)
			require.NoError(t, err)
			log.Write(append(line, '\n'))
			outcomes[e.Action+" "+e.Outcome]++
			last = e.ID
		}
		if len(page) < 1000 {
			break
		}
	}
	for _, done := range []string{"revoke ok", "brake ok", "release ok", "publish-policy ok", "request-extension ok", "approve-extension ok",
		"change-webhook ok", "create-webhook ok", "close-account ok", "reopen-account ok", "put-account ok"} {
		require.NotZero(t, outcomes[done], "nothing was done with a text: %s of %v", done, outcomes)
	}
	for _, form := range append(canaries(), phone, "王小明") {
		if before, after, found := strings.Cut(log.String(), form); found {
			require.Fail(t, "leaked", "%s: …%s>>>%s", form, before[max(0, len(before)-300):], after[:min(50, len(after))])
		}
	}
	require.Contains(t, log.String(), `"stated`)
}
