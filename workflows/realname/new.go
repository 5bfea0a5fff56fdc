package realname

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// New normalises and validates what a merchant typed, at an instant, and returns all faults at once. With a fault
// the Subject is zero. Numbers listed in sandbox are taken as they are: a provider's test environment may know
// only numbers that no card bears; production lists none.
func New(name, docType, number string, at time.Time, sandbox ...string) (Subject, Faults) {
	s := Restore(NormalName(name), strings.TrimSpace(docType), NormalNumber(number))
	p := s.person()
	faults := nameFaults(p.name)
	switch p.docType {
	case CNID:
		faults = append(faults, cnIDFaults(p.number, at, sandbox)...)
	case "":
		faults = append(faults, fault(FieldType, CodeRequired))
	default:
		faults = append(faults, fault(FieldType, CodeTypeUnsupported))
	}
	if p.docType != CNID && p.number == "" {
		faults = append(faults, fault(FieldNumber, CodeRequired))
	}
	if len(faults) > 0 {
		return Subject{}, faults
	}
	return s, nil
}

// NormalNumber trims a document number and writes its X as a capital.
func NormalNumber(number string) string { return strings.ToUpper(trim(number)) }

// trim removes Unicode spaces and the invisible format characters that pasting brings along.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

func listed(number string, sandbox []string) bool {
	return slices.ContainsFunc(sandbox, func(s string) bool { return NormalNumber(s) == number && number != "" })
}
