package consent

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func load(t *testing.T) *Library {
	t.Helper()
	l, err := Load()
	require.NoError(t, err)
	return l
}

// TestTextsAreWhatWasAgreedTo: a changed text needs a new version and a new line in pins.
func TestTextsAreWhatWasAgreedTo(t *testing.T) {
	t.Parallel()
	l := load(t)
	found, err := files.ReadDir("texts")
	require.NoError(t, err)
	require.Len(t, l.All(), len(found), "every file has its pin")
	for _, x := range l.All() {
		name := x.Version + " " + x.Language
		require.NotEmpty(t, x.Title, name)
		require.NotEmpty(t, x.Tick, name)
		require.NotEmpty(t, x.Kinds, name)
		require.NotEmpty(t, x.Sections, name)
		require.NotEmpty(t, x.Facts.Purpose, name)
		require.NotEmpty(t, x.Facts.Method, name)
		require.NotEmpty(t, x.Facts.Data, name)
		require.NotEmpty(t, x.Facts.Retention, name)
		require.True(t, x.Facts.Necessity, name)
		if x.Is(lifecycle.ConsentProvide) {
			require.NotEmpty(t, x.Facts.Recipient, name)
			require.NotEmpty(t, x.Facts.RecipientContact, name)
		}
		require.Len(t, l.Version(x.Version), 2, "in both languages")
		other := l.Version(x.Version)[0]
		require.Equal(t, other.Kinds, x.Kinds)
		require.Len(t, x.Sections, len(other.Sections), name)
	}
}

func TestAChangedTextIsFound(t *testing.T) {
	t.Parallel()
	p := pins()[0]
	content, err := files.ReadFile("texts/" + p.version + "." + p.language + ".json")
	require.NoError(t, err)
	_, err = parse(content, p)
	require.NoError(t, err)
	_, err = parse(append(content, '\n'), p)
	require.ErrorContains(t, err, "give a changed text a new version")
}

func TestCurrentTextsExistAndNameTheProcessor(t *testing.T) {
	t.Parallel()
	l := load(t)
	unfilled := regexp.MustCompile(`\{[a-z]+\}`)
	for _, kind := range lifecycle.ConsentKinds() {
		for _, language := range []string{"zh-CN", "en"} {
			x, known := l.Text(Current(kind), language)
			require.True(t, known, kind)
			require.Equal(t, []lifecycle.ConsentKind{kind}, x.Kinds, "one by one, never in a bundle")
			shown := x.For(lifecycle.Processor{Name: "Example Ltd", Contact: "privacy@example.com"})
			text := ""
			for i, s := range shown.Sections {
				text += s.Text
				require.NotRegexp(t, unfilled, s.Text)
				require.NotContains(t, x.Sections[i].Text, "Example Ltd", "the text itself stays as it is")
			}
			require.Contains(t, text, "Example Ltd")
			require.Contains(t, text, "privacy@example.com")
		}
	}
	require.Empty(t, Current("other"))
}

func TestOnlyTheTextInForceCanBeAgreedTo(t *testing.T) {
	t.Parallel()
	l := load(t)
	face, _ := l.Text(Current(lifecycle.ConsentFace), "en")
	good := Given{
		Kind: lifecycle.ConsentFace, Version: face.Version, Language: "en", SHA256: face.SHA256, Action: "ticked", Channel: "api",
		By: "k1", Evidence: "consent-1", Processor: lifecycle.Processor{Name: "Example Ltd", Contact: "c"},
	}
	got, err := l.Take(good)
	require.NoError(t, err)
	require.Equal(t, face.SHA256, got.TextSHA256)
	require.Equal(t, "Example Ltd", got.Processor.Name)
	require.Equal(t, lifecycle.ConsentFace, got.Kind)
	for name, c := range map[string]struct {
		change func(*Given)
		want   error
	}{
		"no version":      {func(g *Given) { g.Version = "" }, ErrVersion},
		"unknown version": {func(g *Given) { g.Version = "face-1999-01" }, ErrVersion},
		"older version":   {func(g *Given) { g.Version = "2026-11" }, ErrVersion},
		"of another kind": {func(g *Given) { g.Version = Current(lifecycle.ConsentProvide) }, ErrVersion},
		"unknown kind":    {func(g *Given) { g.Kind, g.Version = "other", "" }, ErrVersion},
		"other language":  {func(g *Given) { g.Language = "fr" }, ErrLanguage},
		"other text":      {func(g *Given) { g.SHA256 = "00" + face.SHA256[2:] }, ErrDigest},
	} {
		given := good
		c.change(&given)
		_, err := l.Take(given)
		require.ErrorIs(t, err, c.want, name)
	}
}
