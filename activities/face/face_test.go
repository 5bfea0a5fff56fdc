package face_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/activities/face"
)

const (
	canaryName = "金丝雀姓名"
	canaryNo   = "110101199003070011"
)

func canary() face.Subject {
	return face.Subject{Name: canaryName, DocType: face.DocCNID, DocNo: canaryNo}
}

func TestSubjectIsRedactedInEveryForm(t *testing.T) {
	t.Parallel()
	s := canary()
	request := face.StartRequest{OrderNo: "A1", Subject: s}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("one", "subject", s, "request", request, "pointer", &s)
	slog.New(slog.NewTextHandler(&log, nil)).Info("two", "subject", s, "request", request, "pointer", &s)

	asJSON, err := json.Marshal(map[string]any{"s": s, "p": &s, "r": request})
	require.NoError(t, err)
	asText, err := s.MarshalText()
	require.NoError(t, err)

	forms := []string{log.String(), string(asJSON), string(asText), s.String(), s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%10.3s"} {
		forms = append(forms,
			fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, request),
			fmt.Sprintf(verb, []face.Subject{s}), fmt.Errorf("w "+verb, s).Error())
	}
	for _, form := range forms {
		require.NotContains(t, form, canaryName)
		require.NotContains(t, form, canaryNo)
		require.NotContains(t, form, fmt.Sprintf("%x", canaryName))
	}
	require.Contains(t, string(asJSON), face.RedactedSubject)
}

func TestSubjectIsNeverReadBack(t *testing.T) {
	t.Parallel()
	var r face.StartRequest
	require.ErrorIs(t, json.Unmarshal([]byte(`{"Subject":{"Name":"x"}}`), &r), face.ErrSubjectFromJSON)
}

func TestErrorIsClassAndCodesOnly(t *testing.T) {
	t.Parallel()
	err := error(&face.Error{
		Class: face.ErrRefExpired, Provider: "p", Op: "query", Code: "40004",
		SubCode: "CERTIFY_ID_EXPIRED", HTTPStatus: 200, Cause: context.Canceled,
	})
	wrapped := fmt.Errorf("ask: %w", err)
	require.Equal(t, "face: p query: reference expired 40004 CERTIFY_ID_EXPIRED http 200", err.Error())
	require.ErrorIs(t, wrapped, face.ErrRefExpired)
	require.ErrorIs(t, wrapped, context.Canceled)
	require.Equal(t, face.ErrRefExpired, face.ClassOf(wrapped))
	require.NoError(t, face.ClassOf(errors.New("other")))
	require.NoError(t, face.ClassOf(nil))
	var as *face.Error
	require.ErrorAs(t, wrapped, &as)
	require.Len(t, face.Classes(), 9)
}

func TestSafeCode(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "40004", "isv.invalid-signature", "OPEN_CERTIFY_BILL_NOT_EXIST", "Z1147"} {
		require.Equal(t, good, face.SafeCode(good))
	}
	for _, bad := range []string{canaryName, canaryNo, "a b", "x\n", "code" + canaryNo, strings.Repeat("a", 65), "\xff"} {
		require.Equal(t, "unprintable", face.SafeCode(bad), "%q", bad)
	}
}

func TestSafeCodeNeverPassesANumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{7,18}X?`).Draw(t, "digits")
		around := rapid.StringMatching(`[a-z_.-]{0,20}`)
		code := around.Draw(t, "before") + digits + around.Draw(t, "after")
		if face.SafeCode(code) != "unprintable" {
			t.Fatalf("%q passed", code)
		}
	})
}

func TestOrderNo(t *testing.T) {
	t.Parallel()
	require.True(t, face.ValidOrderNo("WP20201204000000ABCDEF0123456789"))
	for _, bad := range []string{"", strings.Repeat("a", 33), "a-b", "a b", "订单", "a\n"} {
		require.False(t, face.ValidOrderNo(bad), "%q", bad)
	}
}

func TestReturnURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "https://idv.example.com/r/9f1c2d3e", "http://127.0.0.1:8080/r/a"} {
		require.True(t, face.ValidReturnURL(good), good)
	}
	for _, bad := range []string{
		"/r/a", "javascript:alert(1)", "https://", "https://u:p@h/", "https://h/?a=b", "https://h/?", "https://h/#x",
		"https://h/" + strings.Repeat("a", 250), "ftp://h/", "https://h/\n",
	} {
		require.False(t, face.ValidReturnURL(bad), bad)
	}
}

func TestRequestCheck(t *testing.T) {
	t.Parallel()
	good := face.StartRequest{OrderNo: "A1", Subject: canary(), ConsentID: "c1"}
	for name, c := range map[string]struct {
		change func(*face.StartRequest)
		class  error
		code   string
	}{
		"good":          {func(*face.StartRequest) {}, nil, ""},
		"no consent":    {func(r *face.StartRequest) { r.ConsentID = " " }, face.ErrConfig, face.CodeNoConsent},
		"order number":  {func(r *face.StartRequest) { r.OrderNo = "a-b" }, face.ErrConfig, face.CodeOrderNo},
		"return url":    {func(r *face.StartRequest) { r.ReturnURL = "x" }, face.ErrConfig, face.CodeReturnURL},
		"document type": {func(r *face.StartRequest) { r.Subject.DocType = "passport" }, face.ErrUnsupported, face.CodeDocType},
		"no name":       {func(r *face.StartRequest) { r.Subject.Name = "" }, face.ErrUserInput, face.CodeSubjectName},
		"name spaced":   {func(r *face.StartRequest) { r.Subject.Name = " 张三" }, face.ErrUserInput, face.CodeSubjectName},
		"name control":  {func(r *face.StartRequest) { r.Subject.Name = "张\x00三" }, face.ErrUserInput, face.CodeSubjectName},
		"name not utf8": {func(r *face.StartRequest) { r.Subject.Name = "\xff" }, face.ErrUserInput, face.CodeSubjectName},
		"no number":     {func(r *face.StartRequest) { r.Subject.DocNo = "" }, face.ErrUserInput, face.CodeSubjectDoc},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := good
			c.change(&r)
			class, code := r.Check([]face.DocType{face.DocCNID})
			require.Equal(t, c.class, class)
			require.Equal(t, c.code, code)
		})
	}
}

func TestTerminalStates(t *testing.T) {
	t.Parallel()
	var terminal []face.State
	for _, s := range face.States() {
		if s.Terminal() {
			terminal = append(terminal, s)
		}
	}
	require.Equal(t, []face.State{face.StatePassed, face.StateFailed, face.StateExpired}, terminal)
}
