package api

import (
	"bufio"
	"net/http"

	"github.com/verigate/verigate/internal/dossier"
)

const mediaHTML = "text/html"

// exported is what the audit log keeps of an export.
type exported struct {
	Format   string `json:"format"`
	Personal bool   `json:"personal"`
}

func (s *Server) accountExportRoutes() {
	op := operation{
		id: "export-account", method: http.MethodGet, path: "/v1/accounts/{account_id}/export", tag: tagAudit, summary: "Export what is on record of an account",
		words: "Facts, the whole log with its hashes, attempts, consents and their texts, refusals with receipts, extensions, restrictions, reminders and the newest checkpoint, " +
			"as one signed JSON object that proves itself (verigate export check), or as a page to read. The form with personal=true is the copy that the person concerned " +
			"may ask for: name, number and telephone in clear; it needs the scope identities:read too. Every export is in the audit log.",
		scopes: []Scope{AuditRead}, audited: true, streams: true,
		query: []parameter{
			{name: "format", words: "Default json.", values: []string{"json", "html"}},
			{name: "personal", words: "With personal data in clear.", values: []string{"true", "false"}},
		},
	}
	s.document(op, false, media{}, media{kind: mediaJSON, schema: binarySchema()})
	s.alsoAnswers(op, mediaHTML)
	s.serve(op, s.exportAccount)
}

func (s *Server) exportAccount(c *call) error {
	ctx := c.r.Context()
	asked := exported{Format: "json", Personal: c.query("personal") == "true"}
	if c.query("format") != "" {
		asked.Format = c.query("format")
	}
	c.changed("account/"+c.account, "", nil, asked)
	if asked.Personal && !allows(c.key.Scopes, IdentitiesRead) {
		return lacks([]Scope{IdentitiesRead})
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return err
	}
	if err := s.told(c, nil); err != nil { // before anything is shown
		return err
	}
	export := dossier.Export{
		Source: s.cfg.Store, Vault: s.cfg.Vault, Texts: s.texts, Seals: s.cfg.Gate, AccountID: c.account, At: c.now, Personal: asked.Personal,
	}
	name := c.account + "." + asked.Format
	c.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`) // an id has no character that a header could not
	if asked.Format == "html" {
		language := dossier.English
		if c.lang.tag() == string(dossier.Chinese) {
			language = dossier.Chinese
		}
		return s.streamed(c, mediaHTML+"; charset=utf-8", func(out *bufio.Writer) error { return export.HTML(ctx, language, out) })
	}
	return s.streamed(c, mediaJSON, func(out *bufio.Writer) error { return export.JSON(ctx, out) })
}
