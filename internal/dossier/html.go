package dossier

import (
	"bufio"
	"context"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"time"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

//go:embed assets
var assets embed.FS

// page is what the template shows.
type page struct {
	Lang  Lang
	D     *Document
	Texts []consent.Text
	Log   iter.Seq[logRow]
}

// logRow is an entry of the log as far as people read it.
type logRow struct {
	lifecycle.Change
	Hash string // its beginning
}

// Origin is where a consent came from, nothing without the personal part.
func (p page) Origin(id string) string {
	if p.D.Data == nil {
		return ""
	}
	for _, o := range p.D.Data.Origins {
		if o.ConsentID == id {
			return string(o.Origin)
		}
	}
	return ""
}

// HTML writes the same as a page that needs no other file and no script. Its log is read while it is written.
func (x Export) HTML(ctx context.Context, lang Lang, to io.Writer) error {
	words, err := wordsOf(lang)
	if err != nil {
		return err
	}
	parsed, err := template.New("account.html").Funcs(functions(words)).ParseFS(assets, "assets/account.html")
	if err != nil {
		return fmt.Errorf("dossier: page: %w", err)
	}
	d, err := x.Collect(ctx)
	if err != nil {
		return err
	}
	p := page{Lang: lang, D: d}
	for _, t := range d.Texts {
		if text, known := x.Texts.Text(t.Version, t.Language); known {
			p.Texts = append(p.Texts, text.For(processorOf(d, t)))
		}
	}
	var failed error
	p.Log = func(yield func(logRow) bool) { failed = x.rows(ctx, yield) }
	out := bufio.NewWriter(to)
	if err := parsed.Execute(out, p); err != nil {
		return fmt.Errorf("dossier: page: %w", err)
	}
	return errors.Join(failed, out.Flush())
}

// errEnough ends a reading early.
var errEnough = errors.New("dossier: enough")

func (x Export) rows(ctx context.Context, yield func(logRow) bool) error {
	err := x.eachLine(ctx, func(l store.LogLine) error {
		row := logRow{Hash: hex.EncodeToString(l.Hash)[:16]}
		if err := json.Unmarshal(l.Text, &row.Change); err != nil {
			return fmt.Errorf("%w: entry %d is not readable", lifecycle.ErrBrokenLog, l.Seq)
		}
		if !yield(row) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// processorOf is who asked by a text.
func processorOf(d *Document, t Text) lifecycle.Processor {
	for _, list := range [][]Consent{d.Consents, d.Refusals} {
		for _, c := range list {
			if c.TextSHA256 == t.SHA256 && c.Processor != nil {
				return *c.Processor
			}
		}
	}
	return lifecycle.Processor{}
}

// wordsOf reads the words of a language, English if there is none of it.
func wordsOf(lang Lang) (map[string]string, error) {
	if lang != Chinese {
		lang = English
	}
	text, err := assets.ReadFile("assets/" + string(lang) + ".json")
	if err != nil {
		return nil, fmt.Errorf("dossier: words: %w", err)
	}
	words := map[string]string{}
	if err := json.Unmarshal(text, &words); err != nil {
		return nil, fmt.Errorf("dossier: words: %w", err)
	}
	return words, nil
}

func functions(words map[string]string) template.FuncMap {
	return template.FuncMap{
		"t": func(key string) (string, error) {
			text, known := words[key]
			if !known {
				return "", fmt.Errorf("dossier: no words for %s", key)
			}
			return text, nil
		},
		"word": func(family, code string) string { // what a later version added to a log is shown by its code
			if text, known := words[family+"_"+code]; known {
				return text
			}
			return code
		},
		"stamp": func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.In(lifecycle.Beijing()).Format("2006-01-02 15:04:05 UTC-07:00")
		},
	}
}
