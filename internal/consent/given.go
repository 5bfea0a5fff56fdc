package consent

import (
	"errors"
	"time"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

var (
	// ErrVersion means that there is no text of that version, or that it is of another kind or no longer in force.
	ErrVersion = errors.New("consent: the text is not the one in force")
	// ErrLanguage means that the text does not exist in that language.
	ErrLanguage = errors.New("consent: the text does not exist in that language")
	// ErrDigest means that another text was shown than the one of that version.
	ErrDigest = errors.New("consent: the text shown is not the one of that version")
)

// Given is what somebody agreed to, as it was said.
type Given struct {
	Kind      lifecycle.ConsentKind
	Version   string
	Language  string
	SHA256    string    // of the text that was shown, hex; empty where it is not said
	ShownAt   time.Time // zero where it is not said
	Action    string    // how it was given, such as ticked
	Channel   string    // where, such as page:/m/terms or api
	By        string    // id of the link or key
	Evidence  string    // vault reference of address and browser
	Processor lifecycle.Processor
	// Own says that the text may be one of the platform's own, which it showed on pages of its own. Then a version that no
	// text of ours has is taken as it is, with the digest that was said, and vouched for by the platform alone.
	Own bool
}

// Check refuses what is no consent to the text in force, and returns the text.
func (l *Library) Check(g Given) (Text, error) {
	if g.Own && g.Version != "" && len(l.Version(g.Version)) == 0 {
		return Text{Version: g.Version, Language: g.Language, SHA256: g.SHA256}, nil
	}
	if g.Version != Current(g.Kind) || g.Version == "" {
		return Text{}, ErrVersion
	}
	t, known := l.Text(g.Version, g.Language)
	switch {
	case !known:
		return Text{}, ErrLanguage
	case g.SHA256 != "" && g.SHA256 != t.SHA256:
		return Text{}, ErrDigest
	}
	return t, nil
}

// Take makes the record of a consent, as commands carry it.
func (l *Library) Take(g Given) (contract.Consent, error) {
	t, err := l.Check(g)
	if err != nil {
		return contract.Consent{}, err
	}
	c := contract.Consent{
		TextVersion: g.Version, Language: g.Language, EvidenceRef: g.Evidence,
		Kind: g.Kind, TextSHA256: t.SHA256, ShownAt: g.ShownAt, Action: g.Action, Channel: g.Channel, By: g.By,
	}
	if g.Processor != (lifecycle.Processor{}) {
		c.Processor = &g.Processor
	}
	return c, nil
}
