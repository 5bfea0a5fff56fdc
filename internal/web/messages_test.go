package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func read2(t *testing.T) (zh, en map[string]string) {
	t.Helper()
	languages, err := newCatalogues()
	require.NoError(t, err)
	return languages.named(chinese).texts, languages.named(english).texts
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestMessagesAreComplete(t *testing.T) {
	t.Parallel()
	zh, en := read2(t)
	require.Equal(t, slices.Sorted(maps.Keys(zh)), slices.Sorted(maps.Keys(en)))
	for key := range zh {
		a, b := placeholder.FindAllString(zh[key], -1), placeholder.FindAllString(en[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		require.Equal(t, slices.Compact(a), slices.Compact(b), key)
		require.NotEmpty(t, strings.TrimSpace(zh[key]), key)
		require.NotEmpty(t, strings.TrimSpace(en[key]), key)
		if key != "switch" {
			require.Regexp(t, `\p{Han}`, zh[key], key)
			require.NotRegexp(t, `\p{Han}`, en[key], key)
		}
	}
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
	for _, kind := range []string{"used", "expired", "unknown", "ended", "bye", "lost", "foreign", "down", "broken"} {
		all = append(all, "plain."+kind+".title", "plain."+kind+".text")
	}
	for _, m := range []lifecycle.Method{lifecycle.MethodFace, lifecycle.MethodManual, lifecycle.MethodImported} {
		all = append(all, "method."+string(m))
	}
	for _, stage := range []string{stageWaiting, stageScanned, stageEnded, stageMissing} {
		all = append(all, "qr."+stage, "qr."+stage+".text")
	}
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
	} {
		all = append(all, "reason."+code)
	}
	return append(all, "title.landing", "title.plain", "terms.left.one", "terms.left.other", "failed.left.one", "failed.left.other")
}

func TestNoMessageIsMissingOrUnused(t *testing.T) {
	t.Parallel()
	zh, _ := read2(t)
	used := map[string]bool{}
	for _, key := range families() {
		require.Contains(t, zh, key)
		used[key] = true
	}
	asked := regexp.MustCompile(`\.T "([a-z0-9_.]+)"`)
	named := regexp.MustCompile(`"([a-z0-9_]+\.[a-z0-9_.]+)"`)
	files, err := fs.Glob(assets, "assets/pages/*.html")
	require.NoError(t, err)
	for _, name := range files {
		text, err := fs.ReadFile(assets, name)
		require.NoError(t, err)
		for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, zh, m[1], name)
			used[m[1]] = true
		}
		require.NotRegexp(t, `\p{Han}`, string(text), "%s: text belongs into the messages", name)
	}
	sources, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range sources {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(e.Name())
		require.NoError(t, err)
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if _, ok := zh[m[1]]; ok {
				used[m[1]] = true
			}
		}
	}
	for key := range zh {
		require.True(t, used[key], "%s is in no use", key)
	}
}

// TestVersionsOfWhatIsAgreedTo: a consent names the version of the text, so a changed text needs a new version. Give
// it one and put the new digest here.
func TestVersionsOfWhatIsAgreedTo(t *testing.T) {
	t.Parallel()
	zh, en := read2(t)
	digest := func(prefix string) string {
		h := sha256.New()
		for _, key := range slices.Sorted(maps.Keys(zh)) {
			if strings.HasPrefix(key, prefix) {
				h.Write([]byte(key + "\n" + zh[key] + "\n" + en[key] + "\n"))
			}
		}
		return hex.EncodeToString(h.Sum(nil))[:16]
	}
	require.Equal(t, map[string]string{TermsVersion: "27582e50fea5bf61"}, map[string]string{TermsVersion: digest("terms.")})
	require.Equal(t, map[string]string{NoticeVersion: "ccaa44743fe1fda4"}, map[string]string{NoticeVersion: digest("update.")})
}

func TestMessageWithoutAName(t *testing.T) {
	t.Parallel()
	languages, err := newCatalogues()
	require.NoError(t, err)
	_, err = languages.all[0].text("no.such")
	require.Error(t, err)
}
