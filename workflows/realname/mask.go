package realname

import "strings"

// MaskName keeps the first character, and from three characters on the last: 张*, 张*三, 阿****提. A name of one
// character is hidden whole.
func MaskName(name string) string {
	runes := []rune(name)
	switch n := len(runes); n {
	case 0, 1:
		return strings.Repeat("*", n)
	case 2:
		return string(runes[0]) + "*"
	default:
		return string(runes[0]) + strings.Repeat("*", n-2) + string(runes[n-1])
	}
}

// MaskNumber keeps the first three and the last four characters: 110***********1234. Where less than half of a
// number would be hidden, all of it is.
func MaskNumber(number string) string {
	const head, tail = 3, 4
	runes := []rune(number)
	n := len(runes)
	if n < 2*(head+tail) {
		return strings.Repeat("*", n)
	}
	return string(runes[:head]) + strings.Repeat("*", n-head-tail) + string(runes[n-tail:])
}

// MaskedName returns the name as MaskName shows it.
func (s Subject) MaskedName() string { return MaskName(s.person().name) }

// MaskedNumber returns the document's number as MaskNumber shows it.
func (s Subject) MaskedNumber() string { return MaskNumber(s.person().number) }
