package archtest_test

import (
	"io/fs"
	"os"
	"path"
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
	there := testsIn(t, root)
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1)
	require.Greater(t, len(named), 50)
	for _, name := range named {
		require.NotEmpty(t, there[string(name[1])], "%s is named in SECURITY.md and does not exist", name[1])
	}
	for _, link := range regexp.MustCompile(`\]\(([a-z/-]+\.md)\)`).FindAllSubmatch(text, -1) {
		_, err := fs.Stat(root, string(link[1]))
		require.NoError(t, err)
	}
}

// testsIn maps the name of each test and fuzz target to the folders that have one of that name.
func testsIn(t *testing.T, root fs.FS) map[string][]string {
	t.Helper()
	there := map[string][]string{}
	require.NoError(t, fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && file != ".":
			return fs.SkipDir
		case !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, file)
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(source, -1) {
			there[string(found[1])] = append(there[string(found[1])], path.Dir(file))
		}
		return err
	}))
	return there
}
