package portal

import (
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestLanguageIsNegotiatedAndChosen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ accept, lang string }{
		"chinese first": {"zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"},
		"english first": {"en-GB,en;q=0.9,zh;q=0.8", "en"},
		"another first": {"fr-FR, en;q=0.5", "en"},
		"none spoken":   {"fr", "zh-CN"},
		"none at all":   {"", "zh-CN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newRig(t).get("/", "Accept-Language", tc.accept)
			require.Contains(t, p.text, `<html lang="`+tc.lang+`">`)
			require.Equal(t, tc.lang, p.Header.Get("Content-Language"))
		})
	}

	r := newRig(t)
	p := r.press("/language", url.Values{"language": {"zh-CN"}, "path": {"https://evil.example/"}})
	require.Contains(t, p.text, `<html lang="zh-CN">`, "the choice is stronger than the browser")
	require.Equal(t, http.StatusUnprocessableEntity, r.post("/language", url.Values{"language": {"tlh"}}).StatusCode)
}

func TestEveryPageInBothLanguages(t *testing.T) {
	t.Parallel()
	for lang, says := range map[string][3]string{
		"en":    {"Sign in", "Real name approved", "No such page"},
		"zh-CN": {"登录", "实名审核已通过", "页面不存在"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			require.Contains(t, r.get("/", "Accept-Language", lang).text, says[0])
			r.signIn("shop")
			require.Contains(t, r.get("/dashboard", "Accept-Language", lang).text, says[1])
			p := r.get("/nowhere", "Accept-Language", lang)
			require.Equal(t, http.StatusNotFound, p.StatusCode)
			require.Contains(t, p.text, says[2])
		})
	}
}

func TestEveryStateHasAText(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"unverified", "submitted", "under_review", "rejected", "approved", "qr_issued",
		"scanned", "verified", "face_failed", "locked", "manual_review"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.service.answer("GET /v1/accounts/shop", 200, `{"verification":{"state":"`+state+`"}}`)
			require.Contains(t, r.signIn("shop").text, `data-state="`+state+`"`)
		})
	}
}

func TestTextsAreCompleteAndUsed(t *testing.T) {
	t.Parallel()
	p, err := newPages()
	require.NoError(t, err)
	for key, m := range p.texts {
		require.NotEmpty(t, m.En, key)
		require.True(t, hasHan(m.ZhCN), "%s: Chinese without a Chinese character", key)
		require.False(t, hasHan(m.En), "%s: English with a Chinese character", key)
	}

	named := regexp.MustCompile(`\.T "([a-z_.]+)"`)
	used := map[string]bool{}
	files, err := fs.Glob(assets, "assets/*.html")
	require.NoError(t, err)
	for _, file := range files {
		text, err := assets.ReadFile(file)
		require.NoError(t, err)
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
		}
	}
	composed := regexp.MustCompile(`^(state|message|action|signin\.fault)\.`) // made of a part in code; see the tests of each
	for key := range p.texts {
		require.True(t, used[key] || composed.MatchString(key), "%s is not used", key)
	}
	for key := range used {
		require.Contains(t, p.texts, key)
	}
}

func hasHan(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}
