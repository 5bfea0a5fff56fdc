package web

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/page/pagetest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func texts(t *testing.T) (zh, en map[string]string) {
	t.Helper()
	return pagetest.Texts(t, assets, "assets/messages")
}

func TestMessagesAreComplete(t *testing.T) {
	t.Parallel()
	zh, en := texts(t)
	pagetest.Complete(t, zh, en, "switch")
}

// families are the messages whose names are put together: all that can be asked for.
func families() []string {
	var all []string
	for _, s := range lifecycle.States() {
		all = append(all, "state."+string(s))
	}
	for _, kind := range slices.Concat(goodNotes(), badNotes()) {
		all = append(all, "note."+kind)
	}
	for _, kind := range []string{"used", "expired", "unknown", "ended", "bye", "lost", "foreign", "often", "down", "broken"} {
		all = append(all, "plain."+kind+".title", "plain."+kind+".text")
	}
	for _, m := range []lifecycle.Method{lifecycle.MethodFace, lifecycle.MethodManual, lifecycle.MethodImported} {
		all = append(all, "method."+string(m))
	}
	for _, stage := range []string{stageWaiting, stageScanned, stageEnded, stageMissing} {
		all = append(all, "qr."+stage, "qr."+stage+".text")
	}
	for _, k := range evidence.Kinds() {
		all = append(all, "evidence.kind."+k.Name, "evidence.hint."+k.Name)
	}
	for _, code := range evidence.Codes() {
		if code != evidence.UnknownKind && code != evidence.Empty { // which no form can bring
			all = append(all, "evidence.fault."+string(code))
		}
	}
	all = append(all, "evidence.fault."+nothingGiven)
	for _, n := range []string{"1", "2", "3", "4"} {
		all = append(all, "steps."+n)
	}
	for p := range (&Server{}).builders() {
		all = append(all, "title."+string(p))
	}
	// What reviews, providers and the state machine give as reasons.
	for _, code := range []string{
		"other", "under_14", "under_age", "age_unknown", "duplicate_number", "information_missing", "name_unusual", "name_too_long",
		"policy_requires_reviewer", "face_not_passed", "attempt_ended", "attempts_exhausted", "name_id_mismatch", "no_authority_record",
		"no_authority_photo", "face_mismatch", "liveness", "risk_control", "too_many_attempts", "unknown",
		"evidence_unreadable", "evidence_incomplete", "evidence_expired",
	} {
		all = append(all, "reason."+code)
	}
	return append(all, "title.landing", "title.plain", "terms.left.one", "terms.left.other", "failed.left.one", "failed.left.other")
}

func TestNoMessageIsMissingOrUnused(t *testing.T) {
	t.Parallel()
	zh, _ := texts(t)
	pagetest.Used(t, assets, "assets/pages", zh, families())
}

// TestVersionOfTheNotice: a submit names the version of the notice, so a changed text needs a new version. Give it one
// and put the new digest here.
func TestVersionOfTheNotice(t *testing.T) {
	t.Parallel()
	zh, en := texts(t)
	digest := func(prefix string) string {
		h := sha256.New()
		for _, key := range slices.Sorted(maps.Keys(zh)) {
			if strings.HasPrefix(key, prefix) {
				h.Write([]byte(key + "\n" + zh[key] + "\n" + en[key] + "\n"))
			}
		}
		return hex.EncodeToString(h.Sum(nil))[:16]
	}
	require.Equal(t, map[string]string{NoticeVersion: "ccaa44743fe1fda4"}, map[string]string{NoticeVersion: digest("update.")})
}
