package campaign

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"

	"github.com/verigate/verigate/workflows/lifecycle"
)

//go:embed assets
var assets embed.FS

// Lang is a language of the page.
type Lang string

const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// Valid reports whether l is one of the languages.
func (l Lang) Valid() bool { return l == English || l == Chinese }

// shownRows bounds the accounts of the page; JSON and CSV have all.
const shownRows = 500

type htmlPage struct {
	Lang   Lang
	Texts  map[string]string
	S      *Summary
	Tables []htmlTable
	Rows   []Row
	More   int // restricted accounts that are not shown
}

type htmlTable struct {
	Caption string
	Lines   []htmlLine
}

type htmlLine struct {
	Words string
	Count int
}

func (r Report) html(ctx context.Context, to io.Writer) error {
	texts, err := textsOf(r.Lang)
	if err != nil {
		return err
	}
	page, err := template.New("report.html").Funcs(template.FuncMap{"stamp": stamp}).ParseFS(assets, "assets/report.html")
	if err != nil {
		return fmt.Errorf("campaign: page: %w", err)
	}
	content := htmlPage{Lang: r.Lang, Texts: texts}
	content.S, err = Build(ctx, r.Source, r.Version, r.At, Visitor{Row: func(row *Row) error {
		switch {
		case !row.Restricted:
		case len(content.Rows) < shownRows:
			content.Rows = append(content.Rows, *row)
		default:
			content.More++
		}
		return nil
	}})
	if err != nil {
		return err
	}
	content.tables()
	out := bufio.NewWriter(to)
	return errors.Join(page.Execute(out, content), out.Flush())
}

// textsOf reads the words of a language, English if there is none of it.
func textsOf(lang Lang) (map[string]string, error) {
	if !lang.Valid() {
		lang = English
	}
	text, err := assets.ReadFile("assets/" + string(lang) + ".json")
	if err != nil {
		return nil, fmt.Errorf("campaign: words: %w", err)
	}
	texts := map[string]string{}
	if err := json.Unmarshal(text, &texts); err != nil {
		return nil, fmt.Errorf("campaign: words: %w", err)
	}
	return texts, nil
}

func (p *htmlPage) tables() {
	s := p.S
	var outcomes, states, methods []htmlLine
	for _, o := range Outcomes() {
		outcomes = append(outcomes, p.line("outcome_"+string(o), s.Outcomes[o]))
	}
	for _, state := range lifecycle.States() {
		if n := s.States[string(state)]; n > 0 {
			states = append(states, p.line("state_"+string(state), n))
		}
	}
	for _, m := range []lifecycle.Method{lifecycle.MethodFace, lifecycle.MethodManual, lifecycle.MethodImported} {
		methods = append(methods, p.line("method_"+string(m), s.Methods[string(m)]))
	}
	counts := []htmlLine{
		p.line("prompted_accounts", s.PromptedAccounts), p.line("prompts", s.Prompts), p.line("reminded_accounts", s.RemindedAccounts),
		p.line("reminders", s.Reminders), p.line("restricted_accounts", s.RestrictedAccounts), p.line("restrictions", s.Restrictions),
		p.line("open_restrictions", s.OpenRestrictions), p.line("extended_accounts", s.ExtendedAccounts), p.line("extensions", s.Extensions),
	}
	p.Tables = []htmlTable{
		{p.Texts["outcomes"], outcomes}, {p.Texts["states"], states}, {p.Texts["methods"], methods}, {p.Texts["counts"], counts},
		{p.Texts["lifts"], p.lines("lift_", s.Lifts)}, {p.Texts["notices"], p.lines("notice_", s.Notices)},
	}
	p.Tables = slices.DeleteFunc(p.Tables, func(t htmlTable) bool { return len(t.Lines) == 0 })
}

func (p *htmlPage) line(key string, n int) htmlLine {
	words, ok := p.Texts[key]
	if !ok {
		words = key // of a later version's log
	}
	return htmlLine{words, n}
}

func (p *htmlPage) lines(prefix string, counts map[string]int) []htmlLine {
	var lines []htmlLine
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, p.line(prefix+key, counts[key]))
	}
	return lines
}
