package main

import (
	"fmt"
	"strings"

	"github.com/verigate/verigate/internal/app"
)

// demoText is what the demonstration says when it is ready: where to look, and commands to try as they stand.
func demoText(a *app.App, keys app.DemoKeys, dir string, accounts []string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("")
	say("Verigate is running. Business time: %s", beijing(a.Now()))
	say("")
	say("  portal         %s   (a sample merchant site: begin here)", a.Portal)
	say("  admin pages    %s   (for your own people: sign in as %s;", a.Admin, sampleLogins())
	say("                 the password of each is %s)", keys.Password)
	say("  API            %s   (reference: %s/docs)", a.API, a.API)
	say("  Alipay         %s   (simulated; its page plays the phone)", a.Alipay)
	say("  text messages  %s   (simulated; what merchants were reminded of)", a.SMS)
	say("  Temporal UI    %s", a.TemporalUI)
	say("  data and logs  %s", dir)
	say("")
	say("Sample accounts, and what the gate says of a label now:")
	say("")
	for _, line := range accounts {
		say("  %s", line)
	}
	say("")
	say("Try it. In another terminal:")
	say("")
	say("  export API=%s", a.API)
	say("  export KEY=%s", keys.API)
	say("  export REVIEWER_KEY=%s", keys.Reviewer)
	say("  export OPERATOR_KEY=%s", keys.Operator)
	say(`  call() { curl -sS -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"; echo; }`)
	say("")
	say("  # 1. May this account create a label?")
	say(`  call $API/v1/accounts/sample-old/decisions -d '{"action":"create_label"}'`)
	say("  # 2. The merchant gives the real name (a made-up person), and the review approves it by itself")
	say(`  call $API/v1/accounts/sample-old/verification/submit -d '{"name":"张三","document":{"type":"cn_id","number":"11010519491231002X"},"risk_notice_version":"2020-11"}'`)
	say("  # 3. The merchant agrees and gets a QR code. Open qr.url in a browser: it is the phone")
	say(`  call $API/v1/accounts/sample-old/verification/start-face -d '{"consent":{"text_version":"face-2026-12","language":"zh-CN","agreed":true},"provide":{"text_version":"provide-2026-12","agreed":true}}'`)
	say("  # 4. Watch the state follow the phone, and ask the gate again")
	say(`  call -N $API/v1/accounts/sample-old/verification/events`)
	say(`  call $API/v1/accounts/sample-old/decisions -d '{"action":"create_label"}'`)
	say("  # What would it have said on another day?")
	say(`  call $API/v1/accounts/sample-old/decisions -d '{"action":"create_label","at":"2020-12-03T23:59:59+08:00"}'`)
	say("  # A rule blocks the wrong accounts? Stop it at once, and look at what it would have done")
	say("  verigate policy brake wishpost-face-verification --reason test --url $API --key $OPERATOR_KEY")
	say("  verigate policy observed wishpost-face-verification --url $API --key $OPERATOR_KEY")
	say("  verigate policy release wishpost-face-verification --reason done --url $API --key $OPERATOR_KEY")
	say("")
	say("Ctrl-C stops it.")
	say("")
	return b.String()
}

// sampleLogins are the names to sign in to the admin pages with.
func sampleLogins() string {
	all := app.SampleOperators()
	names := make([]string, len(all))
	for i, o := range all {
		names[i] = o.Login
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
