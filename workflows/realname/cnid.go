package realname

import (
	"regexp"
	"strings"
	"time"
)

const (
	cnidLength    = 18
	firstYear     = 1900
	birthLayout   = "20060102"
	checkSymbols  = "10X98765432" // GB 11643-1999: by the weighted sum modulo 11
	provinceCodes = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91 "
)

var (
	cnidForm        = regexp.MustCompile(`^[0-9]{17}[0-9X]$`)
	firstGeneration = regexp.MustCompile(`^[0-9]{15}$`)
	residencePermit = regexp.MustCompile(`^8[123]0000`) // residents of Hong Kong, Macao, Taiwan; not IDENTITY_CARD at Alipay
)

func cnIDFaults(number string, at time.Time, sandbox []string) Faults {
	switch {
	case number == "":
		return Faults{fault(FieldNumber, CodeRequired)}
	case listed(number, sandbox):
		return nil
	case firstGeneration.MatchString(number):
		return Faults{fault(FieldNumber, CodeFirstGeneration)}
	case !cnidForm.MatchString(number):
		return Faults{fault(FieldNumber, CodeNumberForm)}
	}
	var faults Faults
	// Only the province is judged: areas were retired and stay valid in old numbers.
	if !strings.Contains(provinceCodes, " "+number[:2]+" ") {
		faults = append(faults, fault(FieldNumber, CodeArea))
	}
	if residencePermit.MatchString(number) {
		faults = append(faults, fault(FieldNumber, CodeTypeUnsupported))
	}
	birth, ok := birthDate(number)
	switch {
	case !ok:
		faults = append(faults, fault(FieldNumber, CodeBirthDate))
	case birth.Format(birthLayout) > at.In(beijing()).Format(birthLayout):
		faults = append(faults, fault(FieldNumber, CodeBirthFuture))
	}
	if checkDigit(number[:cnidLength-1]) != number[cnidLength-1] {
		faults = append(faults, fault(FieldNumber, CodeCheckDigit))
	}
	return faults
}

// checkDigit returns the 18th character of 17 digits: ISO 7064 MOD 11-2, where the weight of a place is
// 2 to the power of its distance from the right end of the whole number.
func checkDigit(digits string) byte {
	sum, weight := 0, 2
	for i := len(digits) - 1; i >= 0; i-- {
		sum += int(digits[i]-'0') * weight
		weight = weight * 2 % 11
	}
	return checkSymbols[sum%11]
}

// birthDate reads the date of birth out of an 18-character number.
func birthDate(number string) (time.Time, bool) {
	if !cnidForm.MatchString(number) {
		return time.Time{}, false
	}
	birth, err := time.ParseInLocation(birthLayout, number[6:14], beijing())
	return birth, err == nil && birth.Year() >= firstYear
}

// Age returns the full years of the person on the Beijing date of at; false if the document does not tell, or
// tells of a birth after that date. Who was born on 29 February grows older on 1 March of a common year.
func (s Subject) Age(at time.Time) (int, bool) {
	p := s.person()
	birth, ok := birthDate(p.number)
	if p.docType != CNID || !ok {
		return 0, false
	}
	now := at.In(beijing())
	years := now.Year() - birth.Year()
	if now.Format("0102") < birth.Format("0102") {
		years--
	}
	return years, years >= 0
}

// BirthDate returns the date of birth as YYYY-MM-DD, empty if the document does not tell. It is personal.
func (s Subject) BirthDate() string {
	p := s.person()
	birth, ok := birthDate(p.number)
	if p.docType != CNID || !ok {
		return ""
	}
	return birth.Format(time.DateOnly)
}

// beijing is UTC+8 for dates of today; births are compared as dates, so the daylight saving of 1986 to 1991 is
// of no matter.
func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }
