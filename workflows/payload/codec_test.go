package payload_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/payload"
)

const canary = "金丝雀-11010519491231002X"

func newCodec(t testing.TB) (*payload.Codec, []byte) {
	t.Helper()
	keys, err := payload.GenerateKeyset()
	require.NoError(t, err)
	c, err := payload.NewCodec(keys)
	require.NoError(t, err)
	return c, keys
}

func requireNoCanary(t testing.TB, m proto.Message) {
	t.Helper()
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	for _, form := range []string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary))[:16], hex.EncodeToString([]byte(canary)),
		url.QueryEscape(canary), "11010519491231002X",
	} {
		require.False(t, bytes.Contains(raw, []byte(form)), "plaintext in what is sent")
	}
}

func TestPayloadsAreEncryptedAndComeBack(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	dc := codec.DataConverter()
	type input struct {
		Note string
		N    int
	}
	sent, err := dc.ToPayloads(input{canary, 3}, canary, nil, []byte(canary))
	require.NoError(t, err)
	requireNoCanary(t, sent)
	var in input
	var text string
	var none *input
	var raw []byte
	require.NoError(t, dc.FromPayloads(sent, &in, &text, &none, &raw))
	require.Equal(t, input{canary, 3}, in)
	require.Equal(t, canary, text)
	require.Nil(t, none)
	require.Equal(t, canary, string(raw))
}

func TestSameValueNeverLooksTheSame(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	a, err := codec.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	b, err := codec.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	require.NotEqual(t, a.GetData(), b.GetData())
}

func TestFailuresAreEncrypted(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	fc := codec.FailureConverter()
	failure := sdktemporal.NewApplicationErrorWithCause(canary, "refusal", errors.New("cause "+canary), canary)
	sent := fc.ErrorToFailure(failure)
	requireNoCanary(t, sent)
	require.Equal(t, "refusal", sent.GetApplicationFailureInfo().GetType(), "the type is a code and stays readable")
	var back *sdktemporal.ApplicationError
	require.ErrorAs(t, fc.FailureToError(proto.Clone(sent).(*failurepb.Failure)), &back)
	require.Contains(t, back.Error(), canary)
	var detail string
	require.NoError(t, back.Details(&detail))
	require.Equal(t, canary, detail)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, keys := newCodec(t)
	rotated, err := payload.RotateKeyset(keys)
	require.NoError(t, err)
	after, err := payload.NewCodec(rotated)
	require.NoError(t, err)

	old, err := before.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	var got string
	require.NoError(t, after.DataConverter().FromPayload(old, &got), "an old key still decrypts")
	require.Equal(t, canary, got)

	fresh, err := after.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	require.NotEqual(t, old.GetMetadata()["encryption-key-id"], fresh.GetMetadata()["encryption-key-id"])
	err = before.DataConverter().FromPayload(fresh, &got)
	require.ErrorIs(t, err, payload.ErrUnreadable)
	require.ErrorContains(t, err, string(fresh.GetMetadata()["encryption-key-id"]), "the missing key is named")
}

func TestNothingUnencryptedOrChangedIsRead(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	other, _ := newCodec(t)
	good, err := codec.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	plain, err := converter.GetDefaultDataConverter().ToPayload(canary)
	require.NoError(t, err)
	foreign, err := other.DataConverter().ToPayload(canary)
	require.NoError(t, err)
	flipped := proto.Clone(good).(*commonpb.Payload)
	flipped.Data[len(flipped.Data)-1] ^= 1
	short := &commonpb.Payload{Metadata: good.GetMetadata(), Data: []byte{1}}
	for name, c := range map[string]struct {
		payload *commonpb.Payload
		want    error
	}{
		"clear":       {plain, payload.ErrNotEncrypted},
		"no metadata": {&commonpb.Payload{Data: good.GetData()}, payload.ErrNotEncrypted},
		"foreign key": {foreign, payload.ErrUnreadable},
		"changed":     {flipped, payload.ErrUnreadable},
		"short":       {short, payload.ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			err := codec.DataConverter().FromPayload(c.payload, &got)
			require.ErrorIs(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
			require.Empty(t, got)
		})
	}
}

func TestBadKeysetsAreNotQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", "secret-text", `{"primaryKeyId":1,"key":[{"secret-text":1}]}`} {
		_, err := payload.NewCodec([]byte(text))
		require.ErrorIs(t, err, payload.ErrKeyset, text)
		require.NotContains(t, err.Error(), "secret-text")
		_, err = payload.RotateKeyset([]byte(text))
		require.ErrorIs(t, err, payload.ErrKeyset, text)
	}
}

func TestAnyPayloadComesBack(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		in := &commonpb.Payload{
			Metadata: rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Byte())).Draw(t, "metadata"),
			Data:     rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		sent, err := codec.Encode([]*commonpb.Payload{in})
		if err != nil {
			t.Fatal(err)
		}
		out, err := codec.Decode(sent)
		if err != nil || !proto.Equal(in, out[0]) {
			t.Fatalf("came back differently: %v", err)
		}
	})
}
