package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

type newPolicyPage struct {
	*frame
	Text          string
	EffectiveFrom string
	Note          string
	Problem       *problem
	Lines         []newLine // the text with what is wrong, after a check that found faults
	Impact        *impactView
	Seen          string // digest of the text whose impact is shown: it may be published
}

// newLine is a line of a proposed text with what is wrong in it.
type newLine struct {
	Text   string
	Faults []string
}

// newPolicy begins with the text of a version, to be changed.
func (s *Server) newPolicy(v *visit) error {
	p := &newPolicyPage{}
	if name := v.query("of"); name != "" {
		one, err := ask[policyVersion](v, "/v1/policies/"+segment(name)+"/versions/"+segment(v.query("version")))
		if err != nil {
			return err
		}
		p.Text = one.Text
	}
	return v.newPolicyPage(http.StatusOK, p)
}

func (v *visit) newPolicyPage(status int, p *newPolicyPage) error {
	p.frame = v.frame("policy_new")
	p.Faulty = p.Problem != nil
	return v.renderAs(status, "policy_new", p)
}

// proposePolicy first shows whom the text would hit, and publishes only a text whose impact was shown.
func (s *Server) proposePolicy(v *visit) error {
	p := &newPolicyPage{
		Text: strings.ReplaceAll(v.r.PostFormValue("text"), "\r\n", "\n"), EffectiveFrom: v.form("effective_from"), Note: v.form("note"),
	}
	digest := sha256.Sum256([]byte(p.Text + "\n" + p.EffectiveFrom))
	seen := hex.EncodeToString(digest[:])
	if v.form("do") != "publish" || v.form("seen") != seen {
		return s.checkPolicy(v, p, seen)
	}
	p.Seen = seen
	published, err := tell[policyVersion](v, "/v1/policies", map[string]string{
		"text": p.Text, "effective_from": inBeijing(p.EffectiveFrom), "note": p.Note,
	})
	if p.Problem = faultsIn(err); p.Problem != nil {
		p.mark()
		return v.newPolicyPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	return v.done(policiesPath+"/"+segment(published.Name)+"/"+strconv.Itoa(published.Version), "policy_propose")
}

// checkPolicy reads the text and counts whom it would hit from the day on that it begins.
func (s *Server) checkPolicy(v *visit, p *newPolicyPage, seen string) error {
	if strings.TrimSpace(p.Text) == "" {
		text, err := v.lang.Text("policy.no_text")
		if err != nil {
			return err
		}
		p.Problem = &problem{Status: http.StatusUnprocessableEntity, Errors: []fault{{Field: "text", Message: text}}}
		return v.newPolicyPage(p.Problem.Status, p)
	}
	view, err := v.preview(previewQuestion{Text: p.Text, At: horizon(p.EffectiveFrom, v.now)})
	if p.Problem = faultsIn(err); p.Problem != nil {
		p.mark()
		return v.newPolicyPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	p.Impact, p.Seen = view, seen
	return v.newPolicyPage(http.StatusOK, p)
}

// horizon is how far ahead a proposal is looked at: a month beyond its beginning.
func horizon(effectiveFrom string, now time.Time) time.Time {
	at, err := time.ParseInLocation(localInstant, effectiveFrom, lifecycle.Beijing())
	if err != nil || at.Before(now) {
		at = now
	}
	return at.AddDate(0, 1, 0)
}

var faultLine = regexp.MustCompile(`(?:line |第 ?)(\d+)`)

// mark puts the faults beside the lines that they name.
func (p *newPolicyPage) mark() {
	at := map[int][]string{}
	for _, e := range p.Problem.Errors {
		if m := faultLine.FindStringSubmatch(e.Message); m != nil {
			n, _ := strconv.Atoi(m[1]) // digits
			at[n] = append(at[n], e.Message)
		}
	}
	if len(at) == 0 {
		return
	}
	for i, line := range strings.Split(strings.TrimRight(p.Text, "\n"), "\n") {
		p.Lines = append(p.Lines, newLine{line, at[i+1]})
	}
}
