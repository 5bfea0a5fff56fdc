package browser

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scan takes the phone out, holds it to the QR code and opens what it says.
func (s *stage) scan(t testing.TB, address, language string) *tab {
	t.Helper()
	p := s.device(t, phone(language))
	p.open(address)
	p.awaitElement("main.phone[data-step=agree]")
	require.True(t, strings.HasPrefix(eval[string](p, "location.href"), s.Alipay), "the code leads to the provider")
	return p
}

// agree presses "agree and verify" on the phone.
func (b *tab) agree() {
	b.t.Helper()
	b.pressOn("button[name=agree]")
	b.awaitElement("main.phone[data-step=scan]")
}

// finish ends the face scan on the phone.
func (b *tab) finish(result string) {
	b.t.Helper()
	b.pressOn("button[name=result][value=" + result + "]")
}

// phonePages looks at the simulated phone in every step, and at the pages of ours that a phone comes to.
func phonePages(t *testing.T, s *stage) {
	a := s.account(t).approved()
	show := func() string {
		st := a.command("start-face", map[string]any{"consent": map[string]any{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true}, "provide": map[string]any{"text_version": "provide-2026-12", "agreed": true}})
		require.NotNil(t, st.QR)
		return st.QR.URL
	}
	p := s.scan(t, show(), "zh-CN")
	p.audit("phone-agree")
	p.agree()
	p.audit("phone-scan")
	p.finish("close")
	p.awaitElement("main.phone[data-step=closed]")
	p.audit("phone-closed")
	p.pressOn("button[name=agree]")
	p.finish("cancel")
	require.True(t, strings.HasPrefix(eval[string](p, "location.href"), s.API+"/r/"), "Alipay returns to our page")
	p.audit("phone-returned")
	p.back()
	p.awaitElement("main.phone")
	p.open(s.Alipay)
	p.audit("phone-attempts")
}
