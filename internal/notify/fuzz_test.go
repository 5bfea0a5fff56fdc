package notify_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify"
)

// FuzzParsePhone: a number comes back as it was, and shows itself nowhere; a refusal quotes nothing.
func FuzzParsePhone(f *testing.F) {
	for _, seed := range []string{"+8613800000000", "13800000000", "+86 138", "+8613800000000\n", "+86１３８00000000", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		phone, err := notify.ParsePhone(text)
		if err != nil {
			require.Equal(t, notify.ErrPhone, err)
			require.Zero(t, phone)
			return
		}
		require.Len(t, text, len("+8613800000000"))
		require.Equal(t, text, phone.Reveal())
		require.Equal(t, text, "+86"+phone.National())
		encoded, err := json.Marshal(phone)
		require.NoError(t, err)
		for _, shown := range []string{string(encoded), phone.Masked(), fmt.Sprintf("%v %+v %#v %s %q %x %d", phone, phone, phone, phone, phone, phone, phone)} {
			require.NotContains(t, shown, text[6:])
		}
	})
}

// FuzzParseMessageID: an id names one entry of one account, or it is none of ours.
func FuzzParseMessageID(f *testing.F) {
	for _, seed := range []string{notify.MessageID("a1", 7), "msg_", "msg__1", "msg_YTE_07", "msg_YTE_-1", "msg_YTF_1", "msg_YTE_9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		account, seq, ok := notify.ParseMessageID(id)
		require.Equal(t, ok, account != "")
		if ok {
			require.Equal(t, id, notify.MessageID(account, seq))
		}
	})
}
