package temporal

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/payload"
)

// Payloads opens payloads for people who look at workflows in Temporal's web UI or its command line. It only opens:
// nothing of ours lets anybody encrypt, which would be to write as a worker.
type Payloads struct{ codec *payload.Codec }

var _ api.Payloads = (*Payloads)(nil)

// NewPayloads returns payloads of a codec.
func NewPayloads(codec *payload.Codec) *Payloads { return &Payloads{codec} }

// Open implements api.Payloads. It takes and returns what Temporal's tools send a codec server: a message Payloads in
// JSON. A payload that is in clear, as search attributes are, or of another key, comes back as it is; so one of them
// does not hide the others of its event.
func (p *Payloads) Open(text []byte) ([]byte, error) {
	var given commonpb.Payloads
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &given); err != nil {
		return nil, api.ErrNotPayloads // the cause quotes the text
	}
	for i, one := range given.GetPayloads() {
		opened, err := p.codec.Decode([]*commonpb.Payload{one})
		switch {
		case err == nil:
			given.Payloads[i] = opened[0]
		case errors.Is(err, payload.ErrNotEncrypted), errors.Is(err, payload.ErrUnreadable):
		default:
			return nil, err
		}
	}
	return protojson.Marshal(&given)
}
