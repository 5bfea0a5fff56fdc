package notify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify"
)

func TestPhoneShowsItselfMaskedOnly(t *testing.T) {
	t.Parallel()
	p, err := notify.ParsePhone("+8613812345678")
	require.NoError(t, err)
	require.Equal(t, []string{"+8613812345678", "13812345678", "+86138****5678"}, []string{p.Reveal(), p.National(), p.Masked()})
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "phone", p, "in", struct{ P notify.Phone }{p})
	text, err := json.Marshal(map[string]any{"p": p, "list": []notify.Phone{p}})
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s %q", p, p, p, p, p), log.String(), string(text)} {
		require.NotContains(t, shown, "1381234")
	}
	require.Empty(t, notify.Phone{}.Masked())
	require.Empty(t, notify.Phone{}.National())
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "13812345678", "+8612812345678", "+861381234567", "+86138123456789", "+86 13812345678", "+8613812345678\n", "+16502530000"} {
		_, err := notify.ParsePhone(bad)
		require.ErrorIs(t, err, notify.ErrPhone, "%q", bad)
	}
}

func TestErrorsCarryTheirClassAndCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("send: %w", &notify.Error{Class: notify.ErrLimited, Code: "isv.DAY"})
	require.ErrorIs(t, err, notify.ErrLimited)
	require.Equal(t, "isv.DAY", notify.CodeOf(err))
	require.Empty(t, notify.CodeOf(errors.New("other")))
}
