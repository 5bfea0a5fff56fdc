package admin

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) operatorsRoutes() {
	s.page("GET /admin/operators", s.operators, api.Admin)
	s.page("POST /admin/operators", s.addOperator, api.Admin)
	s.page("POST /admin/operators/{operator_id}/role", s.changeRole, api.Admin)
	s.page("POST /admin/operators/{operator_id}/disable", disabling(true), api.Admin)
	s.page("POST /admin/operators/{operator_id}/enable", disabling(false), api.Admin)
	s.page("POST /admin/operators/{operator_id}/password", s.resetPassword, api.Admin)
}

const operatorsPath = "/admin/operators"

// operator is a person as the API shows one.
type operator struct {
	OperatorID string     `json:"operator_id"`
	Login      string     `json:"login"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Provider   string     `json:"provider"`
	Disabled   bool       `json:"disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	SignedInAt *time.Time `json:"signed_in_at"`
}

// Seen is the last sign-in, the zero instant if there was none.
func (o operator) Seen() time.Time { return orZero(o.SignedInAt) }

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

type operatorsPage struct {
	*frame
	Operators []operator
	Next      string
	First     string
	Roles     []api.Role
	Form      operatorForm
	Problem   *problem // of the form
}

// operatorForm is what was typed.
type operatorForm struct{ Login, Name, Role, Reason string }

func (s *Server) operators(v *visit) error {
	return v.showOperators(http.StatusOK, operatorForm{Role: string(api.RoleViewer)}, nil)
}

func (v *visit) showOperators(status int, form operatorForm, fault *problem) error {
	cursor := v.query("cursor")
	list, err := ask[struct {
		Operators []operator `json:"operators"`
		Cursor    string     `json:"cursor"`
	}](v, "/v1/operators", "cursor", cursor, "limit", "500")
	if err != nil {
		return err
	}
	// Enabled before disabled, then by name: one page holds everybody of any but the largest companies.
	slices.SortStableFunc(list.Operators, func(a, b operator) int {
		if a.Disabled != b.Disabled {
			if a.Disabled {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	p := &operatorsPage{
		frame: v.frame("operators"), Operators: list.Operators, Roles: api.Roles(), Form: form, Problem: fault,
	}
	if list.Cursor != "" {
		p.Next = address(operatorsPath, []string{"cursor", list.Cursor})
	}
	if cursor != "" {
		p.First = operatorsPath
	}
	p.Faulty = fault != nil
	return v.renderAs(status, "operators", p)
}

// oncePage shows what is shown once: it is the answer to the form itself, so a reload cannot bring it back.
type oncePage struct {
	*frame
	Kind   string // the messages are secret.<Kind>.heading and so on
	Of     string // whose it is
	Secret string // empty: it was shown before
	Back   string
}

func (v *visit) showOnce(kind, of string, secret *string, back string) error {
	p := &oncePage{frame: v.frame("secret"), Kind: kind, Of: of, Back: back}
	if secret != nil {
		p.Secret = *secret
	}
	return v.render("secret", p)
}

type withPassword struct {
	Operator operator `json:"operator"`
	Password *string  `json:"password"`
}

// typed returns the problem of a form that can come back with its faults, nil if err is something else.
func typed(err error) *problem {
	var p *problem
	if errors.As(err, &p) && (p.Status == http.StatusUnprocessableEntity || p.Code == "login_taken") {
		return p
	}
	return nil
}

func (s *Server) addOperator(v *visit) error {
	form := operatorForm{v.form("login"), v.form("name"), v.form("role"), v.form("reason")}
	got, err := tell[withPassword](v, "/v1/operators", map[string]string{
		"login": form.Login, "name": form.Name, "role": form.Role, "reason": form.Reason,
	})
	if p := typed(err); p != nil {
		if p.Code == "login_taken" {
			p.Errors = append(p.Errors, fault{Field: "login", Code: p.Code, Message: p.Title})
		}
		return v.showOperators(http.StatusUnprocessableEntity, form, p)
	}
	if err != nil {
		return err
	}
	return v.showOnce("password", got.Operator.Login, got.Password, operatorsPath)
}

// operatorCommand is the address of a command for the operator of the path.
func operatorCommand(v *visit, verb string) string {
	return "/v1/operators/" + segment(v.r.PathValue("operator_id")) + verb
}

func (s *Server) changeRole(v *visit) error {
	if _, err := tell[operator](v, operatorCommand(v, ""), map[string]string{"role": v.form("role"), "reason": v.form("reason")}); err != nil {
		return err
	}
	return v.done(operatorsPath, "operator_role")
}

func disabling(disabled bool) func(*visit) error {
	return func(v *visit) error {
		in := struct {
			Disabled bool   `json:"disabled"`
			Reason   string `json:"reason"`
		}{disabled, v.form("reason")}
		if _, err := tell[operator](v, operatorCommand(v, ""), in); err != nil {
			return err
		}
		if disabled {
			return v.done(operatorsPath, "operator_disabled")
		}
		return v.done(operatorsPath, "operator_enabled")
	}
}

func (s *Server) resetPassword(v *visit) error {
	got, err := tell[withPassword](v, operatorCommand(v, "/password"), map[string]string{"reason": v.form("reason")})
	if err != nil {
		return err
	}
	return v.showOnce("password", got.Operator.Login, got.Password, operatorsPath)
}
