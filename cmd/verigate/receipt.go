package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/signing"
)

type receiptCmd struct {
	Check receiptCheckCmd `cmd:"" help:"Check a receipt: its signature, what it says, and what the records say."`
}

type receiptCheckCmd struct {
	connection
	Receipt string `arg:"" help:"The receipt, or - to read it from standard input."`
	Keys    string `type:"existingfile" placeholder:"FILE" help:"Public keys (verigate secrets public, or GET /v1/receipt-keys): check the signature here, without any server."`
	JSON    bool   `name:"json" help:"Print the answer as JSON."`
}

// Help is the manual page.
func (receiptCheckCmd) Help() string {
	return `A receipt is the signed proof that stands in a decision. The answer says whether the signature holds, what was decided, and whether the records say the same of that instant.

With --keys nobody is asked: whoever has the public keys can tell that a receipt of a prompt or a refusal is genuine. Receipts of what was allowed can only be checked by asking the server.

Exits with 1 if the signature does not hold or the records say otherwise.

Examples:
  verigate receipt check ed25519.r1a2b3c4.eyJhY2NvdW50X2lkIjoi…
  verigate receipt check --keys receipt-keys.json ed25519.r1a2b3c4.eyJhY2NvdW50X2lkIjoi…`
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
	if c.Keys != "" {
		return c.offline(w, receipt)
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

// offline checks with public keys alone.
func (c receiptCheckCmd) offline(w *world, receipt string) error {
	keys, err := publicKeys(c.Keys)
	if err != nil {
		return err
	}
	said, words, keyID, err := gate.ReadPublicly(keys, receipt)
	switch {
	case errors.Is(err, signing.ErrServerOnly):
		return errors.New("this is a receipt of what was allowed: only its server can check it; leave --keys out")
	case errors.Is(err, gate.ErrReceipt) && c.JSON:
		return errors.Join(w.json(map[string]any{"genuine": false}), errQuiet)
	case errors.Is(err, gate.ErrReceipt):
		w.say("the signature does not hold: none of these keys signed it, or it was altered\n")
		return errQuiet
	case err != nil:
		return err
	case c.JSON:
		return w.json(map[string]any{"genuine": true, "key_id": keyID, "decision": said})
	}
	w.say("genuine, signed by key %s\n%s %s: %s (%s) at %s\n%s\n", keyID, said.AccountID, said.Action, said.Effect, said.Reason,
		said.At.Format(time.RFC3339Nano), words.En)
	w.say("the records were not asked\n")
	return nil
}

// publicKeys reads a file of public keys.
func publicKeys(file string) (signing.Set, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that the caller names
	if err != nil {
		return signing.Set{}, usageError{err}
	}
	keys, err := signing.ParseSet(text)
	if err != nil {
		return signing.Set{}, usageError{fmt.Errorf("--keys: %w", err)}
	}
	return keys, nil
}
