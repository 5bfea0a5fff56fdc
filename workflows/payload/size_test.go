package payload_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// TestWhatEncryptionAdds counts the bytes that a payload of JSON grows by, as docs/benchmarks.md says. The id of the key
// has up to ten digits, and protobuf writes longer lengths with a byte more.
func TestWhatEncryptionAdds(t *testing.T) {
	t.Parallel()
	codec, _ := newCodec(t)
	least, most := 1000, 0
	for _, size := range []int{2, 20, 60, 100, 120, 200, 1000, 10_000, 20_000} {
		plain, err := converter.GetDefaultDataConverter().ToPayload(strings.Repeat("x", size-2))
		require.NoError(t, err)
		sealed, err := codec.Encode([]*commonpb.Payload{plain})
		require.NoError(t, err)
		added := proto.Size(sealed[0]) - proto.Size(plain)
		least, most = min(least, added), max(most, added)
	}
	t.Logf("%d to %d bytes a payload", least, most)
	require.GreaterOrEqual(t, least, 85)
	require.LessOrEqual(t, most, 105)
}
