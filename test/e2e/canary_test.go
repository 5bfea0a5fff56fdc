package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// A canary is personal data that exists nowhere else: every name begins with the same rare characters and every
// number with the same digits, so one look for the beginnings finds whatever leaks of any of them.
const (
	canaryName = "龘靐齉龗"
	canaryArea = "659004"
	birthAdult = "19840315"
)

// person is real-name information.
type person struct{ name, number string }

// people makes persons that differ from each other.
type people struct{ made atomic.Int64 }

func (p *people) adult() person            { return p.born(birthAdult) }
func (p *people) born(birth string) person { return p.numbered(birth, int(p.made.Add(1))) }
func (*people) numbered(birth string, n int) person {
	digits := canaryArea + birth + fmt.Sprintf("%03d", n%1000)
	return person{name: canaryName + string(rune('一'+n)), number: digits + checkDigit(digits)} //nolint:gosec // n counts tests
}

// checkDigit is the last place of a number by GB 11643: the weighted sum of the others modulo eleven.
func checkDigit(digits string) string {
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += w * int(digits[i]-'0')
	}
	return string("10X98765432"[sum%11])
}

// bornYearsAgo is a date of birth of somebody who is that old all through this year.
func bornYearsAgo(years int) string { return strconv.Itoa(time.Now().Year()-years) + "0101" }

// births are the dates of birth that tests use: of an adult, of somebody of seventeen and of a child.
func births() []string { return []string{birthAdult, bornYearsAgo(17), bornYearsAgo(10)} }

// canaries are all forms in which a name or number of ours could stand somewhere.
func canaries() map[string][]byte {
	forms := spellings("name", canaryName)
	for i, birth := range births() {
		for k, v := range spellings("number "+strconv.Itoa(i), canaryArea+birth) {
			forms[k] = v
		}
	}
	return forms
}

// spellings writes a text in every encoding that data commonly lies or travels in.
func spellings(what, text string) map[string][]byte {
	raw := []byte(text)
	var escaped strings.Builder
	var wide []byte
	for _, u := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&escaped, `\u%04x`, u)
		wide = append(wide, byte(u), byte(u>>8)) //nolint:gosec // the two halves of a code unit
	}
	forms := map[string][]byte{
		what + ", as it is": raw,
		what + ", UTF-16":   wide,
	}
	add := func(form, s string) {
		forms[what+", "+form+", lower case"] = []byte(strings.ToLower(s))
		forms[what+", "+form+", upper case"] = []byte(strings.ToUpper(s))
	}
	add("hexadecimal", hex.EncodeToString(raw))
	if escaped.Len() > 0 && text != url.QueryEscape(text) {
		add("JSON escapes", escaped.String())
		forms[what+", JSON escapes, mixed case"] = []byte(strings.ReplaceAll(strings.ToUpper(escaped.String()), `\U`, `\u`))
		add("URL escapes", url.QueryEscape(text))
	}
	if gbk, err := simplifiedchinese.GB18030.NewEncoder().Bytes(raw); err == nil {
		forms[what+", GB 18030"] = gbk
	}
	for shift := range 3 {
		form := fmt.Sprintf("%s, base64 at offset %d", what, shift)
		forms[form] = inBase64(raw, shift, base64.StdEncoding)
		forms[form+", URL alphabet"] = inBase64(raw, shift, base64.URLEncoding)
	}
	return forms
}

// inBase64 returns what surely stands in the base64 of any text that holds raw at an offset of shift modulo three.
func inBase64(raw []byte, shift int, encoding *base64.Encoding) []byte {
	padded := append(bytes.Repeat([]byte{0}, shift), raw...)
	whole := encoding.EncodeToString(padded[:len(padded)/3*3])
	return []byte(whole[(shift*8+5)/6:])
}

// leaks lists the forms of canaries that stand in data.
func leaks(data []byte, wanted map[string][]byte) []string {
	var found []string
	for form, text := range wanted {
		if bytes.Contains(data, text) {
			found = append(found, form)
		}
	}
	slices.Sort(found)
	return found
}

// requireClean fails the test if a canary, or one of the secrets, stands in a file below root. exempt names the
// files, relative to root, that hold the secrets.
func requireClean(t testing.TB, root string, secrets map[string][]byte, exempt ...string) {
	t.Helper()
	found, err := unclean(root, secrets, exempt...)
	require.NoError(t, err)
	require.Empty(t, found)
}

// unclean lists what requireClean is not to find. It fails if there is nothing to look at.
func unclean(root string, secrets map[string][]byte, exempt ...string) (found []string, err error) {
	personal := canaries()
	files := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server deletes what it no longer needs
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := readWhole(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files++
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, form := range leaks(data, personal) {
			found = append(found, fmt.Sprintf("personal data in %s: %s", name, form))
		}
		if !slices.Contains(exempt, filepath.ToSlash(name)) {
			for _, form := range leaks(data, secrets) {
				found = append(found, fmt.Sprintf("a key in %s: %s", name, form))
			}
		}
		return nil
	})
	if err == nil && files == 0 {
		err = fmt.Errorf("there was nothing to look at below %s", root)
	}
	return found, err
}

func readWhole(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f)
}

// TestEverySpellingIsFound proves the detector form by form: of each there is a text that no other form finds.
func TestEverySpellingIsFound(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	p := (&people{}).adult()
	for what, text := range map[string]string{"name": p.name, "number": p.number} {
		wanted := spellings(what, map[string]string{"name": canaryName, "number": canaryArea + birthAdult}[what])
		gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
		require.NoError(t, err)
		var wide []byte
		for _, u := range utf16.Encode([]rune(text)) {
			wide = append(wide, byte(u), byte(u>>8)) //nolint:gosec // the two halves of a code unit
		}
		quoted, escaped, digits := strconv.QuoteToASCII(text), url.QueryEscape(text), hex.EncodeToString([]byte(text))
		texts := []string{
			text, gb, string(wide), digits, strings.ToUpper(digits), escaped, strings.ToLower(escaped), quoted,
			strings.ReplaceAll(strings.ToUpper(quoted), `\U`, `\u`), strings.ToUpper(quoted),
		}
		for _, before := range []string{"", "1", "12"} {
			texts = append(texts, base64.StdEncoding.EncodeToString([]byte(before+text)), base64.RawURLEncoding.EncodeToString([]byte(before+text)))
		}
		for _, one := range texts {
			forms := leaks([]byte("x"+one+"y"), wanted)
			require.NotEmpty(t, forms, "%q", one)
			for _, form := range forms {
				found[form] = true
			}
		}
		for form := range wanted {
			require.True(t, found[form], "no text is found as %s", form)
		}
	}
}

// TestCanariesAreFound: whatever surrounds it.
func TestCanariesAreFound(t *testing.T) {
	t.Parallel()
	everybody := &people{}
	p := everybody.adult()
	wanted := canaries()
	for name, text := range map[string]string{
		"plain":        "x" + p.name + "y",
		"number":       p.number,
		"JSON":         strconv.QuoteToASCII(p.name),
		"hexadecimal":  hex.EncodeToString([]byte("ab" + p.number)),
		"URL":          "name=" + url.QueryEscape(p.name),
		"base64":       base64.StdEncoding.EncodeToString([]byte(`{"name":"` + p.name + `"}`)),
		"base64, 1":    base64.StdEncoding.EncodeToString([]byte(`1` + p.number + `"}`)),
		"base64, 2":    base64.RawURLEncoding.EncodeToString([]byte(`12` + p.number + `"}`)),
		"base64, name": base64.RawURLEncoding.EncodeToString([]byte(`1` + p.name + `"}`)),
	} {
		require.NotEmpty(t, leaks([]byte(text), wanted), name)
	}
	require.Empty(t, leaks([]byte("张三 110101199003070011"), wanted))
}
