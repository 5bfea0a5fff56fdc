package temporal_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/payload"
)

// TestPayloadsAreOpenedOneByOne, as the web UI and the command line send them, what cannot be opened among them.
func TestPayloadsAreOpenedOneByOne(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	plain, err := converter.GetDefaultDataConverter().ToPayload("search attribute")
	require.NoError(t, err)
	ours, err := codec.DataConverter().ToPayload("input")
	require.NoError(t, err)
	foreign, err := newCodec(t).DataConverter().ToPayload("another deployment's")
	require.NoError(t, err)
	given := &commonpb.Payloads{Payloads: []*commonpb.Payload{plain, ours, foreign, {}}}
	sent, err := protojson.Marshal(given)
	require.NoError(t, err)

	answer, err := temporal.NewPayloads(codec).Open(sent)
	require.NoError(t, err)
	var got commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(answer, &got))
	require.Len(t, got.GetPayloads(), 4)
	require.True(t, proto.Equal(plain, got.GetPayloads()[0]))
	require.Equal(t, `"input"`, string(got.GetPayloads()[1].GetData()))
	require.Equal(t, "json/plain", string(got.GetPayloads()[1].GetMetadata()["encoding"]))
	require.True(t, proto.Equal(foreign, got.GetPayloads()[2]), "what another key encrypted stays so")
	require.True(t, proto.Equal(&commonpb.Payload{}, got.GetPayloads()[3]))
}

func TestWhatIsNoPayloadsIsNotQuoted(t *testing.T) {
	t.Parallel()
	p := temporal.NewPayloads(newCodec(t))
	for _, text := range []string{``, `[]`, `secret-text`, `{"payloads":"secret-text"}`, `{"payloads":[{"data":"secret-text!"}]}`} {
		_, err := p.Open([]byte(text))
		require.ErrorIs(t, err, api.ErrNotPayloads, text)
		require.NotContains(t, err.Error(), "secret-text")
	}
	got, err := p.Open([]byte(`{"unknown":1}`))
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(got))
}

func newCodec(t *testing.T) *payload.Codec {
	t.Helper()
	keys, err := payload.GenerateKeyset()
	require.NoError(t, err)
	codec, err := payload.NewCodec(keys)
	require.NoError(t, err)
	return codec
}
