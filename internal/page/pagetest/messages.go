// Package pagetest checks the texts of pages: whoever has a catalogue runs it in a test.
package pagetest

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/page"
)

// Texts reads the messages of a folder, in both languages.
func Texts(t testing.TB, files fs.FS, dir string) (zh, en map[string]string) {
	t.Helper()
	languages, err := page.NewCatalogues(files, dir, "/", false)
	require.NoError(t, err)
	return languages.Named(page.Chinese).Texts(), languages.Named(page.English).Texts()
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Complete checks that both languages have the same messages with the same placeholders, each in its own script. Keys
// of names that are the same in every language are exempt from the last.
func Complete(t *testing.T, zh, en map[string]string, exempt ...string) {
	t.Helper()
	require.Equal(t, slices.Sorted(maps.Keys(zh)), slices.Sorted(maps.Keys(en)))
	for key := range zh {
		require.Equal(t, placeholders(zh[key]), placeholders(en[key]), key)
		require.NotEmpty(t, strings.TrimSpace(zh[key]), key)
		require.NotEmpty(t, strings.TrimSpace(en[key]), key)
		if !slices.Contains(exempt, key) {
			require.Regexp(t, `\p{Han}`, zh[key], key)
			require.NotRegexp(t, `\p{Han}`, en[key], key)
		}
	}
}

func placeholders(text string) []string {
	all := placeholder.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// Used checks that every message that a template of dir asks for exists, that no template holds a text of its own, and
// that every message is asked for: by a template, by name in a source file of the folder of the test, or because it is
// one of the families, whose names are put together.
func Used(t *testing.T, files fs.FS, dir string, texts map[string]string, families []string) {
	t.Helper()
	used := map[string]bool{}
	for _, key := range families {
		require.Contains(t, texts, key)
		used[key] = true
	}
	asked := regexp.MustCompile(`\.[TN] "([a-z0-9_.]+)"`)
	names, err := fs.Glob(files, path.Join(dir, "*.html"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, m := range asked.FindAllSubmatch(text, -1) {
			for _, key := range forms(texts, string(m[1])) {
				require.Contains(t, texts, key, name)
				used[key] = true
			}
		}
		require.NotRegexp(t, `\p{Han}`, string(text), "%s: text belongs into the messages", name)
	}
	for _, key := range namedInSources(t) {
		used[key] = true
	}
	for key := range texts {
		require.True(t, used[key] || used[strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")], "%s is in no use", key)
	}
}

// forms are the message of that name, or its forms for one and for more.
func forms(texts map[string]string, key string) []string {
	var all []string
	for _, form := range []string{key, key + ".one", key + ".other"} {
		if _, ok := texts[form]; ok {
			all = append(all, form)
		}
	}
	if len(all) == 0 {
		return []string{key} // which the caller will miss
	}
	return all
}

func namedInSources(t *testing.T) []string {
	t.Helper()
	named := regexp.MustCompile(`"([a-z0-9_]+\.[a-z0-9_.]+)"`)
	sources, err := os.ReadDir(".")
	require.NoError(t, err)
	var all []string
	for _, e := range sources {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(e.Name())
		require.NoError(t, err)
		for _, m := range named.FindAllSubmatch(text, -1) {
			all = append(all, string(m[1]))
		}
	}
	return all
}
