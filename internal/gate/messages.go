package gate

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

//go:embed messages.json
var messagesJSON []byte

// Message is one sentence or two for people, in each language that is spoken.
type Message struct {
	En   string `json:"en"`
	ZhCN string `json:"zh-CN"`
}

// messages is the catalogue of sentences. Sentences are keyed by effect and reason and, below that, by where the
// deadline lies: "ahead", "past", "none", or "any" where it does not matter.
type messages struct {
	Formats   Message                       `json:"formats"` // layouts of package time
	Actions   map[string]Message            `json:"actions"`
	Other     Message                       `json:"other_action"`
	Sentences map[string]map[string]Message `json:"sentences"`
	Steps     map[string]Message            `json:"steps"`
}

func loadMessages() (*messages, error) {
	var m messages
	d := json.NewDecoder(bytes.NewReader(messagesJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("gate: messages.json: %w", err)
	}
	if m.Formats.En == "" || m.Formats.ZhCN == "" {
		return nil, errors.New("gate: messages.json: formats are missing")
	}
	return &m, nil
}

// of composes the message of an answer: what is so, and what to do.
func (m *messages) of(a Answer) Message {
	variants := m.Sentences[string(a.Effect)+"/"+string(a.Reason)]
	sentence, ok := variants[deadlineOf(a)]
	if !ok {
		sentence = variants["any"]
	}
	said := Message{
		En:   m.fill(sentence.En, a, func(t Message) string { return t.En }),
		ZhCN: m.fill(sentence.ZhCN, a, func(t Message) string { return t.ZhCN }),
	}
	if step, ok := m.Steps[a.RequiredStep]; ok {
		said.En += " " + step.En
		said.ZhCN += step.ZhCN
	}
	return said
}

// fill puts the facts of the answer into the {places} of a sentence.
func (m *messages) fill(sentence string, a Answer, in func(Message) string) string {
	var b strings.Builder
	b.Grow(len(sentence) + 64) // what is filled in is short
	for {
		text, rest, found := strings.Cut(sentence, "{")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		place, after, _ := strings.Cut(rest, "}")
		b.WriteString(m.fact(place, a, in))
		sentence = after
	}
}

func (m *messages) fact(place string, a Answer, in func(Message) string) string {
	switch place {
	case "action":
		action, ok := m.Actions[a.Action]
		if !ok {
			return strings.ReplaceAll(in(m.Other), "{name}", a.Action)
		}
		return in(action)
	case "since":
		return a.Since.Format(in(m.Formats))
	case "deadline":
		return a.Deadline.Format(in(m.Formats))
	case "rule":
		return a.RuleID
	case "policy":
		return a.PolicyName
	case "version":
		return strconv.Itoa(a.PolicyVersion)
	default:
		return "{" + place + "}"
	}
}

func deadlineOf(a Answer) string {
	switch {
	case a.Deadline.IsZero():
		return "none"
	case a.Deadline.After(a.At):
		return "ahead"
	default:
		return "past"
	}
}
