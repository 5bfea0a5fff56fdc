package main

import (
	"net/http"
	"net/url"
	"strings"
)

type erasuresCmd struct {
	Request erasuresRequestCmd `cmd:"" help:"Erase personal data of an account, for good."`
	List    erasuresListCmd    `cmd:"" help:"List what is held of an account and what was erased."`
}

// Help is the manual page.
func (erasuresCmd) Help() string {
	return `See docs/deletion.md. The key needs the scope identities:erase.

Examples:
  verigate erasures list shop-1
  verigate erasures request shop-1 --reason subject_request`
}

type erasureAnswer struct {
	ID          string   `json:"id"`
	State       string   `json:"state"`
	Kinds       []string `json:"kinds"`
	Reason      string   `json:"reason"`
	RequestedAt string   `json:"requested_at"`
	CompletedAt string   `json:"completed_at"`
	Receipt     *struct {
		KeyID   string `json:"key_id"`
		Genuine bool   `json:"genuine"`
	} `json:"receipt"`
}

func (e erasureAnswer) print(w *world) {
	w.say("%s  %s  %-10s %-20s %s", e.ID, e.RequestedAt, e.State, e.Reason, strings.Join(e.Kinds, ","))
	if e.Receipt != nil && !e.Receipt.Genuine {
		w.say("  THE SIGNATURE OF THE RECEIPT DOES NOT HOLD")
	}
	w.say("\n")
}

type erasuresRequestCmd struct {
	connection
	Account string   `arg:"" name:"account-id" help:"The account."`
	Reason  string   `required:"" placeholder:"CODE" help:"Why, as a code: subject_request, platform_request."`
	Kinds   []string `placeholder:"KIND,…" help:"What to erase: subject, evidence, consent, contact, note, text (default: everything)."`
	JSON    bool     `name:"json" help:"Print the API's answer."`
}

// Run erases.
func (c erasuresRequestCmd) Run(w *world) error {
	in := map[string]any{"reason": c.Reason}
	if len(c.Kinds) > 0 {
		in["kinds"] = c.Kinds
	}
	return present(c.connection, w, c.JSON, http.MethodPost, "/v1/accounts/"+url.PathEscape(c.Account)+"/erasures", in, func(e erasureAnswer) { e.print(w) })
}

type erasuresListCmd struct {
	connection
	Account string `arg:"" name:"account-id" help:"The account."`
	JSON    bool   `name:"json" help:"Print the API's answer of the erasures."`
}

// Run lists.
func (c erasuresListCmd) Run(w *world) error {
	base := "/v1/accounts/" + url.PathEscape(c.Account)
	if !c.JSON {
		if err := present(c.connection, w, false, http.MethodGet, base+"/holdings", nil, func(held struct {
			Holdings []struct {
				Kind    string `json:"kind"`
				Records int    `json:"records"`
			} `json:"holdings"`
		}) {
			for _, h := range held.Holdings {
				w.say("held: %-10s %d records\n", h.Kind, h.Records)
			}
		}); err != nil {
			return err
		}
	}
	return present(c.connection, w, c.JSON, http.MethodGet, base+"/erasures", nil, func(list struct {
		Erasures []erasureAnswer `json:"erasures"`
	}) {
		for _, e := range list.Erasures {
			e.print(w)
		}
	})
}
