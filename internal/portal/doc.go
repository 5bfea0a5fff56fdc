// Package portal is a sample merchant site that keeps identity rules without knowing one: the integration example.
//
// It is an honest client of the public API. It has an API key like any other account service, imports the standard
// library and nothing of Verigate, and shows the four places where a real portal meets the service:
//
//   - signing in: report the login and show the prompt that comes back (login.go),
//   - creating a label: ask the gate and obey it; say plainly why not (labels.go),
//   - real-name status: open the hosted pages by a one-time link, and take the merchant back (verify.go),
//   - an outage: a login never waits for the service, and a label made without an answer is marked for a check.
//
// client.go is all the code that such a site needs to speak to the API. Everything else here is an ordinary small web
// site: sessions in memory, and no password, because nothing in it is worth one.
package portal
