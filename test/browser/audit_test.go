package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// must sends a command of the protocol that has to work.
func must[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Call(ctx, command, params)
	require.NoError(b.t, err, string(command.Method))
	return out
}

// audit checks what must hold of every page in every state, and takes its picture if pictures are asked for.
func (b *tab) audit(name string) {
	b.t.Helper()
	require.Equal(b.t, b.device.language, eval[string](b, "document.documentElement.lang"), name)
	b.inspect(name)
}

// inspect is audit for pages that are written in both languages at once.
func (b *tab) inspect(name string) {
	b.t.Helper()
	require.NotEmpty(b.t, eval[string](b, "document.title"), name)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		require.Empty(b.t, b.violations(), "%s in %s colours", name, scheme)
	}
	b.scheme("light")
	b.resize(320, 700)
	wide := eval[int](b, "document.documentElement.scrollWidth")
	require.LessOrEqual(b.t, wide, 320, "%s scrolls sideways at 320 px: %s", name, eval[string](b, widest))
	b.resize(b.device.width, b.device.height)
	b.picture(name)
}

func (b *tab) scheme(scheme string) {
	b.t.Helper()
	must(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// widest names what is too wide, for the report.
const widest = `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 320)
  .map(e => e.tagName + '.' + e.className).slice(0, 5).join(' ')`

// violations are axe-core's findings, one a line.
func (b *tab) violations() string {
	b.t.Helper()
	if !eval[bool](b, "!!window.axe") {
		eval[bool](b, b.s.axe+";true")
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {
	  runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}, resultTypes: ['violations'], preload: false,
	}).then(r => JSON.stringify({passes: r.passes.length, violations: r.violations.map(v => ({id: v.id, help: v.help,
	  nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))}))`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	var found struct {
		Passes     int `json:"passes"`
		Violations []struct {
			ID    string   `json:"id"`
			Help  string   `json:"help"`
			Nodes []string `json:"nodes"`
		} `json:"violations"`
	}
	require.NoError(b.t, json.Unmarshal([]byte(text), &found))
	require.Positive(b.t, found.Passes, "axe-core checked nothing")
	var lines []string
	for _, v := range found.Violations {
		lines = append(lines, fmt.Sprintf("%s: %s\n  %s", v.ID, v.Help, strings.Join(v.Nodes, "\n  ")))
	}
	return strings.Join(lines, "\n")
}

// picture writes what the page looks like, wide and narrow, if pictures are asked for.
func (b *tab) picture(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	widths := []int64{1280, 390, 320}
	if b.device.phone {
		widths = []int64{390, 360}
	}
	for _, width := range widths {
		b.resize(width, b.device.height)
		b.keep(fmt.Sprintf("%s-%s-%d", name, b.device.language, width))
	}
	b.resize(b.device.width, b.device.height)
}

// keep writes one picture.
func (b *tab) keep(name string) {
	if *screenshots == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(*screenshots, 0o755); err == nil {
		err = os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644)
		if err != nil {
			b.t.Logf("no picture %s: %v", name, err)
		}
	}
}
