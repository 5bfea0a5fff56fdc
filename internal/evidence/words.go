package evidence

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxWords bounds a statement, in characters.
const MaxWords = 500

// statement is a text without what no keyboard types. Its error is a *Fault.
func statement(given []byte) (string, error) {
	if !utf8.Valid(given) {
		return "", &Fault{Code: Unreadable}
	}
	text := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\r', r != '\n' && !unicode.IsGraphic(r):
			return -1
		default:
			return r
		}
	}, string(given)))
	switch {
	case text == "":
		return "", &Fault{Code: NoText}
	case utf8.RuneCountInString(text) > MaxWords:
		return "", &Fault{TooLong, MaxWords}
	}
	return text, nil
}
