package payload_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/verigate/verigate/workflows/payload"
)

// FuzzDecode: what was not encoded here is refused with one of two errors, which quote nothing of it; what was comes back.
func FuzzDecode(f *testing.F) {
	codec, _ := newCodec(f)
	sealed, err := codec.Encode([]*commonpb.Payload{{Data: []byte(canary)}})
	require.NoError(f, err)
	f.Add([]byte("binary/encrypted"), sealed[0].GetData())
	f.Add([]byte("binary/encrypted"), sealed[0].GetData()[:5])
	f.Add([]byte("binary/encrypted"), []byte(canary))
	f.Add([]byte("json/plain"), []byte(canary))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, encoding, data []byte) {
		given := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: encoding}, Data: data}
		out, err := codec.Decode([]*commonpb.Payload{given})
		switch {
		case string(encoding) != "binary/encrypted":
			require.ErrorIs(t, err, payload.ErrNotEncrypted)
		case !bytes.Equal(data, sealed[0].GetData()):
			require.ErrorIs(t, err, payload.ErrUnreadable)
		default:
			require.NoError(t, err)
			require.Equal(t, canary, string(out[0].GetData()))
		}
		if err != nil && len(data) > 16 {
			require.NotContains(t, err.Error(), string(data))
		}
		sent, err := codec.Encode([]*commonpb.Payload{given})
		require.NoError(t, err)
		back, err := codec.Decode(sent)
		require.NoError(t, err)
		require.True(t, proto.Equal(given, back[0]))
	})
}
