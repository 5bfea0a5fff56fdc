// Package alipaysim is a stand-in for Alipay: the gateway of the certify product
// and the phone that scans its QR codes, for the demo and for tests.
//
// One http.Handler serves three doors. /gateway.do is the gateway: it verifies our
// signatures, signs its answers, and follows the documented limits and lifetimes.
// A certify URL opened there becomes a page that looks like a phone, on which a
// person agrees and then passes, fails, cancels or closes the app. /control is the
// door of tests: it plays the person without a page, and it arms faults.
//
// Signing and verifying are written here anew and share no code with the adapter,
// so that a mistake in the one is not hidden by the same mistake in the other;
// both are held to the vectors in testdata/alipay.
//
// Names and numbers are judged and forgotten: they are in no attempt, no listing,
// no log line and no state file. The one place that repeats them is the answer to
// a wrongly signed call, because the real gateway does so and our adapter must
// survive it.
//
// Control door:
//
//	POST   /control/attempts/{certify_id} {"result":"pass|fail|cancel|close"}
//	GET    /control/attempts              {"attempts":[…]}, oldest first
//	POST   /control/faults                {"kind":"…","op":"initialize|query|certify","times":1,"delay_ms":0}
//	GET    /control/faults                {"faults":[…],"kinds":[…]}: those still armed, and all kinds with their ops
//	DELETE /control/faults                disarms all
//
// A fault without op strikes initialize and query, whichever comes first, but not
// the page. Faults are used up in the order in which they were armed.
package alipaysim
