package dossier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/dossier"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

// The canaries: what only the personal part may show.
const (
	canaryName    = "欧阳娜娜"
	canaryNumber  = "110101199003074514"
	canaryAddress = "203.0.113.77"
	canaryPhone   = "+8613800000000"
)

// held is a vault in memory.
type held map[string]string

func (h held) Subject(_ context.Context, _, ref string) (realname.Subject, error) {
	if _, ok := h[ref]; !ok {
		return realname.Subject{}, vault.ErrNotFound
	}
	return realname.Restore(canaryName, string(realname.CNID), canaryNumber), nil
}

func (h held) Text(_ context.Context, _, ref string) (string, error) {
	text, ok := h[ref]
	if !ok {
		return "", vault.ErrNotFound
	}
	return text, nil
}

func at(minute int) time.Time { return time.Date(2026, 12, 5, 10, minute, 0, 0, time.UTC) }

// record is an account with something of everything, and its export.
func record(t *testing.T) (dossier.Export, *signing.Ring, *sqlstore.Store) {
	t.Helper()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	for _, id := range []string{"a1", "a2"} {
		_, _, err := s.PutAccount(ctx, store.PutAccount{
			Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at(0).AddDate(-1, 0, 0)},
			Actor:   lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "k1"}, Reason: "stated note:note-1",
		}, false)
		require.NoError(t, err)
	}
	texts, err := consent.Load()
	require.NoError(t, err)
	agreed := func(kind lifecycle.ConsentKind, minute int) lifecycle.Consent {
		given, err := texts.Take(consent.Given{
			Kind: kind, Version: consent.Current(kind), Language: "en", Action: "ticked", Channel: "page:/m/terms", By: "link:l1", Evidence: "consent-1",
			Processor: lifecycle.Processor{Name: "Example <Ltd>", Contact: "privacy@example.com"},
		})
		require.NoError(t, err)
		return given.Record(string(kind), at(minute), 0, &lifecycle.Identity{Digest: "d"})
	}
	identity, face, provide := agreed(lifecycle.ConsentIdentity, 1), agreed(lifecycle.ConsentFace, 4), agreed(lifecycle.ConsentProvide, 4)
	merchant, system := lifecycle.Actor{Kind: lifecycle.ActorMerchant, ID: "link:l1"}, lifecycle.Actor{Kind: lifecycle.ActorSystem}
	log := []lifecycle.Change{
		{Event: lifecycle.Submit, At: at(1), Actor: merchant, Detail: lifecycle.Detail{Identity: &lifecycle.Identity{Ref: "subject-1", Digest: "d"}, Consent: &identity}},
		{Event: lifecycle.BeginReview, At: at(2), Actor: system},
		{Event: lifecycle.Approve, At: at(3), Actor: system, Detail: lifecycle.Detail{NoteRef: "note-2"}},
		{Event: lifecycle.IssueQR, At: at(4), Actor: merchant, Detail: lifecycle.Detail{
			Consent: &face, Also: []lifecycle.Consent{provide},
			Attempt: &lifecycle.Attempt{ID: "t1", Number: 1, Provider: "alipay", OrderNo: "o1", Revision: 1, StartedAt: at(4), EndsAt: at(4).Add(time.Hour)},
			Lease:   &lifecycle.Lease{ID: "l1", AttemptID: "t1", IssuedAt: at(4), ExpiresAt: at(14)},
		}},
		{Event: lifecycle.Pass, At: at(5), Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider}, Detail: lifecycle.Detail{AttemptID: "t1", Evidence: &lifecycle.Evidence{Provider: "alipay", At: at(5)}}},
		{Event: lifecycle.WithdrawConsent, At: at(6), Actor: merchant},
	}
	for i, c := range log {
		id := fmt.Sprint("c", i)
		c.ChangeID = id
		_, err := s.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: id, Head: lifecycle.AnyHead, Changes: []lifecycle.Change{c}})
		require.NoError(t, err)
	}
	refusal := agreed(lifecycle.ConsentFace, 3)
	refusal.ID, refusal.EvidenceRef = "refusal-1", ""
	_, err = s.NoteConsent(ctx, store.ConsentNote{AccountID: "a1", Answer: store.AnswerRefused, Consent: refusal})
	require.NoError(t, err)
	_, err = s.RecordBlock(ctx, store.Block{AccountID: "a1", Action: "create_label", PolicyName: "p", RuleID: "r", Reason: "enforced", PolicyVersion: 1, Since: at(0), At: at(1), Receipt: "ed25519.k.x.y"})
	require.NoError(t, err)
	_, err = s.PutContact(ctx, "a1", "contact-1")
	require.NoError(t, err)
	ring, err := signing.NewRing([]signing.Key{{ID: "r1", Secret: bytes.Repeat([]byte{7}, signing.MinSecret)}})
	require.NoError(t, err)
	v := held{
		"subject-1": "", "consent-1": `{"address":"` + canaryAddress + `","user_agent":"<b>Phone</b>"}`, "contact-1": canaryPhone,
		"note-1": "free text", "note-2": "free text",
	}
	return dossier.Export{Source: s, Vault: v, Texts: texts, Seals: ring, AccountID: "a1", At: at(30)}, ring, s
}

func written(t *testing.T, x dossier.Export) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, x.JSON(t.Context(), &b))
	return b.String()
}

func TestExportProvesItself(t *testing.T) {
	t.Parallel()
	x, ring, _ := record(t)
	text := written(t, x)
	var whole map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &whole), "it is one JSON object")
	require.Equal(t, dossier.Schema, whole["schema"])
	require.Equal(t, "verified", whole["verification"].(map[string]any)["state"])
	require.Len(t, whole["consents"], 3)
	require.Len(t, whole["refusals"], 1)
	require.Len(t, whole["consent_texts"], 3)
	require.Len(t, whole["attempts"], 1)
	require.Len(t, whole["decisions"], 1)
	require.Len(t, whole["versions"], 1)
	require.Len(t, whole["log"], 6)
	face := whole["consents"].([]any)[1].(map[string]any)
	require.Equal(t, "page", face["withdrawn_via"])
	require.Contains(t, face["facts"].(map[string]any)["method"], "Alipay")

	found, err := dossier.Check(strings.NewReader(text), ring.Public())
	require.NoError(t, err)
	require.True(t, found.Intact(), "%+v", found)
	require.Equal(t, "a1", found.AccountID)
	require.Equal(t, int64(6), found.Entries)
	require.Equal(t, "r1", found.KeyID)
	require.Equal(t, 3, found.Texts)
}

func TestExportOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	x, ring, _ := record(t)
	x.AccountID = "a2"
	found, err := dossier.Check(strings.NewReader(written(t, x)), ring.Public())
	require.NoError(t, err)
	require.True(t, found.Intact(), "%+v", found)
	require.Zero(t, found.Entries)
	x.AccountID = "nobody"
	require.ErrorIs(t, x.JSON(t.Context(), io.Discard), store.ErrNotFound)
}

// TestTampering: whatever is altered is found, with the signature and, where the log is altered, without it too.
func TestTampering(t *testing.T) {
	t.Parallel()
	x, ring, _ := record(t)
	text := written(t, x)
	other, err := signing.NewRing([]signing.Key{{ID: "r1", Secret: bytes.Repeat([]byte{8}, signing.MinSecret)}})
	require.NoError(t, err)
	lines := strings.Split(text, "\n")
	without := func(part string) string {
		var kept []string
		for _, l := range lines {
			if !strings.Contains(l, part) {
				kept = append(kept, l)
			}
		}
		return strings.Join(kept, "\n")
	}
	for name, c := range map[string]struct {
		text         string
		signed, head bool
		broken       int64
		wrong        string
	}{
		"nothing":            {text, true, true, 0, ""},
		"a fact":             {strings.Replace(text, `"kind":"individual"`, `"kind":"enterprise"`, 1), false, true, 0, ""},
		"an entry":           {strings.Replace(text, `\"event\":\"approve\"`, `\"event\":\"reject\"`, 1), false, false, 3, ""},
		"an instant":         {strings.Replace(text, `"recorded_at":"20`, `"recorded_at":"19`, 2), false, false, 1, ""},
		"an entry is gone":   {without(`"seq":2,`), false, false, 2, ""},
		"the end is gone":    {strings.Replace(without(`"seq":6,`), "},\n],", "}\n],", 1), false, false, 0, ""},
		"a text":             {strings.Replace(text, `\"tick\": \"I have read`, `\"tick\": \"We have read`, 1), false, true, 0, "identity-2026-12"},
		"another account":    {strings.Replace(text, `"account_id":"a1"`, `"account_id":"a9"`, 1), false, false, 1, ""},
		"an older instant":   {strings.Replace(text, `"exported_at":"2026`, `"exported_at":"2025`, 1), false, true, 0, ""},
		"the receipt":        {strings.Replace(text, "ed25519.k.x.y", "ed25519.k.x.z", 1), false, true, 0, ""},
		"the proof's digest": {strings.Replace(text, `"sha256":"`, `"sha256":"00`, 4), false, true, 0, "identity-2026-12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "nothing" {
				require.NotEqual(t, text, c.text)
			}
			found, err := dossier.Check(strings.NewReader(c.text), ring.Public())
			require.NoError(t, err)
			require.Equal(t, c.signed, found.Signed)
			require.Equal(t, c.broken, found.Broken)
			require.Equal(t, c.head, found.Head)
			require.Equal(t, c.wrong, found.WrongText)
			require.Equal(t, name == "nothing", found.Intact())
			foreign, err := dossier.Check(strings.NewReader(c.text), other.Public())
			require.NoError(t, err)
			require.False(t, foreign.Signed, "of another key of the same id")
		})
	}
	for name, bad := range map[string]string{
		"nothing": "", "cut off": text[:len(text)/2], "no proof": without(`"proof":`), "more": text + "{}\n", "pretty": "{\n  \"schema\": 1\n}\n",
		"other schema": strings.Replace(text, dossier.Schema, "verigate.account-export/9", 1), "no form": "not JSON",
		"a carriage return": strings.Replace(text, ",\n", ",\r\n", 1),
	} {
		_, err := dossier.Check(strings.NewReader(bad), ring.Public())
		require.ErrorIs(t, err, dossier.ErrForm, name)
	}
}

func TestPersonalPartOnlyWhereAskedFor(t *testing.T) {
	t.Parallel()
	x, ring, _ := record(t)
	page := func(x dossier.Export) string {
		var b strings.Builder
		require.NoError(t, x.HTML(t.Context(), dossier.English, &b))
		return b.String()
	}
	personal := []string{canaryName, canaryNumber, canaryAddress, canaryPhone}
	for _, text := range []string{written(t, x), page(x)} {
		for _, canary := range append(personal, "free text") {
			require.NotContains(t, text, canary)
		}
	}
	x.Personal = true
	text := written(t, x)
	for _, text := range []string{text, page(x)} {
		for _, canary := range personal {
			require.Contains(t, html.UnescapeString(text), canary)
		}
		require.NotContains(t, text, "free text", "what reviewers wrote is no part of it")
	}
	found, err := dossier.Check(strings.NewReader(text), ring.Public())
	require.NoError(t, err)
	require.True(t, found.Intact())
	require.True(t, found.Personal)

	x.Vault = held{}
	text = written(t, x)
	require.Contains(t, text, `"identities":[]`, "what was deleted is not there, and the rest still is")
}

func TestPage(t *testing.T) {
	t.Parallel()
	x, _, _ := record(t)
	x.Personal = true
	for lang, words := range map[dossier.Lang][]string{
		dossier.English: {"Record of the account", "face information", "on the pages", "verified"},
		dossier.Chinese: {"账号记录", "人脸信息", "已认证", "拒绝"},
	} {
		var b strings.Builder
		require.NoError(t, x.HTML(t.Context(), lang, &b))
		text := b.String()
		require.Contains(t, text, `<html lang="`+string(lang)+`">`)
		for _, w := range words {
			require.Contains(t, text, w)
		}
		require.NotContains(t, text, "<script")
		require.NotContains(t, text, "<b>Phone</b>", "what a browser says of itself is text")
		require.NotContains(t, text, "Example <Ltd>")
		require.Contains(t, text, "Example &lt;Ltd&gt;")
		require.NotRegexp(t, `(?:src|href)=`, text, "it needs no other file")
		require.Contains(t, text, consent.Current(lifecycle.ConsentFace))
	}
}

// TestLongLog: a log of several pages is written whole.
func TestLongLog(t *testing.T) {
	t.Parallel()
	x, ring, s := record(t)
	for page := range 3 {
		var drafts []lifecycle.Change
		id := fmt.Sprint("prompts", page)
		for range 400 {
			drafts = append(drafts, lifecycle.Change{ChangeID: id, Event: lifecycle.Prompt, At: at(8), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
				Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{Level: "notice", Policy: "p", PolicyVersion: 1, Rule: "r"}}})
		}
		_, err := s.Append(t.Context(), lifecycle.Append{AccountID: "a1", ChangeID: id, Head: lifecycle.AnyHead, Changes: drafts})
		require.NoError(t, err)
	}
	found, err := dossier.Check(strings.NewReader(written(t, x)), ring.Public())
	require.NoError(t, err)
	require.True(t, found.Intact(), "%+v", found)
	require.Equal(t, int64(1206), found.Entries)
}
