package realname_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/realname"
)

// FuzzNew: nothing panics; faults say what and how to mend it without what was typed; what is accepted is in
// normal form, survives the way through the vault and can be judged and masked.
func FuzzNew(f *testing.F) {
	for _, seed := range [][3]string{
		{"张三", "cn_id", goodNumber}, {" 买买提.吐尔逊", "cn_id", "11010519491231002x"}, {"·", "passport", "110105491231002"},
		{"张\xff", "", ""}, {"\u200b", "cn_id", "990101199002300010"}, {"ab.", "cn_id", "810000199003070015"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	at := time.Date(2020, 11, 20, 4, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, name, docType, number string) {
		s, faults := realname.New(name, docType, number, at)
		require.Equal(t, len(faults) > 0, s.IsZero())
		for _, fault := range faults {
			require.NotEmpty(t, fault.Message.En)
			require.NotEmpty(t, fault.Message.ZhCN)
			said, err := json.Marshal(fault)
			require.NoError(t, err)
			if personal := strings.TrimSpace(number); len(personal) >= 15 && strings.Trim(personal, "0123456789Xx") == "" {
				require.NotContains(t, string(said), personal)
			}
		}
		if len(faults) > 0 {
			return
		}
		again, faults := realname.New(revealed(s, at))
		require.Empty(t, faults)
		require.True(t, s.Equal(again))
		kept, _, _ := s.Reveal()
		require.True(t, utf8.ValidString(kept))
		for _, finding := range realname.Check(s, at, realname.Rules{MinimumAge: 18}) {
			require.NotEmpty(t, finding.Code)
		}
		require.LessOrEqual(t, utf8.RuneCountInString(strings.ReplaceAll(s.MaskedName(), "*", "")), 2)
		require.Contains(t, s.MaskedNumber(), "***********")
	})
}

func revealed(s realname.Subject, at time.Time) (name, docType, number string, when time.Time) {
	name, docType, number = s.Reveal()
	return name, docType, number, at
}
