package realname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/realname"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	adult := realname.Rules{MinimumAge: 18}
	reject := func(code string) realname.Finding {
		return realname.Finding{Code: code, Severity: realname.SeverityReject}
	}
	doubt := func(code string) realname.Finding {
		return realname.Finding{Code: code, Severity: realname.SeverityReviewer}
	}
	for name, c := range map[string]struct {
		name, born string
		rules      realname.Rules
		want       realname.Findings
	}{
		"nothing":                        {"张三", "19900307", adult, nil},
		"the day before fourteen":        {"张三", "20061121", adult, realname.Findings{reject("under_14")}},
		"thirteen without a rule":        {"张三", "20061121", realname.Rules{}, realname.Findings{reject("under_14")}},
		"fourteen":                       {"张三", "20061120", adult, realname.Findings{reject("under_age")}},
		"fourteen without a rule":        {"张三", "20061120", realname.Rules{}, nil},
		"the day before sixteen":         {"张三", "20041121", adult, realname.Findings{reject("under_age")}},
		"sixteen":                        {"张三", "20041120", adult, realname.Findings{doubt("under_age")}},
		"the day before eighteen":        {"张三", "20021121", adult, realname.Findings{doubt("under_age")}},
		"eighteen":                       {"张三", "20021120", adult, nil},
		"nineteen where 21 is asked":     {"张三", "20011120", realname.Rules{MinimumAge: 21}, realname.Findings{doubt("under_age")}},
		"one character":                  {"张", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"private use":                    {"张\ue000", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"private use, plane 15":          {"张\U000f0000", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"Latin":                          {"John", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"a space within":                 {"张 三", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"a radical":                      {"\u2f00张", "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"the zero":                       {"张〇", "19900307", adult, nil},
		"extensions A to H":              {"\u3400\U00020000\U0002a700\U0002b740\U0002b820\U0002ceb0\U00030000\U00031350", "19900307", adult, nil},
		"compatibility ideographs":       {"\uf900\U0002f800", "19900307", adult, nil},
		"25 and separators":              {strings.Repeat("张", 12) + "·" + strings.Repeat("张", 12) + "·张", "19900307", adult, nil},
		"26":                             {strings.Repeat("张", 26), "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"50, which the provider takes":   {strings.Repeat("张", 50), "19900307", adult, realname.Findings{doubt("name_unusual")}},
		"51, which it does not":          {strings.Repeat("张", 51), "19900307", adult, realname.Findings{doubt("name_too_long"), doubt("name_unusual")}},
		"the graver one first":           {"张", "20101120", adult, realname.Findings{reject("under_14"), doubt("name_unusual")}},
		"sandbox number without a birth": {"张三", "00000000", adult, realname.Findings{doubt("age_unknown")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, number := day(t, "2020-11-20"), checkedBy("110101"+c.born+"001")
			s, faults := realname.New(c.name, "cn_id", number, at, checkedBy("11010100000000001"))
			require.Empty(t, faults)
			require.Equal(t, c.want, realname.Check(s, at, c.rules))
		})
	}
}
