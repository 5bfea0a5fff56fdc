package api

import (
	"errors"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// ErrNotPayloads means that a text holds no payloads of Temporal.
var ErrNotPayloads = errors.New("api: not payloads of Temporal")

// Payloads opens encrypted payloads of workflows.
type Payloads interface {
	// Open takes and returns payloads in the JSON that Temporal's tools send a codec server. It fails with
	// ErrNotPayloads and quotes nothing.
	Open(text []byte) ([]byte, error)
}

// PayloadsPath is where payloads are opened. Tools are given what is before /decode and add that themselves.
const PayloadsPath = "/codec/decode"

// maxPayloads bounds what is opened at once: more than the largest payload that a workflow of ours has.
const maxPayloads = 4 << 20

// payloadsText is payloads in JSON, for the reference.
type payloadsText struct {
	Payloads []struct {
		Metadata map[string]string `json:"metadata" doc:"In base64."`
		Data     string            `json:"data" doc:"In base64."`
	} `json:"payloads" nullable:"false"`
}

func (s *Server) payloadRoutes() {
	if s.cfg.Payloads == nil {
		return
	}
	looks := &hourly{seen: map[string]bool{}}
	op := operation{
		id: "decode-payloads", method: http.MethodPost, path: PayloadsPath, tag: tagServer, summary: "Decrypt payloads of workflows",
		words: "For Temporal's web UI and command line, as their codec server: give them the address without /decode. Payloads hold no names and no numbers, but " +
			"what every account did. What another key encrypted comes back as it is. Nothing is encrypted here. The audit log tells of the first time in every hour.",
		scopes: []Scope{WorkflowsRead}, asks: true, maxBody: maxPayloads, secret: true,
		query: []parameter{{name: "preserveStorageRefs", words: "Sent by the web UI; changes nothing.", values: []string{"true", "false"}}},
	}
	s.document(op, true, s.json(reflect.TypeFor[payloadsText]()), s.json(reflect.TypeFor[payloadsText]()))
	s.serve(op, func(c *call) error {
		if err := s.readBody(c); err != nil {
			return err
		}
		opened, err := s.cfg.Payloads.Open(c.body)
		if errors.Is(err, ErrNotPayloads) {
			return notJSON("The body is not a list of payloads.", "请求内容不是 payload 列表。")
		}
		if err != nil {
			return err
		}
		if looks.first(c.key.ID, c.now) {
			c.mark()
			if err := s.told(c, nil); err != nil { // nobody sees what nobody knows that they saw
				looks.forget(c.key.ID)
				return err
			}
		}
		s.write(c.w, http.StatusOK, mediaJSON, opened)
		return nil
	})
}

// hourly knows who did something in this hour already.
type hourly struct {
	mu   sync.Mutex
	hour time.Time
	seen map[string]bool
}

// first reports whether somebody did nothing yet in the hour of an instant.
func (h *hourly) first(who string, at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hour := at.Truncate(time.Hour); !hour.Equal(h.hour) {
		h.hour = hour
		clear(h.seen)
	}
	if h.seen[who] {
		return false
	}
	h.seen[who] = true
	return true
}

// forget takes back that somebody did something, because nobody could write it down.
func (h *hourly) forget(who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.seen, who)
}
