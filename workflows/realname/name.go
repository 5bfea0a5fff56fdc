package realname

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Separator stands between the parts of a minority name (民委发〔2016〕33号; GB 18030 A1A4).
	Separator = '\u00B7'
	// MaxName is the bound of a name in characters. It is far above any name and keeps nonsense out.
	MaxName = 200

	usualHan     = 25 // what systems have to hold, 民委发〔2016〕33号
	providerName = 50 // Alipay cert_name
	lookAlikes   = "\u2022\u2027\u30FB\uFF0E.\u25CF\u2219\u22C5"
)

// NormalName trims a name and writes the dots between Han characters that look like the separator as the
// separator. Nothing else is mapped: NFC and NFKC would replace compatibility ideographs, and with them a rare name.
func NormalName(name string) string {
	runes := []rune(trim(name))
	for i := 1; i < len(runes)-1; i++ {
		if strings.ContainsRune(lookAlikes, runes[i]) && isHan(runes[i-1]) && isHan(runes[i+1]) {
			runes[i] = Separator
		}
	}
	return string(runes)
}

func nameFaults(name string) Faults {
	if name == "" {
		return Faults{fault(FieldName, CodeRequired)}
	}
	var faults Faults
	if utf8.RuneCountInString(name) > MaxName {
		faults = append(faults, fault(FieldName, CodeTooLong))
	}
	if strings.ContainsFunc(name, hidden) {
		faults = append(faults, fault(FieldName, CodeCharacters))
	}
	if misplaced([]rune(name)) {
		faults = append(faults, fault(FieldName, CodeSeparator))
	}
	return faults
}

// hidden reports what a reviewer could not see or would see in the wrong place: control and format characters
// (bidirectional overrides among them), line breaks, and broken text.
func hidden(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// misplaced reports a separator, or what looks like one, at an end of the name or beside another. A full stop is
// one only beside a Han character: Latin names may end in one.
func misplaced(name []rune) bool {
	dot := func(i int) bool {
		if i < 0 || i >= len(name) {
			return false
		}
		if name[i] == '.' {
			return i > 0 && isHan(name[i-1]) || i+1 < len(name) && isHan(name[i+1])
		}
		return name[i] == Separator || strings.ContainsRune(lookAlikes, name[i])
	}
	last := len(name) - 1
	if dot(0) || dot(last) {
		return true
	}
	for i := range last {
		if dot(i) && dot(i+1) {
			return true
		}
	}
	return false
}

// isHan reports a Han character that a name can be written with: the unified ideographs with their extensions,
// the compatibility ideographs, and the zero 〇. Radicals, which only look like ideographs, are none.
func isHan(r rune) bool {
	return r == '\u3007' || r >= 0xF900 && r <= 0xFAFF && unicode.Is(unicode.Han, r) ||
		r >= 0x2F800 && r <= 0x2FA1F || unicode.Is(unicode.Unified_Ideograph, r)
}

// unusual reports a name that may well be right and that a person has to look at: one character, more Han
// characters than usual, private-use code points of old systems, anything that is neither Han nor a separator.
func unusual(name string) bool {
	runes := []rune(name)
	foreign := slices.ContainsFunc(runes, func(r rune) bool { return !isHan(r) && r != Separator })
	return foreign || len(runes) < 2 || len(runes)-strings.Count(name, string(Separator)) > usualHan
}
