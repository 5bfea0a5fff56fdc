package realname_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/workflows/realname"
)

const secretName = "欧阳无名氏"

// holder hides a subject in every kind of place, most of all in an unexported field, where fmt asks no method.
type holder struct {
	Open    realname.Subject
	Pointer *realname.Subject
	hidden  realname.Subject
	list    []realname.Subject
	byName  map[string]realname.Subject
	any     any
}

func everywhere() map[string]any {
	s := realname.Restore(secretName, "cn_id", goodNumber)
	h := holder{s, &s, s, []realname.Subject{s}, map[string]realname.Subject{"a": s}, s}
	return map[string]any{
		"value": s, "pointer": &s, "slice": []realname.Subject{s}, "map": map[string]realname.Subject{"a": s},
		"array": [1]realname.Subject{s}, "holder": h, "holder pointer": &h, "holders": []holder{h}, "map key": map[realname.Subject]int{s: 1},
	}
}

func requireRedacted(t *testing.T, out string) {
	t.Helper()
	for _, secret := range []string{
		secretName, "欧阳", goodNumber, goodNumber[6:14], fmt.Sprintf("%+q", secretName)[1:8],
		fmt.Sprintf("%x", secretName), fmt.Sprintf("%X", secretName), fmt.Sprintf("%x", goodNumber), fmt.Sprint([]byte(goodNumber)), "cn_id",
	} {
		require.NotContains(t, out, secret)
	}
}

func TestNoFormatVerbShowsASubject(t *testing.T) {
	t.Parallel()
	for _, v := range everywhere() {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "12", ".3", "+#", "# "} {
				requireRedacted(t, fmt.Sprintf("%"+flags+string(verb), v))
			}
		}
		requireRedacted(t, fmt.Sprint(v))
		requireRedacted(t, fmt.Errorf("wrapped: %v", v).Error())
	}
	s := realname.Restore(secretName, "cn_id", goodNumber)
	require.Equal(t, realname.Redacted, fmt.Sprintf("%+v", s))
	require.Equal(t, realname.Redacted, fmt.Sprintf("%08d", s))
	require.Equal(t, realname.Redacted, s.String())
	require.Equal(t, realname.Redacted, s.GoString())
}

func TestNoLogShowsASubject(t *testing.T) {
	t.Parallel()
	for _, v := range everywhere() {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		require.Greater(t, out.Len(), 40)
		requireRedacted(t, out.String())
	}
}

func TestNoEncodingShowsASubject(t *testing.T) {
	t.Parallel()
	for place, v := range everywhere() {
		if place != "map key" && place != "holder" && place != "holder pointer" && place != "holders" {
			out, err := yaml.Marshal(v)
			require.NoError(t, err)
			requireRedacted(t, string(out))
		}
		out, err := json.Marshal(v)
		require.NoError(t, err)
		require.Contains(t, string(out), realname.Redacted)
		requireRedacted(t, string(out))
		if out, err = xml.Marshal(v); err == nil {
			requireRedacted(t, string(out))
		}
		var buf bytes.Buffer
		_ = gob.NewEncoder(&buf).Encode(v)
		requireRedacted(t, buf.String())
	}
}

func TestASubjectIsNotReadBack(t *testing.T) {
	t.Parallel()
	var s realname.Subject
	require.ErrorIs(t, json.Unmarshal([]byte(`{"name":"x"}`), &s), realname.ErrRedacted)
	require.ErrorIs(t, json.Unmarshal([]byte(`"`+realname.Redacted+`"`), &s), realname.ErrRedacted)
	require.ErrorIs(t, s.UnmarshalText([]byte("x")), realname.ErrRedacted)
	require.True(t, s.IsZero())
}

func TestRevealAndRestore(t *testing.T) {
	t.Parallel()
	s, faults := realname.New(" 买买提.吐尔逊 ", " cn_id", "11010519491231002x ", day(t, "2020-11-20"))
	require.Empty(t, faults)
	name, docType, number := s.Reveal()
	require.Equal(t, []string{"买买提·吐尔逊", "cn_id", "11010519491231002X"}, []string{name, docType, number})
	require.Equal(t, realname.CNID, s.DocType())
	back := realname.Restore(s.Reveal())
	require.True(t, s.Equal(back))
	require.True(t, cmp.Equal(s, back))
	require.False(t, s.Equal(realname.Restore(name, docType, goodNumber)))
	require.False(t, s.Equal(realname.Subject{}))
	require.False(t, s.IsZero())
	require.True(t, realname.Subject{}.Equal(realname.Restore("", "", "")))
}
