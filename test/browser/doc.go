// Package browser tests what merchants see: it starts "verigate demo", opens the sample portal and the hosted pages in
// a real Chromium, and plays the merchant at the computer and the phone in the merchant's hand.
//
// Every tab watches its console: an error, a warning, an uncaught exception or a violation of the
// Content-Security-Policy fails the test, unless the test said before that it would come. Every page and state is
// audited (see audit): by axe-core for WCAG 2.2 A and AA in light and in dark colours, and at 320 px for a page that
// scrolls sideways.
//
// VERIGATE_BIN names the binary and VERIGATE_AXE the file axe.min.js; "make browser" builds the one, fetches the other
// and sets both. Chromium is found in PATH, or named by VERIGATE_CHROMIUM. Without VERIGATE_BIN everything is skipped;
// with it, whatever else is missing is a failure.
//
//	make screenshots   writes each page and state in both languages, wide and narrow, to build/screenshots
//	make latency       measures how long after the phone's "pass" the page shows success
//
// Nothing here sleeps. What is awaited is looked at again until it is there, and deadlines are so generous that only
// what never happens fails.
package browser
