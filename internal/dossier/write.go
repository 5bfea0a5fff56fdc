package dossier

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/verigate/verigate/internal/base64url"
	"github.com/verigate/verigate/internal/store"
)

// Lines of the JSON object that a checker looks for. Nothing within a string can look like them: a line never breaks
// within one.
const (
	logBegins   = `"log":[`
	logEnds     = `],`
	proofBegins = `"proof":`
)

// signed is what the signature of an export is made of. It begins with what it is, so that it reads as nothing else.
func signed(accountID string, exportedAt time.Time, p Proof) []byte {
	return fmt.Appendf(nil, "verigate account export 1\n%s\n%s\n%d\n%s\n%s\n", accountID, exportedAt.UTC().Format(time.RFC3339Nano),
		p.Entries, p.Head, p.SHA256)
}

// JSON writes the export as one object, a member or an entry of the log a line. The log is read page by page.
func (x Export) JSON(ctx context.Context, to io.Writer) error {
	d, err := x.Collect(ctx)
	if err != nil {
		return err
	}
	digest := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(to, digest))
	if err := d.head(out); err != nil {
		return err
	}
	if _, err := out.WriteString(logBegins + "\n"); err != nil {
		return err
	}
	proof := Proof{}
	separator := ""
	err = x.eachLine(ctx, func(l store.LogLine) error {
		proof.Entries, proof.Head = l.Seq, hex.EncodeToString(l.Hash)
		text, err := encode(viewEntry(l))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s%s", separator, text)
		separator = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	if proof.Entries > 0 {
		separator = "\n"
	}
	if _, err := out.WriteString(separator + logEnds + "\n"); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	proof.SHA256 = hex.EncodeToString(digest.Sum(nil))
	keyID, signature := x.Seals.Seal(signed(d.AccountID, d.ExportedAt, proof))
	proof.KeyID, proof.Signature = keyID, base64url.Encode(signature)
	text, err := encode(proof)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s%s}\n", proofBegins, text)
	return err
}

// head writes the members of the document, one a line, without the end of the object.
func (d *Document) head(out io.Writer) error {
	opening := "{"
	for _, member := range d.members() {
		text, err := encode(member.value)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s%q:%s,\n", opening, member.name, text); err != nil {
			return err
		}
		opening = ""
	}
	return nil
}

type member struct {
	name  string
	value any
}

func (d *Document) members() []member {
	all := []member{
		{"schema", d.Schema}, {"account_id", d.AccountID}, {"exported_at", d.ExportedAt}, {"personal", d.Personal},
		{"account", d.Account}, {"versions", d.Versions}, {"verification", d.Verification},
	}
	if d.Data != nil {
		all = append(all, member{"personal_data", d.Data})
	}
	return append(all, []member{
		{"consents", d.Consents}, {"refusals", d.Refusals}, {"consent_texts", d.Texts}, {"attempts", d.Attempts}, {"evidence", d.Evidence},
		{"decisions", d.Decisions}, {"extensions", d.Extensions}, {"restrictions", d.Restrictions}, {"notices", d.Notices},
		{"prompts", d.Prompts}, {"checkpoint", d.Checkpoint},
	}...)
}

// encode is JSON in one line, with texts as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("dossier: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func viewEntry(l store.LogLine) Entry {
	return Entry{Seq: l.Seq, Position: l.Position, RecordedAt: l.RecordedAt.UTC(), Hash: hex.EncodeToString(l.Hash), Text: string(l.Text)}
}

// eachLine reads the whole log, a page at a time.
func (x Export) eachLine(ctx context.Context, visit func(store.LogLine) error) error {
	after := int64(0)
	for {
		page, err := x.Source.LogLines(ctx, x.AccountID, after, atOnce)
		if err != nil {
			return err
		}
		for _, l := range page {
			if err := visit(l); err != nil {
				return err
			}
			after = l.Seq
		}
		if len(page) < atOnce {
			return nil
		}
	}
}
