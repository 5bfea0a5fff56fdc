// Package face is the port to remote face-verification services: what the
// workflow may ask of any of them, and what it may believe of the answers.
//
// Three ideas shape it. A provider's order and its launch are different things:
// Start makes the order once, Launch may rebuild its QR content as often as a
// page is shown, and the two have different clocks. Query is the only source of
// truth: return pages and callbacks are hints to ask again, so the port has no
// way to turn one into a result. And a provider may be unable to tell "refused"
// from "not finished": that answer is [StateNotPassed], which no adapter may
// turn into [StateFailed] on its own, because the same order can still pass.
//
// Errors carry a class, codes and numbers, never a provider's prose, because
// that prose has been seen to repeat the name and number it was sent.
//
// The package depends on the standard library alone. The conformance suite that
// each adapter must pass is in facetest.
package face
