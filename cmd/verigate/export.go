package main

import (
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/verigate/verigate/internal/dossier"
)

type exportCmd struct {
	Account exportAccountCmd `cmd:"" help:"Export what is on record of an account."`
	Check   exportCheckCmd   `cmd:"" help:"Check an export: signature, hash chain and texts; no server is asked."`
}

// Help is the manual page.
func (exportCmd) Help() string {
	return `An export is everything that is on record of an account, as one signed JSON object or as a page to read; see docs/export.md. The key needs the scope audit:read, and identities:read for the form with personal data in clear.

Examples:
  verigate export account shop-1 -o shop-1.json
  verigate export account shop-1 --personal --format html -o copy-for-the-merchant.html
  verigate export check shop-1.json --keys receipt-keys.json`
}

type exportAccountCmd struct {
	connection
	Account  string `arg:"" name:"account-id" help:"The account."`
	Format   string `enum:"json,html" default:"json" help:"json or html."`
	Personal bool   `help:"With name, number and telephone in clear: the copy that the person concerned may ask for."`
	Output   string `short:"o" type:"path" placeholder:"FILE" help:"Write to a file, which is there only if the export is whole (default: standard output)."`
}

// Run exports.
func (c exportAccountCmd) Run(w *world) error {
	query := url.Values{"format": {c.Format}, "personal": {strconv.FormatBool(c.Personal)}}
	return c.save(w, "/v1/accounts/"+url.PathEscape(c.Account)+"/export?"+query.Encode(), http.Header{}, c.Output, "export")
}

type exportCheckCmd struct {
	File string `arg:"" type:"existingfile" help:"The export, as JSON."`
	Keys string `type:"existingfile" required:"" placeholder:"FILE" help:"Public keys (verigate secrets public, or GET /v1/receipt-keys)."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// Run checks, and fails if anything does not fit.
func (c exportCheckCmd) Run(w *world) error {
	keys, err := publicKeys(c.Keys)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return usageError{err}
	}
	defer func() { _ = file.Close() }()
	found, err := dossier.Check(file, keys)
	if err != nil {
		return err
	}
	if c.JSON {
		err = w.json(found)
	} else {
		found.Say(w.stdout)
	}
	if err == nil && !found.Intact() {
		err = errQuiet
	}
	return err
}
