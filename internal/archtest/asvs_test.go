package archtest_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asvs are the requirements of ASVS 5.0.0 that docs/asvs.md has to answer.
const asvs = `
1.2.1 1.2.2 1.2.3 1.2.4 1.2.10 1.3.6 1.3.7 1.5.2 1.5.3
2.1.3 2.2.1 2.2.2 2.2.3 2.3.1 2.3.2 2.3.3 2.3.4 2.3.5 2.4.1 2.4.2
3.2.1 3.2.2 3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.4.8 3.5.1 3.5.2 3.5.3 3.5.8 3.7.2
4.1.1 4.1.3 4.1.4 4.1.5 4.2.1 4.2.5
5.2.1 5.2.2 5.2.6 5.3.2 5.4.1
6.1.1 6.3.1 6.3.2 6.3.3 6.5.1 6.5.2 6.5.3 6.5.5 6.6.2 6.6.3 6.8.1 6.8.2
7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.5 7.5.3
8.1.1 8.1.2 8.2.1 8.2.2 8.2.3 8.3.1 8.3.2 8.3.3 8.4.1 8.4.2
9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4
11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.2.4 11.3.2 11.3.3 11.3.4 11.4.1 11.5.1
12.1.1 12.2.1 12.3.1 12.3.2 12.3.3 12.3.4 12.3.5
13.1.1 13.1.2 13.1.3 13.2.1 13.2.2 13.2.3 13.2.4 13.2.6 13.3.1 13.3.4 13.4.2 13.4.5 13.4.6
14.1.1 14.1.2 14.2.1 14.2.2 14.2.3 14.2.4 14.2.6 14.2.7 14.3.1 14.3.2 14.3.3
15.1.2 15.1.3 15.2.2 15.2.3 15.3.1 15.3.2 15.3.3 15.3.4 15.3.7 15.4.1 15.4.2
16.1.1 16.2.1 16.2.2 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.5.1 16.5.2 16.5.3 16.5.4`

// asvsFaults says what is wrong with a table: numbers that are missing, unknown or doubled, words that are none, places
// and tests that do not exist, rows that claim without naming, counts that do not add up.
func asvsFaults(root fs.FS, tests map[string][]string, text string) (faults []string) {
	want, seen, counts := strings.Fields(asvs), map[string]bool{}, map[string]int{}
	say := func(parts ...string) { faults = append(faults, strings.Join(parts, " ")) }
	quoted := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !regexp.MustCompile(`^\| \d+\.\d+\.\d+ `).MatchString(line) {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		number := cells[0]
		if len(cells) != 7 {
			say(number, "has not seven cells")
			continue
		}
		level, words, holds, places, guards, why := cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]
		switch {
		case !slices.Contains(want, number):
			say(number, "is not asked for")
		case seen[number]:
			say(number, "comes twice")
		}
		seen[number], counts[holds] = true, counts[holds]+1
		if !regexp.MustCompile(`^[123]$`).MatchString(level) || words == "" {
			say(number, "has no level or no words")
		}
		switch holds {
		case "met", "partly":
			if places == "" || guards == "" && why == "" || holds == "partly" && why == "" {
				say(number, "names no place, or neither a test nor why there is none, or not what is lacking")
			}
		case "not met", "does not apply":
			if why == "" {
				say(number, "does not say why")
			}
		default:
			say(number, "is neither met nor partly, not met, does not apply:", holds)
		}
		for _, place := range quoted.FindAllStringSubmatch(places, -1) {
			if _, err := fs.Stat(root, place[1]); err != nil {
				say(number, "names a place that is not there:", place[1])
			}
		}
		for _, test := range quoted.FindAllStringSubmatch(guards, -1) {
			dir, name, _ := strings.Cut(test[1], ".")
			if !slices.Contains(tests[name], dir) {
				say(number, "names a test that is not there:", test[1])
			}
		}
	}
	for _, number := range want {
		if !seen[number] {
			say(number, "is missing")
		}
	}
	sums := "| requirements |"
	for _, holds := range []string{"met", "partly", "not met", "does not apply"} {
		sums += " " + strconv.Itoa(counts[holds]) + " |"
	}
	if !strings.Contains(text, sums) {
		say("the counts have to be", sums)
	}
	return faults
}

// TestASVS: docs/asvs.md answers every requirement once, and what it names exists.
func TestASVS(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	raw, err := fs.ReadFile(root, "docs/asvs.md")
	require.NoError(t, err)
	text := string(raw)
	tests := testsIn(t, root)
	require.Empty(t, asvsFaults(root, tests, text))

	for fault, broken := range map[string]string{
		"1.2.1 is missing":                       strings.Replace(text, "| 1.2.1 |", "| one |", 1),
		"1.2.1 comes twice":                      strings.Replace(text, "| 1.2.2 |", "| 1.2.1 |", 1),
		"1.2.99 is not asked for":                strings.Replace(text, "| 1.2.1 |", "| 1.2.99 |", 1),
		"is neither met nor":                     regexp.MustCompile(`(?m)^(\| 1\.2\.1 .*)\| met \|`).ReplaceAllString(text, "$1| fine |"),
		"a place that is not there":              strings.Replace(text, "`internal/safecsv`", "`internal/unsafecsv`", 1),
		"a test that is not there":               strings.Replace(text, "`internal/safecsv.TestCellsAreText`", "`internal/safecsv.TestCells`", 1),
		"7.5.3 does not say why":                 regexp.MustCompile(`(?m)^(\| 7\.5\.3 .*\|)[^|]*\|$`).ReplaceAllString(text, "$1 |"),
		"or not what is lacking":                 regexp.MustCompile(`(?m)^(\| 6\.3\.3 .*\|)[^|]*\|$`).ReplaceAllString(text, "$1 |"),
		"the counts have to be | requirements |": strings.Replace(text, "| requirements | ", "| requirements | 9", 1),
	} {
		require.Contains(t, strings.Join(asvsFaults(root, tests, broken), "\n"), fault)
	}
}
