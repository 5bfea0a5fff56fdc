package consent

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/verigate/verigate/workflows/lifecycle"
)

//go:embed texts
var files embed.FS

// Section is one heading of a text with what stands below it.
type Section struct {
	Heading string `json:"heading"`
	Text    string `json:"text"`
}

// Facts say in a few words what a text tells at length: the fields of a record of consent that are the same for
// everybody who agreed to it.
type Facts struct {
	Recipient        string   `json:"recipient,omitempty"` // another processor that gets the data; empty if none does
	RecipientContact string   `json:"recipient_contact,omitempty"`
	Purpose          string   `json:"purpose"`
	Method           string   `json:"method"`
	Data             []string `json:"data"` // kinds of data
	Retention        string   `json:"retention"`
	Necessity        bool     `json:"necessity"`   // the text says why it is necessary and what it means for the person
	Alternative      bool     `json:"alternative"` // the text names the way of those who do not agree
}

// Text is one version of one text in one language.
type Text struct {
	Version  string                  `json:"version"` // names this text among all texts of all kinds
	Language string                  `json:"language"`
	Kinds    []lifecycle.ConsentKind `json:"kinds"` // that agreeing to it is; one, but for the oldest text
	Title    string                  `json:"title"`
	Sections []Section               `json:"sections"`
	Tick     string                  `json:"tick"` // stands beside the box
	Facts    Facts                   `json:"facts"`
	SHA256   string                  `json:"-"` // of the file, hex
	File     string                  `json:"-"` // the file itself, with the places for name and contact
}

// For returns the text as it is shown: with the name and contact of the processor filled in.
func (t Text) For(p lifecycle.Processor) Text {
	fill := strings.NewReplacer("{name}", p.Name, "{contact}", p.Contact)
	shown := t
	shown.Sections = slices.Clone(t.Sections)
	for i := range shown.Sections {
		shown.Sections[i].Text = fill.Replace(shown.Sections[i].Text)
	}
	return shown
}

// Is reports whether agreeing to the text is a consent of that kind.
func (t Text) Is(kind lifecycle.ConsentKind) bool { return slices.Contains(t.Kinds, kind) }

// Library is all texts.
type Library struct{ texts []Text }

// Load reads all texts. It fails if one is not what it was when it was put into force.
func Load() (*Library, error) {
	l := &Library{}
	for _, p := range pins() {
		content, err := files.ReadFile("texts/" + p.version + "." + p.language + ".json")
		if err != nil {
			return nil, fmt.Errorf("consent: %w", err)
		}
		t, err := parse(content, p)
		if err != nil {
			return nil, err
		}
		l.texts = append(l.texts, t)
	}
	return l, nil
}

func parse(content []byte, p pin) (Text, error) {
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != p.sha256 {
		return Text{}, fmt.Errorf("consent: the text %s (%s) is not the one that was agreed to; give a changed text a new version", p.version, p.language)
	}
	t := Text{SHA256: p.sha256, File: string(content)}
	if err := json.Unmarshal(content, &t); err != nil {
		return Text{}, fmt.Errorf("consent: text %s (%s): %w", p.version, p.language, err)
	}
	return t, nil
}

// All returns every text, by version and language.
func (l *Library) All() []Text { return slices.Clone(l.texts) }

// Text returns one text.
func (l *Library) Text(version, language string) (t Text, known bool) {
	i := slices.IndexFunc(l.texts, func(t Text) bool { return t.Version == version && t.Language == language })
	if i < 0 {
		return Text{}, false
	}
	return l.texts[i], true
}

// Version returns a version in all its languages, nothing if there is none.
func (l *Library) Version(version string) []Text {
	return slices.DeleteFunc(l.All(), func(t Text) bool { return t.Version != version })
}

// Current returns the version of a kind that is in force: the one that is shown, and the only one that can be agreed to.
func Current(kind lifecycle.ConsentKind) string {
	switch kind {
	case lifecycle.ConsentFace:
		return "face-2026-12"
	case lifecycle.ConsentProvide:
		return "provide-2026-12"
	case lifecycle.ConsentIdentity:
		return "identity-2026-12"
	case lifecycle.ConsentPictures:
		return "pictures-2026-12"
	default:
		return ""
	}
}
