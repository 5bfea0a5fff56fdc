package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// stage is a demonstration and a browser to look at it.
type stage struct {
	*demo
	axe     string
	browser context.Context
}

func newStage(t testing.TB, env ...string) *stage {
	t.Helper()
	s := &stage{demo: startDemo(t, env...), axe: axe(t)}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en"),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { cmd.Stderr = nil }))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancelAllocator)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(browser) // waits for the browser to end
		cancel()
	})
	require.NoError(t, chromedp.Do(browser), "the browser starts")
	s.browser = browser
	return s
}

// onStage runs tests beside each other on one stage.
func onStage(t *testing.T, tests map[string]func(*testing.T, *stage)) {
	t.Helper()
	s := newStage(t)
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, s)
		})
	}
}

// device is what a tab is on.
type device struct {
	language      string // "zh-CN" or "en": what the browser asks for
	width, height int64
	phone         bool
}

func computer(language string) device { return device{language: language, width: 1280, height: 900} }
func phone(language string) device {
	return device{language: language, width: 390, height: 844, phone: true}
}

// phoneAgent is what a phone's browser calls itself.
const phoneAgent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"

// tab is one tab, with a person before it who looks, presses and types.
type tab struct {
	t      testing.TB
	s      *stage
	device device
	ctx    context.Context

	mu       sync.Mutex
	faults   []string
	expected []string // parts of messages that are no fault in this tab
}

// device opens a tab on a device of its own: nothing is shared with other tabs, no cookie, no storage.
func (s *stage) device(t testing.TB, d device) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(s.browser, chromedp.WithNewBrowserContext())
	return s.tab(t, d, ctx, cancel)
}

// another opens a second tab on the same device.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	return b.s.tab(b.t, b.device, ctx, cancel)
}

func (s *stage) tab(t testing.TB, d device, ctx context.Context, cancel context.CancelFunc) *tab {
	t.Helper()
	b := &tab{t: t, s: s, device: d, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			b.keep("failed-" + strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()))
		}
		_ = chromedp.Cancel(ctx)
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.faults) > 0 {
			t.Errorf("the console is not clean:\n%s", strings.Join(b.faults, "\n"))
		}
	})
	require.NoError(t, chromedp.Do(ctx), "the tab opens")
	require.NoError(t, chromedp.Listen(ctx, b.hear))
	must(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": d.language}})
	if d.phone {
		must(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: phoneAgent, UserAgentMetadata: &emulation.UserAgentMetadata{
			Platform: "Android", Mobile: true,
		}})
	}
	b.resize(d.width, d.height)
	return b
}

// hear collects what must not be in a console. It runs in the loop that reads the browser's messages.
func (b *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeWarning {
			return
		}
		said = "console." + string(e.Type)
		for _, arg := range e.Args {
			said += fmt.Sprintf(" %s %s", arg.Value, arg.Description)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		said = fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.expected {
		if strings.Contains(said, part) {
			return
		}
	}
	b.faults = append(b.faults, said)
}

// close closes the tab before the test ends.
func (b *tab) close() { _ = chromedp.Cancel(b.ctx) }

// expect says that messages with the part will come and are no fault.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

// heard takes the faults so far.
func (b *tab) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	faults := b.faults
	b.faults = nil
	return faults
}

func (b *tab) resize(width, height int64) {
	b.t.Helper()
	b.resizeTo(width, height, 1)
}

// resizeTo sets the window's size in CSS pixels and how many of the screen's pixels make one of those.
func (b *tab) resizeTo(width, height int64, ratio float64) {
	b.t.Helper()
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(ratio)}
	if b.device.phone {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do(chromedp.EmulateViewport(width, height, options...))
}

// do runs steps within patience.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// open goes to an address, as typed into the address bar.
func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

func (b *tab) reload() { b.t.Helper(); b.do(chromedp.Reload()) }

// back presses the browser's back button. A page kept in memory comes back without loading, so its address is awaited.
func (b *tab) back() {
	b.t.Helper()
	before := eval[string](b, "location.href")
	eval[bool](b, "history.back(), true")
	b.await("another page after going back", "location.href !== "+quoted(before))
}

// try evaluates an expression; a page that is just going away has no answer.
func try[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// eval evaluates an expression of a page that stays.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := try[T](b, expression)
	require.NoError(b.t, err, expression)
	return v
}

// await waits until an expression is true, on whatever page that is then.
func (b *tab) await(what, expression string) {
	b.t.Helper()
	eventually(b.t, patience, func() string {
		text, _ := try[string](b, "location.href + '\\n' + document.body.innerText")
		return what + "; the tab shows " + text
	}, func() bool {
		ok, err := try[bool](b, "document.readyState === 'complete' && !!("+expression+")")
		return err == nil && ok
	})
}

// awaitPath waits until the tab is at a path.
func (b *tab) awaitPath(path string) {
	b.t.Helper()
	b.await("the tab is at "+path, "location.pathname === "+quoted(path)+" && !!document.querySelector('h1')")
}

// awaitElement waits until a selector finds something that is seen.
func (b *tab) awaitElement(selector string) {
	b.t.Helper()
	b.await("there is "+selector, visible(selector))
}

func (b *tab) awaitText(text string) {
	b.t.Helper()
	b.await("the page says "+text, "document.body.innerText.includes("+quoted(text)+")")
}

func (b *tab) says(text string) bool {
	b.t.Helper()
	return eval[bool](b, "document.body.innerText.includes("+quoted(text)+")")
}

func visible(selector string) string {
	return "[...document.querySelectorAll(" + quoted(selector) + ")].some(e => e.checkVisibility())"
}

// press clicks, with the mouse, on the first element that is seen, and waits for the page that follows if it leads on.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.awaitElement(selector)
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// pressOn presses, and waits for the page that comes then, whichever that is.
func (b *tab) pressOn(selector string) {
	b.t.Helper()
	b.awaitElement(selector)
	eval[bool](b, "window.pressedHere = true")
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	b.await("another page after pressing "+selector, "!window.pressedHere")
}

// fill replaces what is typed in a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.awaitElement(selector)
	b.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// keys presses keys, wherever the focus is.
func (b *tab) keys(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// tabTo presses the tab key until the focus is on an element of the selector, as somebody without a mouse does.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	const tooOften = 60
	for range tooOften {
		b.keys(kb.Tab)
		if eval[bool](b, "!!document.activeElement && document.activeElement.matches("+quoted(selector)+")") {
			require.True(b.t, eval[bool](b, focusSeen), "the focus on %s is not seen", selector)
			return
		}
	}
	require.FailNow(b.t, "the tab key does not reach "+selector)
}

// focusSeen: the element in focus has an outline or a shadow that it would not have otherwise.
const focusSeen = `(() => {
  const s = getComputedStyle(document.activeElement);
  return document.activeElement.matches(':focus-visible') && (parseFloat(s.outlineWidth) > 0 && s.outlineStyle !== 'none' || s.boxShadow !== 'none');
})()`

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings can be written as JSON
	}
	return string(out)
}

// noScript switches the pages' scripts off; the tests can still evaluate.
func (b *tab) noScript() {
	b.t.Helper()
	must(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}
