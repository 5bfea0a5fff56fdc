package realname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/realname"
)

func TestNormalName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":                                {"张三", "张三"},
		"spaces of every kind at the ends":     {"\ufeff\u3000 张三\u00a0\u2003\t\u200b", "张三"},
		"a space within stays":                 {"张 三", "张 三"},
		"bullet":                               {"买买提\u2022吐尔逊", "买买提·吐尔逊"},
		"hyphenation point":                    {"买买提\u2027吐尔逊", "买买提·吐尔逊"},
		"katakana dot":                         {"买买提\u30fb吐尔逊", "买买提·吐尔逊"},
		"full-width stop":                      {"买买提\uff0e吐尔逊", "买买提·吐尔逊"},
		"full stop":                            {"买买提.吐尔逊", "买买提·吐尔逊"},
		"black circle":                         {"买买提\u25cf吐尔逊", "买买提·吐尔逊"},
		"bullet operator":                      {"买买提\u2219吐尔逊", "买买提·吐尔逊"},
		"dot operator":                         {"买买提\u22c5吐尔逊", "买买提·吐尔逊"},
		"the separator itself":                 {"买买提·吐尔逊", "买买提·吐尔逊"},
		"a stop beside a Latin letter stays":   {"J.李", "J.李"},
		"extension B and compatibility around": {"\U00020000.\uf900", "\U00020000·\uf900"},
		"compatibility ideographs stay":        {"\uf900\U0002f800", "\uf900\U0002f800"},
		"decomposed letters stay":              {"e\u0301", "e\u0301"},
		"full-width letters stay":              {"Ａ", "Ａ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, realname.NormalName(c.in))
		})
	}
}

func TestNameFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"usual":                       {"张三", nil},
		"rare":                        {"\U00030000\uf900", nil},
		"private use, for a reviewer": {"张\ue000", nil},
		"Latin, for a reviewer":       {"John Smith Jr.", nil},
		"200 characters":              {strings.Repeat("张", 200), nil},
		"201 characters":              {strings.Repeat("张", 201), []string{"too_long"}},
		"empty":                       {"", []string{"required"}},
		"only spaces":                 {"\u3000\u200b", []string{"required"}},
		"separator first":             {"·张三", []string{"separator_misplaced"}},
		"separator last":              {"张三•", []string{"separator_misplaced"}},
		"full stop last":              {"张三.", []string{"separator_misplaced"}},
		"full stop first":             {".张三", []string{"separator_misplaced"}},
		"two in a row":                {"张··三", []string{"separator_misplaced"}},
		"two of different kinds":      {"张.•三", []string{"separator_misplaced"}},
		"only a separator":            {"·", []string{"separator_misplaced"}},
		"control character":           {"张\x00三", []string{"characters_not_allowed"}},
		"line break":                  {"张\n三", []string{"characters_not_allowed"}},
		"bidirectional override":      {"张\u202e三", []string{"characters_not_allowed"}},
		"zero-width within":           {"张\u200b三", []string{"characters_not_allowed"}},
		"broken UTF-8":                {"张\xff三", []string{"characters_not_allowed"}},
		"all at once":                 {"·" + strings.Repeat("张", 200) + "\x01", []string{"too_long", "characters_not_allowed", "separator_misplaced"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := realname.New(c.in, "cn_id", goodNumber, day(t, "2020-11-20"))
			require.ElementsMatch(t, c.want, codes(faults))
			for _, f := range faults {
				require.Equal(t, realname.FieldName, f.Field)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	s, faults := realname.New("", "cn_id", "990101199002300010", day(t, "2020-11-20"))
	require.True(t, s.IsZero())
	require.Equal(t, []string{"required", "area_unknown", "birth_date_invalid", "check_digit_wrong"}, codes(faults))
	require.EqualError(t, faults.Err(), "realname: name: required, document.number: area_unknown, document.number: birth_date_invalid, document.number: check_digit_wrong")
	require.NoError(t, realname.Faults(nil).Err())
}

func TestMasking(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "张": "*", "张三": "张*", "张大三": "张*三", "阿卜杜拉·提": "阿****提", "\U00020000三": "\U00020000*",
	} {
		require.Equal(t, want, realname.MaskName(in))
	}
	for in, want := range map[string]string{
		"": "", "1234567": "*******", "1234567890123": "*************",
		"110101199003071234": "110***********1234", "11010519491231002X": "110***********002X",
	} {
		require.Equal(t, want, realname.MaskNumber(in))
	}
	s := realname.Restore("张大三", "cn_id", goodNumber)
	require.Equal(t, "张*三", s.MaskedName())
	require.Equal(t, "110***********0011", s.MaskedNumber())
	require.Empty(t, realname.Subject{}.MaskedName()+realname.Subject{}.MaskedNumber())
}
