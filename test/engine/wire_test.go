package engine

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// What the tests give as personal data and as free text: none of it may be on the wire, however deep in a message.
const (
	canaryName   = "张三"
	canaryNumber = "110101199003070011"
	canaryReason = "canary-reason"
)

// wire looks at everything that client and worker send to the server, updates that are rejected and heartbeats among it,
// which no history keeps.
type wire struct {
	mu    sync.Mutex
	seen  map[string]int // messages by their full names
	found []string
}

// watched fails the test if anything was sent in clear.
func watched(t testing.TB) *wire {
	t.Helper()
	w := &wire{seen: map[string]int{}}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Empty(t, w.found, "sent in clear")
		require.NotEmpty(t, w.seen, "nothing was looked at")
	})
	return w
}

func (w *wire) intercept(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if m, ok := request.(proto.Message); ok {
		w.look(m.ProtoReflect(), method[strings.LastIndexByte(method, '/')+1:])
	}
	return invoke(ctx, method, request, reply, cc, options...)
}

func (w *wire) look(m protoreflect.Message, where string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.message(m, where)
}

func (w *wire) message(m protoreflect.Message, where string) {
	w.seen[string(m.Descriptor().FullName())]++
	switch one := m.Interface().(type) {
	case *commonpb.Payload:
		w.payload(one, where)
		return
	case *commonpb.SearchAttributes:
		w.attributes(one, where)
		return
	case *anypb.Any: // as updates are answered
		inner, err := one.UnmarshalNew()
		if err != nil {
			w.say(where, "cannot be looked into: %v", err)
			return
		}
		w.message(inner.ProtoReflect(), where)
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := where + "." + string(f.Name())
		switch {
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				w.value(f.MapKey(), k.Value(), at)
				w.value(f.MapValue(), v, at+"["+k.String()+"]")
				return true
			})
		case f.IsList():
			for i := range v.List().Len() {
				w.value(f, v.List().Get(i), at)
			}
		default:
			w.value(f, v, at)
		}
		return true
	})
}

func (w *wire) value(f protoreflect.FieldDescriptor, v protoreflect.Value, where string) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		w.message(v.Message(), where)
	case protoreflect.StringKind:
		w.text(v.String(), where)
	case protoreflect.BytesKind:
		for _, canary := range []string{canaryName, canaryNumber, canaryReason} {
			if strings.Contains(string(v.Bytes()), canary) {
				w.say(where, "holds %s", canary)
			}
		}
	default: // numbers and enumerations
	}
}

// payload must be encrypted. The SDK makes some of its own past every codec: versions of changed code, and its word for an
// activity that was cancelled before it was begun.
func (w *wire) payload(p *commonpb.Payload, where string) {
	if strings.Contains(where, "[change-id]") || strings.Contains(where, "[version]") || string(p.GetData()) == `"ACTIVITY_ID_NOT_STARTED"` {
		return
	}
	if encoding := string(p.GetMetadata()["encoding"]); encoding != "binary/encrypted" {
		w.say(where, "is a payload in clear, %s: %s", encoding, p.GetData())
	}
}

// attributes may say whose turn it is, and nothing else but the SDK's own: which changes of the code a run has met.
func (w *wire) attributes(a *commonpb.SearchAttributes, where string) {
	for key, p := range a.GetIndexedFields() {
		if key == "TemporalChangeVersion" {
			continue
		}
		turn := lifecycle.Turn(strings.Trim(string(p.GetData()), `"`))
		if key != contract.AttributeTurn || !slices.Contains([]lifecycle.Turn{
			lifecycle.TurnMerchant, lifecycle.TurnOperator, lifecycle.TurnProvider, lifecycle.TurnNone,
		}, turn) {
			w.say(where, "is a search attribute: %s = %s", key, p.GetData())
		}
	}
}

// plain is what ids, names of types and codes are made of: one word of ASCII. Free text has spaces, or is Chinese.
var plain = regexp.MustCompile(`^[!-~]*$`)

// known are texts with spaces that are no free text: the SDK's own, and ours that are the same for every account.
var known = []string{
	"Encoded failure", // what it was is a payload beside it
	"graceful shutdown", "Unpaused via Go SDK", "WorkflowType = '" + contract.RemindersWorkflow + "'",
	"daily sweep", "a phase or a version begins", "kept by Verigate; changes are undone",
	"by an operator", // who pauses a schedule in a test
}

// text must be an id, a name or a code.
func (w *wire) text(s, where string) {
	if !plain.MatchString(s) && !slices.Contains(known, s) {
		w.say(where, "is free text: %q", s)
	}
	for _, canary := range []string{canaryName, canaryNumber, canaryReason} {
		if strings.Contains(s, canary) {
			w.say(where, "holds %s", canary)
		}
	}
}

func (w *wire) say(where, format string, args ...any) {
	if line := where + " " + fmt.Sprintf(format, args...); !slices.Contains(w.found, line) {
		w.found = append(w.found, line)
	}
}
