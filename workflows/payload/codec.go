package payload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

const (
	encodingEncrypted = "binary/encrypted"
	// metadataKeyID names the key in clear, so that one can see in the web UI which payloads an old key still holds.
	metadataKeyID = "encryption-key-id"
)

// associated is bound into every ciphertext: data encrypted for something else under the same key is not a payload.
func associated() []byte { return []byte("verigate temporal payload 1") }

// Errors of decoding.
var (
	// ErrNotEncrypted means that a payload came in clear, which nothing of ours writes.
	ErrNotEncrypted = errors.New("payload: payload is not encrypted")
	// ErrUnreadable means that a payload was encrypted under a key that is not in the keyset, or was changed.
	ErrUnreadable = errors.New("payload: payload cannot be decrypted; is the keyset older than the payload?")
)

// Codec encrypts payloads. It is safe for concurrent use.
type Codec struct {
	aead  tink.AEAD
	keyID []byte // of the key that encrypts, decimal
}

var _ converter.PayloadCodec = (*Codec)(nil)

// NewCodec returns a codec for a keyset in Tink's JSON form; see GenerateKeyset. It fails with ErrKeyset.
func NewCodec(keysetJSON []byte) (*Codec, error) {
	handle, err := readKeyset(keysetJSON)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, ErrKeyset
	}
	id := strconv.FormatUint(uint64(handle.KeysetInfo().GetPrimaryKeyId()), 10)
	return &Codec{aead: a, keyID: []byte(id)}, nil
}

// Encode implements converter.PayloadCodec.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("payload: encode payload: %w", err)
		}
		sealed, err := c.aead.Encrypt(plain, associated())
		if err != nil {
			return nil, fmt.Errorf("payload: encrypt payload: %w", err)
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encodingEncrypted), metadataKeyID: c.keyID},
			Data:     sealed,
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec. It fails with ErrNotEncrypted or ErrUnreadable.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
			return nil, ErrNotEncrypted
		}
		plain, err := c.aead.Decrypt(p.GetData(), associated())
		if err != nil {
			return nil, fmt.Errorf("%w (key %s)", ErrUnreadable, keyOf(p.GetData()))
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("payload: decode payload: %w", err)
		}
	}
	return out, nil
}

// keyOf reads the key id that Tink writes in front of each ciphertext: one byte of version, four of id.
func keyOf(sealed []byte) string {
	if len(sealed) < 5 {
		return "unknown"
	}
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(sealed[1:5])), 10)
}

// DataConverter is the SDK's own, encrypting.
func (c *Codec) DataConverter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}

// FailureConverter encrypts message, details and stack trace of failures too.
func (c *Codec) FailureConverter() converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: c.DataConverter(), EncodeCommonAttributes: true,
	})
}
