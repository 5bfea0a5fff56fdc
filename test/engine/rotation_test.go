package engine

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/payload"
)

// keyset is a keyset in Tink's JSON form, as far as a test takes it apart.
type keyset struct {
	Primary uint32 `json:"primaryKeyId"`
	Keys    []struct {
		ID   uint32          `json:"keyId"`
		Data json.RawMessage `json:"keyData"`

		Status string `json:"status"`
		Prefix string `json:"outputPrefixType"`
	} `json:"key"`
}

func parsed(t *testing.T, text []byte) (k keyset) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &k))
	return k
}

// onlyNewest is a keyset without its older keys.
func onlyNewest(t *testing.T, text []byte) []byte {
	t.Helper()
	k := parsed(t, text)
	for _, key := range k.Keys {
		if key.ID == k.Primary {
			k.Keys[0] = key
		}
	}
	k.Keys = k.Keys[:1]
	short, err := json.Marshal(k)
	require.NoError(t, err)
	return short
}

// logged is what a worker logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

// until waits until something was logged.
func (l *logged) until(t *testing.T, want string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-l.news:
		case <-deadline.C:
			require.Contains(t, text, want)
		}
	}
}

// restart stops the worker and starts another one with other keys; commands are sent with them, too.
func (b *bed) restart(keys []byte, logger *slog.Logger) {
	b.t.Helper()
	b.worker.Stop()
	b.codec = newCodec(b.t, keys)
	b.client = b.dial(b.server, b.codec, logger)
	b.typed = workflows.NewClient(b.client)
	b.worker = worker.New(b.client, b.deps, worker.Options{StopTimeout: 5 * time.Second})
	require.NoError(b.t, b.worker.Start())
	b.t.Cleanup(b.worker.Stop)
}

// keysIn are the ids of keys in a history, in the order of their first payload.
func (b *bed) keysIn(id string) (ids []string) {
	b.t.Helper()
	for _, h := range b.history(contract.VerificationID(id)) {
		for _, e := range h.Events {
			require.NoError(b.t, protorange.Range(e.ProtoReflect(), func(at protopath.Values) error {
				m, ok := at.Index(-1).Value.Interface().(protoreflect.Message)
				if !ok {
					return nil
				}
				if p, ok := m.Interface().(*commonpb.Payload); ok && len(p.GetMetadata()["encryption-key-id"]) > 0 {
					ids = append(ids, string(p.GetMetadata()["encryption-key-id"]))
				}
				return nil
			}))
		}
	}
	return slices.Compact(ids)
}

// TestPayloadKeysChangeWhileWorkflowsRun: a verification that was begun under one key goes on under another, a worker that
// lacks a key says which one and loses nothing, and it all goes on as soon as it has the key.
func TestPayloadKeysChangeWhileWorkflowsRun(t *testing.T) {
	t.Parallel()
	if *update {
		t.Skip("histories are recorded in clear")
	}
	first := newKeyset(t)
	both, err := payload.RotateKeyset(first)
	require.NoError(t, err)
	old, fresh := strconv.FormatUint(uint64(parsed(t, first).Primary), 10), strconv.FormatUint(uint64(parsed(t, both).Primary), 10)

	b := newBed(t)
	w := &walker{bed: b, id: "account-1"}
	b.register(w.id)
	quiet := slog.New(slog.DiscardHandler)
	b.restart(first, quiet)
	w.approved()
	s := w.start()
	<-b.provider.asked // the worker that is about to stop is waiting for the result
	require.Equal(t, []string{old}, b.keysIn(w.id))

	// The old key is taken away too early.
	said := &logged{news: make(chan struct{}, 1)}
	b.restart(onlyNewest(t, both), slog.New(slog.NewTextHandler(said, nil)))
	b.provider.answer(1, face.StateFailed)
	said.until(t, "payload cannot be decrypted; is the keyset older than the payload? (key "+old+")")
	head, err := b.store.Head(t.Context(), w.id)
	require.NoError(t, err)
	require.Equal(t, lifecycle.QRIssued, head.State, "nothing was lost and nothing made up")

	// With both keys everything goes on.
	b.restart(both, quiet)
	b.until(w.id, lifecycle.FaceFailed)
	require.NotEqual(t, s.Lease.ID, w.start().Lease.ID)
	w.verdict(2, face.StatePassed, lifecycle.Verified)
	closed(t, b, w.id)
	ids := b.keysIn(w.id)
	require.Equal(t, old, ids[0], "what was written before is read")
	require.Equal(t, fresh, ids[len(ids)-1], "what is written since has the new key")
	require.Len(t, ids, 2, "%v", ids)

	b.codec = newCodec(t, onlyNewest(t, both))
	err = b.replayed(b.history(contract.VerificationID(w.id))[0])
	require.ErrorContains(t, err, "(key "+old+")", "without the old key the history cannot be replayed")
}
