package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

type receiptCmd struct {
	Check receiptCheckCmd `cmd:"" help:"Check a receipt: its signature, what it says, and what the records say."`
}

type receiptCheckCmd struct {
	connection
	Receipt string `arg:"" help:"The receipt, or - to read it from standard input."`
	JSON    bool   `name:"json" help:"Print the API's answer."`
}

// Help is the manual page.
func (receiptCheckCmd) Help() string {
	return `A receipt is the signed proof that stands in a decision. The answer says whether the signature holds, what was decided, and whether the records say the same of that instant.

Exits with 1 if the signature does not hold or the records say otherwise.

Example:
  verigate receipt check r1a2b3c4.eyJhY2NvdW50X2lkIjoi…`
}

type receiptCheck struct {
	Genuine  bool   `json:"genuine"`
	KeyID    string `json:"key_id"`
	Decision *struct {
		AccountID string `json:"account_id"`
		Action    string `json:"action"`
		Effect    string `json:"effect"`
		Reason    string `json:"reason"`
		At        string `json:"at"`
		Message   struct {
			En string `json:"en"`
		} `json:"message"`
	} `json:"decision"`
	Missing     string `json:"missing"`
	Agrees      bool   `json:"agrees"`
	Kept        bool   `json:"kept"`
	Differences []struct {
		Path string `json:"path"`
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"differences"`
}

// Run checks.
func (c receiptCheckCmd) Run(w *world) error {
	receipt := c.Receipt
	if receipt == "-" {
		text, err := io.ReadAll(io.LimitReader(w.stdin, 1<<16))
		if err != nil {
			return err
		}
		receipt = string(text)
	}
	if receipt = strings.TrimSpace(receipt); receipt == "" {
		return usageError{errors.New("the receipt is empty")}
	}
	var found receiptCheck
	text, err := c.ask(w, http.MethodPost, "/v1/receipts:check", map[string]string{"receipt": receipt}, &found)
	if err != nil {
		return err
	}
	if c.JSON {
		w.say("%s\n", text)
	} else {
		found.print(w)
	}
	if !found.Genuine || !found.Agrees {
		return errQuiet
	}
	return nil
}

func (r receiptCheck) print(w *world) {
	if !r.Genuine || r.Decision == nil {
		w.say("the signature does not hold: this is no receipt of this server, or it was altered\n")
		return
	}
	d := r.Decision
	w.say("genuine, signed by key %s\n%s %s: %s (%s) at %s\n%s\n", r.KeyID, d.AccountID, d.Action, d.Effect, d.Reason, d.At, d.Message.En)
	switch {
	case r.Missing != "":
		w.say("the records tell nothing of it: %s\n", r.Missing)
	case r.Agrees:
		w.say("the records say the same of that instant\n")
	default:
		w.say("the records say otherwise of that instant:\n")
		for _, x := range r.Differences {
			w.say("  %s: the receipt says %s, the records %s\n", x.Path, or(x.From, "nothing"), or(x.To, "nothing"))
		}
	}
	if r.Kept {
		w.say("it is on record as the first refusal under its rule and version\n")
	}
}
