package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/workflows/lifecycle"
)

var update = flag.Bool("update", false, "write testdata/webhooks and the table in docs/webhooks.md")

const (
	examplesDir = "../../testdata/webhooks"
	docsPath    = "../../docs/webhooks.md"
)

func beijing(text string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, lifecycle.Beijing())
	if err != nil {
		panic(err)
	}
	return at
}

// example is an entry of an event with all that it can carry, what must not get out included.
func example(e lifecycle.Event) lifecycle.Change {
	actor := map[lifecycle.Event]lifecycle.ActorKind{
		lifecycle.Pass: lifecycle.ActorProvider, lifecycle.Fail: lifecycle.ActorProvider, lifecycle.Approve: lifecycle.ActorReviewer,
		lifecycle.Reject: lifecycle.ActorReviewer, lifecycle.ApproveManual: lifecycle.ActorReviewer, lifecycle.RejectManual: lifecycle.ActorReviewer,
		lifecycle.Revoke: lifecycle.ActorOperator, lifecycle.Unlock: lifecycle.ActorOperator, lifecycle.ImportApproved: lifecycle.ActorImport,
		lifecycle.ImportVerified: lifecycle.ActorImport, lifecycle.Submit: lifecycle.ActorMerchant, lifecycle.IssueQR: lifecycle.ActorMerchant,
	}[e]
	if actor == "" {
		actor = lifecycle.ActorSystem
	}
	from, to := states(e)
	c := lifecycle.Change{
		AccountID: "a1", Seq: 7, ChangeID: "canary-change", Event: e, From: from, To: to, At: beijing("2020-12-04 09:30:00").UTC(),
		Actor: lifecycle.Actor{Kind: actor, ID: "canary-actor"},
		Detail: lifecycle.Detail{
			NoteRef: "canary-note", Findings: []string{"canary-finding"}, Abandoned: []string{"canary-order"},
			Identity: &lifecycle.Identity{Ref: "canary-ref", Digest: "canary-digest"},
		},
	}
	detail(&c)
	return c
}

func detail(c *lifecycle.Change) {
	d := &c.Detail
	switch c.Event {
	case lifecycle.Reject:
		c.Reason = "document_expired"
	case lifecycle.Revoke:
		c.Reason = "shared_account"
	case lifecycle.IssueQR:
		d.Consent = &lifecycle.Consent{ID: "canary-consent", EvidenceRef: "canary-evidence"}
		d.Attempt = &lifecycle.Attempt{ID: "6f1c1f9e-0c59-4a7e-9a3e-1d3f8d1f0001", ProviderRef: "canary-certify", OrderNo: "canary-order"}
		d.Lease = &lifecycle.Lease{ID: "canary-lease", AttemptID: d.Attempt.ID}
	case lifecycle.Pass, lifecycle.Fail:
		d.AttemptID = "6f1c1f9e-0c59-4a7e-9a3e-1d3f8d1f0001"
		d.Evidence = &lifecycle.Evidence{Provider: "alipay", Code: "canary-code", Digest: "canary-digest"}
		if c.Event == lifecycle.Fail {
			c.Reason = "face_not_matched"
		}
	case lifecycle.Lock:
		d.UnlockAt = beijing("2020-12-05 00:00:00")
	case lifecycle.ImportApproved, lifecycle.ImportVerified:
		d.Provenance = &lifecycle.Provenance{At: beijing("2020-10-01 10:00:00"), Method: "face", Evidence: "canary-evidence"}
	case lifecycle.Prompt:
		d.Prompt = &lifecycle.PromptNote{Number: 3, Level: "final", LoginID: "canary-login", Policy: "wishpost-face-verification", PolicyVersion: 1, Rule: "existing-individuals"}
	case lifecycle.Remind:
		d.Reminder = &lifecycle.Reminder{
			Number: 1, Milestone: "P3D", Level: "warning", Deadline: beijing("2020-12-04 00:00:00"), Policy: "wishpost-face-verification", PolicyVersion: 1,
			Rule: "existing-individuals",
		}
	case lifecycle.Restrict, lifecycle.Lift:
		d.Restricted = &lifecycle.Restricted{
			Policy: "wishpost-face-verification", PolicyVersion: 1, Rule: "existing-individuals", Since: beijing("2020-12-04 00:00:00"),
			Actions: []string{"create_label"}, Sweep: "canary-sweep",
		}
		if c.Event == lifecycle.Lift {
			d.Restricted.Opened = 5
		}
	default:
	}
}

// states are a way that the event can take.
func states(e lifecycle.Event) (from, to lifecycle.State) {
	all := lifecycle.Transitions()
	row := all[slices.IndexFunc(all, func(t lifecycle.Transition) bool { return t.Event == e })]
	return row.From[len(row.From)-1], row.To
}

// pretty is the message of an event, to be read.
func pretty(t *testing.T, e lifecycle.Event) string {
	t.Helper()
	body, err := notify.Body(example(e))
	require.NoError(t, err)
	require.NotContains(t, string(body), "canary", e)
	require.Less(t, len(body), 20_000)
	var text bytes.Buffer
	require.NoError(t, json.Indent(&text, body, "", "  "))
	return text.String() + "\n"
}

// TestExamples: each type has its example, which is what Body writes. Run it with -update after a change.
func TestExamples(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range lifecycle.Events() {
		got, name := pretty(t, e), notify.Type(e)
		require.Regexp(t, `^[a-z_]+\.[a-z_]+$`, name)
		require.False(t, seen[name], "two events have the type %s", name)
		seen[name] = true
		path := filepath.Join(examplesDir, name+".json")
		if *update {
			require.NoError(t, os.MkdirAll(examplesDir, 0o755))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "go test ./internal/notify -run TestExamples -update")
	}
	files, err := os.ReadDir(examplesDir)
	require.NoError(t, err)
	require.Len(t, files, len(seen), "an example of a type that there is not")
	require.Len(t, notify.Types(), len(seen))
}

// TestDocumentation: the table and the example in docs/webhooks.md are those of the code.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(docsPath)
	require.NoError(t, err)
	got := string(want)
	for name, content := range map[string]string{"types": table(t), "example": "\n```json\n" + pretty(t, lifecycle.Restrict) + "```\n\n"} {
		begin, end := "<!-- "+name+": generated by go test ./internal/notify -run TestDocumentation -update -->\n", "<!-- end of "+name+" -->"
		before, rest, found := strings.Cut(got, begin)
		require.True(t, found, name)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, name)
		got = before + begin + content + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(docsPath, []byte(got), 0o644))
		return
	}
	require.Equal(t, string(want), got, "go test ./internal/notify -run TestDocumentation -update")
}

// table lists types with what they add to the fields that all have.
func table(t *testing.T) string {
	t.Helper()
	when := meanings()
	var b strings.Builder
	b.WriteString("\n| type | sent when | adds to `data` |\n|---|---|---|\n")
	for _, e := range lifecycle.Events() {
		var message struct{ Data map[string]any }
		require.NoError(t, json.Unmarshal([]byte(pretty(t, e)), &message))
		var adds []string
		for _, name := range []string{"attempt_id", "unlock_at", "provenance", "prompt", "reminder", "restriction"} {
			if message.Data[name] != nil {
				adds = append(adds, "`"+name+"`")
			}
		}
		require.NotEmpty(t, when[e], e)
		name := notify.Type(e)
		b.WriteString("| [`" + name + "`](../testdata/webhooks/" + name + ".json) | " + when[e] + " | " + strings.Join(adds, ", ") + " |\n")
	}
	return b.String() + "\n"
}

func meanings() map[lifecycle.Event]string {
	return map[lifecycle.Event]string{
		lifecycle.Submit: "the merchant saved real-name information", lifecycle.Correct: "approved information was replaced",
		lifecycle.BeginReview: "the automatic checks have begun", lifecycle.Approve: "the information was accepted",
		lifecycle.Reject: "it was refused; `reason` says why", lifecycle.IssueQR: "a QR code is shown", lifecycle.Scan: "it was opened on a phone",
		lifecycle.Pass: "the person is verified", lifecycle.Fail: "the attempt failed", lifecycle.Expire: "the QR code ended",
		lifecycle.Lock: "the attempts are used up", lifecycle.Unlock: "a lock ended", lifecycle.ChooseManual: "the merchant took the way without a face",
		lifecycle.CancelManual: "the merchant left it again", lifecycle.RejectManual: "a reviewer refused the evidence of that way",
		lifecycle.ApproveManual: "a reviewer accepted it: verified", lifecycle.WithdrawConsent: "the merchant took the consent back",
		lifecycle.Revoke: "an operator undid the verification", lifecycle.ImportApproved: "an older process's approval was imported",
		lifecycle.ImportVerified: "an older process's verification was imported", lifecycle.Prompt: "a login prompt was counted",
		lifecycle.Remind: "a reminder went out", lifecycle.Restrict: "a dated rule blocks the account", lifecycle.Lift: "the rule blocks it no longer",
	}
}

func TestIgnoredEntriesAreNotAnnounced(t *testing.T) {
	t.Parallel()
	c := example(lifecycle.Pass)
	a, told := notify.Announce(c)
	require.True(t, told)
	require.Equal(t, "verification.pass", a.Type)
	require.Equal(t, notify.MessageID("a1", 7), a.MessageID)
	c.Ignored = true
	_, told = notify.Announce(c)
	require.False(t, told)
}

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	require.Equal(t, "msg_YTE_7", notify.MessageID("a1", 7), "an id that was sent is never another one")
	seen := map[string][2]any{}
	rapid.Check(t, func(rt *rapid.T) {
		account := rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`).Draw(rt, "account")
		seq := rapid.Int64Range(1, 1<<62).Draw(rt, "seq")
		id := notify.MessageID(account, seq)
		require.Regexp(rt, `^[A-Za-z0-9_-]{1,128}$`, id)
		of := [2]any{account, seq}
		if before, known := seen[id]; known {
			require.Equal(rt, before, of)
		}
		seen[id] = of
		gotAccount, gotSeq, ok := notify.ParseMessageID(id)
		require.True(rt, ok)
		require.Equal(rt, account, gotAccount)
		require.Equal(rt, seq, gotSeq)
	})
	for _, bad := range []string{"", "msg_", "msg_YTE_", "msg_YTE_0", "msg_YTE_-1", "msg_YTE_07", "msg_YTE_+7", "msg__7", "msg_YQ=_7", "msg_IA_7", "MSG_YTE_7", "msg_YTE_7 "} {
		_, _, ok := notify.ParseMessageID(bad)
		require.False(t, ok, bad)
	}
}
