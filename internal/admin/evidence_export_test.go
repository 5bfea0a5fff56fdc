package admin

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"

	"github.com/verigate/verigate/internal/api"
)

// DrawEvidence draws a page of a test with what an account gave, as somebody of a role.
func (s *Server) DrawEvidence(r *http.Request, page fs.FS, role api.Role, account string) (string, error) {
	v := &visit{s: s, r: r, person: Person{ID: "test", Role: role}, lang: s.languages.Of(r), now: s.cfg.Now()}
	given, err := v.evidence(account)
	if err != nil {
		return "", err
	}
	t, err := template.New("page").Funcs(template.FuncMap{"asset": s.files.Address, "dict": dict}).
		ParseFS(assets, "assets/pages/parts.html", "assets/pages/evidence.part.html")
	if err == nil {
		t, err = t.ParseFS(page, "part.html")
	}
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, "content", struct {
		*frame
		Account  string
		Evidence Evidence
	}{v.frame("piece"), account, given})
	return b.String(), err
}
