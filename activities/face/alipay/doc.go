// Package alipay is the adapter to Alipay's 身份认证, the three methods
// alipay.user.certify.open.{initialize,certify,query} of the version 2 gateway.
//
// # The course of an order
//
// initialize sends name and number and yields a certify_id. certify is no call at
// all: it is a signed URL that this package builds locally, that the page shows as
// a QR code, and that is signed anew for each showing because it carries a
// timestamp. query answers passed "T" or "F". There is no callback.
//
// "F" says both "refused" and "not done yet", and a person may try again within
// the same order for 23 hours, so "F" becomes face.StateNotPassed and never a
// failure.
//
// # What is believed
//
// An answer is read as the bytes that came: the value of the method's node is cut
// out unchanged, its RSA2 signature verified with Alipay's key, and only those
// verified bytes are parsed. Success must be signed. A refusal is verified if it
// is signed; the gateway sends some without signature, and they are taken as
// refusals only. The node's name is not signed, nor is a query's answer bound to
// the order asked for, so each method demands its own fields, a second node is
// refused, and TLS is what keeps an old "T" from being replayed.
//
// sub_msg is never read: it can repeat the string to sign, and with it the name
// and number.
//
// # What failed initialize calls leave behind
//
// Whether initialize is idempotent is not documented. Once a connection was
// obtained, any end without an authenticated answer is face.ErrUncertain, a 5xx
// included, because the order may have been made behind it. Failures before that
// (address, connection, TLS) and refusals by something in front of the gateway
// (3xx, 4xx) are face.ErrTransient.
//
// Layout, limits and codes are facts of Alipay's documents, its official SDKs and
// observed traffic; where they differ the comment at the code says which was
// taken.
package alipay
