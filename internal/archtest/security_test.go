package archtest_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSecurityNamesWhatIsThere: the tests that SECURITY.md names exist, and so do the documents that it links.
func TestSecurityNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	text, err := fs.ReadFile(root, "SECURITY.md")
	require.NoError(t, err)
	there := map[string]bool{}
	require.NoError(t, fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".":
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, path)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			there[string(found[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 50)
	for _, name := range named {
		require.True(t, there[string(name[1])], "%s is named in SECURITY.md and does not exist", name[1])
	}
	for _, link := range regexp.MustCompile(`\]\(([a-z/-]+\.md)\)`).FindAllSubmatch(text, -1) {
		_, err := fs.Stat(root, string(link[1]))
		require.NoError(t, err)
	}
}
