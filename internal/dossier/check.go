package dossier

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/base64url"
	"github.com/verigate/verigate/internal/store"
)

// ErrForm means that a file is no export as this program writes them: it was cut off, or formatted anew.
var ErrForm = errors.New("dossier: not an export as it was written; a file that was cut off or formatted anew proves nothing")

// Result is what a check of an export found.
type Result struct {
	AccountID  string
	ExportedAt time.Time
	Personal   bool
	KeyID      string
	Signed     bool   // the signature holds and is over this very file
	Entries    int64  // of the log that fit
	Broken     int64  // sequence number of the first entry that does not fit, 0 if all do
	Head       bool   // the log ends where the proof says
	Texts      int    // of consents, whose digests fit
	WrongText  string // version of the first one whose digest does not
	Unknown    string // version that a consent names with another digest than the text that stands here
}

// Intact reports that everything fits.
func (r Result) Intact() bool {
	return r.Signed && r.Broken == 0 && r.Head && r.WrongText == "" && r.Unknown == ""
}

// maxLine bounds one line of an export in bytes.
const maxLine = 16 << 20

// Check holds an export against keys and itself, a line at a time. It needs nothing else.
func Check(from io.Reader, keys audit.Sealed) (Result, error) {
	c := &checker{keys: keys, digest: sha256.New()}
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		if err := c.line(lines.Bytes()); err != nil {
			return Result{}, err
		}
	}
	if lines.Err() != nil || c.part != afterProof {
		return Result{}, ErrForm
	}
	return c.result, nil
}

// wholeLines splits at line feeds and leaves everything else as it is: the digest is over every byte.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// part is how far a checker is.
type part int

const (
	beforeLog part = iota
	inLog
	afterLog
	afterProof
)

type checker struct {
	keys   audit.Sealed
	digest hash.Hash
	result Result
	part   part
	last   []byte // hash of the last entry that fits

	texts    map[string]string // digests by version and language
	consents []Consent
}

func (c *checker) line(text []byte) error {
	switch {
	case c.part == afterProof:
		return ErrForm
	case c.part == afterLog:
		c.part = afterProof
		rest, found := bytes.CutPrefix(text, []byte(proofBegins))
		rest, closed := bytes.CutSuffix(rest, []byte("}"))
		if !found || !closed {
			return ErrForm
		}
		return c.proof(rest)
	}
	_, _ = c.digest.Write(text)
	_, _ = c.digest.Write([]byte("\n"))
	switch {
	case c.part == beforeLog && string(text) == logBegins:
		c.part = inLog
		return nil
	case c.part == beforeLog:
		return c.member(text)
	case string(text) == logEnds:
		c.part = afterLog
		return nil
	default:
		return c.entry(bytes.TrimSuffix(text, []byte(",")))
	}
}

// member reads what the check needs of the document.
func (c *checker) member(text []byte) error {
	text = bytes.TrimPrefix(text, []byte("{"))
	name, value, found := bytes.Cut(bytes.TrimSuffix(text, []byte(",")), []byte(":"))
	if !found {
		return ErrForm
	}
	var into any
	var texts []Text
	var schema string
	switch string(name) {
	case `"schema"`:
		into = &schema
	case `"account_id"`:
		into = &c.result.AccountID
	case `"exported_at"`:
		into = &c.result.ExportedAt
	case `"personal"`:
		into = &c.result.Personal
	case `"consents"`, `"refusals"`:
		into = &[]Consent{}
	case `"consent_texts"`:
		into = &texts
	default:
		into = &json.RawMessage{}
	}
	if json.Unmarshal(value, into) != nil || schema != "" && schema != Schema {
		return ErrForm
	}
	if list, ok := into.(*[]Consent); ok {
		c.consents = append(c.consents, *list...)
	}
	c.readTexts(texts)
	return nil
}

func (c *checker) readTexts(texts []Text) {
	for _, t := range texts {
		if c.texts == nil {
			c.texts = map[string]string{}
		}
		sum := sha256.Sum256([]byte(t.File))
		if hex.EncodeToString(sum[:]) != t.SHA256 {
			if c.result.WrongText == "" {
				c.result.WrongText = t.Version
			}
			continue
		}
		c.texts[t.Version+" "+t.Language] = t.SHA256
		c.result.Texts++
	}
}

func (c *checker) entry(text []byte) error {
	var e Entry
	if json.Unmarshal(text, &e) != nil {
		return ErrForm
	}
	want, err := hex.DecodeString(e.Hash)
	if c.result.Broken != 0 {
		return nil
	}
	made := store.EntryHash(c.result.AccountID, c.last, e.RecordedAt, []byte(e.Text))
	if err != nil || e.Seq != c.result.Entries+1 || !bytes.Equal(want, made) {
		c.result.Broken = c.result.Entries + 1
		return nil
	}
	c.result.Entries, c.last = e.Seq, made
	return nil
}

func (c *checker) proof(text []byte) error {
	var p Proof
	if json.Unmarshal(text, &p) != nil {
		return ErrForm
	}
	r := &c.result
	r.KeyID = p.KeyID
	r.Head = r.Broken == 0 && p.Entries == r.Entries && p.Head == hex.EncodeToString(c.last)
	signature, err := base64url.Decode(p.Signature)
	r.Signed = err == nil && p.SHA256 == hex.EncodeToString(c.digest.Sum(nil)) &&
		c.keys.Sealed(p.KeyID, signed(r.AccountID, r.ExportedAt, p), signature)
	for _, given := range c.consents {
		have, shown := c.texts[given.TextVersion+" "+given.Language]
		if given.TextSHA256 != "" && r.Unknown == "" && shown && !strings.EqualFold(have, given.TextSHA256) {
			r.Unknown = given.TextVersion
		}
	}
	return nil
}

// Say prints a result for people.
func (r Result) Say(to io.Writer) {
	say := func(ok bool, good, bad string) {
		if !ok {
			good = bad
		}
		_, _ = io.WriteString(to, good+"\n")
	}
	_, _ = fmt.Fprintf(to, "account %s, exported at %s\n", r.AccountID, r.ExportedAt.Format(time.RFC3339))
	say(r.Signed, "signed by key "+r.KeyID, "THE SIGNATURE DOES NOT HOLD: the file was altered, or none of these keys signed it")
	say(r.Broken == 0, fmt.Sprintf("%d entries of the log fit", r.Entries), fmt.Sprintf("ENTRY %d OF THE LOG DOES NOT FIT", r.Broken))
	say(r.Head, "the log is whole", "THE LOG DOES NOT END WHERE THE PROOF SAYS")
	say(r.WrongText == "", fmt.Sprintf("%d texts of consents fit", r.Texts), "THE TEXT "+r.WrongText+" HAS ANOTHER DIGEST")
	if r.Unknown != "" {
		say(false, "", "A CONSENT NAMES THE TEXT "+r.Unknown+" WITH ANOTHER DIGEST THAN THE ONE THAT STANDS HERE")
	}
}
