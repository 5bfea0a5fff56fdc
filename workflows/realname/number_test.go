package realname_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/realname"
)

func TestNumberVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../testdata/realname/china_id.json")
	require.NoError(t, err)
	var vectors []struct {
		ID    string   `json:"id"`
		Codes []string `json:"codes"`
		Why   string   `json:"why"`
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.Len(t, vectors, 13)
	for _, v := range vectors {
		t.Run(v.Why, func(t *testing.T) {
			t.Parallel()
			s, faults := realname.New("张三", "cn_id", v.ID, day(t, "2020-11-20"))
			require.Equal(t, v.Codes, codes(faults))
			require.Equal(t, len(v.Codes) > 0, s.IsZero())
			for _, f := range faults {
				require.Equal(t, realname.FieldNumber, f.Field)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		number string
		want   []string
	}{
		"spaces of every kind around it":   {"\u3000\u00a0" + goodNumber + "\u200b \n", nil},
		"empty":                            {"", []string{"required"}},
		"only spaces":                      {" \u3000", []string{"required"}},
		"a space within":                   {"110101 19900307 0011", []string{"number_form"}},
		"X not at the end":                 {"11010119900307X011", []string{"number_form"}},
		"16 digits":                        {"1101011990030700", []string{"number_form"}},
		"19 digits":                        {goodNumber + "1", []string{"number_form"}},
		"full-width digits":                {"１１０１０１１９９００３０７００１１", []string{"number_form"}},
		"Arabic-Indic digits":              {strings.Repeat("\u0661", 18), []string{"number_form"}},
		"born today":                       {checkedBy("11010120201120001"), nil},
		"born tomorrow":                    {checkedBy("11010120201121001"), []string{"birth_date_in_future"}},
		"born on the first day":            {checkedBy("11010119000101001"), nil},
		"born the day before":              {checkedBy("11010118991231001"), []string{"birth_date_invalid"}},
		"1900 was no leap year":            {checkedBy("11010119000229001"), []string{"birth_date_invalid"}},
		"2000 was one":                     {checkedBy("11010120000229001"), nil},
		"month 13":                         {checkedBy("11010119901301001"), []string{"birth_date_invalid"}},
		"everything at once":               {"990000199002300010", []string{"area_unknown", "birth_date_invalid", "check_digit_wrong"}},
		"residence permit, Macao":          {checkedBy("82000019900307001"), []string{"document_type_unsupported"}},
		"a card's area beside the permits": {checkedBy("81000119900307001"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := realname.New("张三", "cn_id", c.number, day(t, "2020-11-20"))
			require.ElementsMatch(t, c.want, codes(faults))
		})
	}
}

func TestProvinces(t *testing.T) {
	t.Parallel()
	known := "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91"
	for tens := '0'; tens <= '9'; tens++ {
		for ones := '0'; ones <= '9'; ones++ {
			province := string(tens) + string(ones)
			_, faults := realname.New("张三", "cn_id", checkedBy(province+"010119900307001"), day(t, "2020-11-20"))
			require.Equal(t, strings.Contains(known, province), len(faults) == 0, province)
		}
	}
}

func TestBirthIsJudgedOnTheBeijingDate(t *testing.T) {
	t.Parallel()
	number := checkedBy("11010120201121001")
	eve := time.Date(2020, 11, 20, 15, 59, 59, 999_999_999, time.UTC)
	_, faults := realname.New("张三", "cn_id", number, eve)
	require.Equal(t, []string{"birth_date_in_future"}, codes(faults))
	_, faults = realname.New("张三", "cn_id", number, eve.Add(1))
	require.Empty(t, faults)
}

func TestDocumentType(t *testing.T) {
	t.Parallel()
	at := day(t, "2020-11-20")
	for name, c := range map[string]struct {
		docType, number string
		want            realname.Faults
	}{
		"none":                  {"", goodNumber, realname.Faults{{Field: realname.FieldType, Code: realname.CodeRequired}}},
		"another":               {"passport", goodNumber, realname.Faults{{Field: realname.FieldType, Code: realname.CodeTypeUnsupported}}},
		"another, no number":    {"passport", "", realname.Faults{{Field: realname.FieldType, Code: realname.CodeTypeUnsupported}, {Field: realname.FieldNumber, Code: realname.CodeRequired}}},
		"neither type nor more": {"", "", realname.Faults{{Field: realname.FieldType, Code: realname.CodeRequired}, {Field: realname.FieldNumber, Code: realname.CodeRequired}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := realname.New("张三", c.docType, c.number, at)
			for i := range faults {
				require.NotEmpty(t, faults[i].Message.En)
				require.NotEmpty(t, faults[i].Message.ZhCN)
				faults[i].Message = realname.Message{}
			}
			require.Equal(t, c.want, faults)
		})
	}
}

func TestSandboxNumbers(t *testing.T) {
	t.Parallel()
	at, odd := day(t, "2020-11-20"), "99010119900307001x"
	_, faults := realname.New("张三", "cn_id", odd, at)
	require.NotEmpty(t, faults)
	s, faults := realname.New("张三", "cn_id", odd, at, "110", " 99010119900307001X")
	require.Empty(t, faults)
	_, _, number := s.Reveal()
	require.Equal(t, "99010119900307001X", number)
	_, faults = realname.New("张三", "cn_id", "990101199003070012", at, odd)
	require.NotEmpty(t, faults, "only the listed number")
	_, faults = realname.New("", "cn_id", odd, at, odd)
	require.Equal(t, []string{"required"}, codes(faults), "the name is still judged")
	_, faults = realname.New("张三", "cn_id", "", at, "")
	require.NotEmpty(t, faults, "an empty entry allows nothing")
}

func TestEveryValidNumberIsTaken(t *testing.T) {
	t.Parallel()
	at := day(t, "2020-11-20")
	rapid.Check(t, func(t *rapid.T) {
		number := numbers(at).Draw(t, "number")
		_, faults := realname.New("张三", "cn_id", strings.ToLower(number), at)
		require.Empty(t, faults)
	})
}

func TestEverySingleMistypedCharacterIsCaught(t *testing.T) {
	t.Parallel()
	at := day(t, "2020-11-20")
	rapid.Check(t, func(t *rapid.T) {
		number := numbers(at).Draw(t, "number")
		for place := range len(number) {
			for _, c := range "0123456789X" {
				wrong := number[:place] + string(c) + number[place+1:]
				if wrong == number {
					continue
				}
				_, faults := realname.New("张三", "cn_id", wrong, at)
				require.NotEmpty(t, faults, "place %d", place)
			}
		}
	})
}

func TestAge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		born, at string
		want     int
	}{
		"the day before a birthday":        {"20061120", "2020-11-19", 13},
		"the birthday":                     {"20061120", "2020-11-20", 14},
		"born on 29 February, common year": {"20040229", "2022-02-28", 17},
		"the day after":                    {"20040229", "2022-03-01", 18},
		"born on 29 February, leap year":   {"20040229", "2024-02-29", 20},
		"born today":                       {"20201120", "2020-11-20", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := realname.Restore("张三", "cn_id", checkedBy("110101"+c.born+"001"))
			got, ok := s.Age(day(t, c.at))
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
	_, ok := realname.Restore("张三", "cn_id", goodNumber).Age(day(t, "1980-01-01"))
	require.False(t, ok, "before the birth")
	_, ok = realname.Restore("张三", "passport", goodNumber).Age(day(t, "2020-01-01"))
	require.False(t, ok, "another document")
	_, ok = realname.Subject{}.Age(day(t, "2020-01-01"))
	require.False(t, ok, "nobody")
	require.Equal(t, "1990-03-07", realname.Restore("张三", "cn_id", goodNumber).BirthDate())
	require.Empty(t, realname.Restore("张三", "cn_id", "x").BirthDate())
	turns := realname.Restore("张三", "cn_id", checkedBy("11010120061120001"))
	midnight := time.Date(2020, 11, 19, 16, 0, 0, 0, time.UTC)
	before, _ := turns.Age(midnight.Add(-1))
	from, _ := turns.Age(midnight)
	require.Equal(t, []int{13, 14}, []int{before, from}, "the birthday begins at Beijing midnight")
}
