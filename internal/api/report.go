package api

import (
	"bufio"
	"errors"
	"net/http"
	"strconv"

	"github.com/verigate/verigate/internal/campaign"
)

func (s *Server) reportRoutes(room chan struct{}) {
	op := operation{
		id: "report-campaign", method: http.MethodGet, path: "/v1/policies/{name}/versions/{version}/report", tag: tagPolicies,
		summary: "Report what a version came to",
		words: "Every account that the version's rules cover, once: prompts, reminders, verification before or after the date, restrictions, extensions, notices, and their sums. " +
			"json has rows and summary; csv the rows; html is a page in the language of Accept-Language with the sums and the restricted accounts; " +
			"zip is the pack of evidence with the policy's text, the restriction entries of the log, the sweeps and a manifest of digests. " +
			"An answer that could not be finished breaks off without the end of its last chunk.",
		scopes: []Scope{AuditRead, PoliciesWrite, PoliciesApprove}, codes: []Code{CodePolicyNotFound}, streams: true,
		query: []parameter{{name: "format", words: "Default json.", values: names(campaign.Formats())}},
	}
	s.document(op, false, media{}, media{kind: mediaJSON})
	s.alsoAnswers(op, mediaCSV, "text/html", "application/zip")
	s.serve(op, func(c *call) error { return s.report(c, room) })
}

func (s *Server) report(c *call, room chan struct{}) error {
	ctx := c.r.Context()
	published, err := s.cfg.Store.Policies(ctx)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(c.r.PathValue("version"))
	if err != nil || number < 1 {
		return problem(CodePolicyNotFound)
	}
	version, err := campaign.Find(published, c.r.PathValue("name"), number)
	if errors.Is(err, campaign.ErrNoVersion) {
		return problem(CodePolicyNotFound)
	}
	if err != nil {
		return err
	}
	format := campaign.Format(c.query("format"))
	if format == "" {
		format = campaign.JSON
	}
	release, err := enter(room)
	if err != nil {
		return err
	}
	defer release()
	report := campaign.Report{
		Source: s.cfg.Store, Sweeps: s.cfg.Store, Version: version, At: c.now, Lang: campaign.Lang(c.lang.tag()),
	}
	return s.streamed(c, format.MediaType(), func(out *bufio.Writer) error { return report.Write(ctx, format, out) })
}
