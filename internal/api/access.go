package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/store"
)

// Problems of managing who may do what.
const (
	CodeKeyNotFound      Code = "key_not_found"
	CodeKeyEnded         Code = "key_ended"
	CodeOperatorNotFound Code = "operator_not_found"
	CodeLoginTaken       Code = "login_taken"
	CodeLastAdmin        Code = "last_admin"
	CodeOwnAccount       Code = "own_account"
	CodeKeptElsewhere    Code = "kept_elsewhere"
)

// AccessStore is what the API needs to manage operators and keys.
type AccessStore interface {
	AddOperator(ctx context.Context, o store.Operator) error
	Operator(ctx context.Context, id string) (store.Operator, error)
	Operators(ctx context.Context, after string, limit int) ([]store.Operator, error)
	ChangeOperator(ctx context.Context, id string, c store.OperatorChange) (before, after store.Operator, err error)
	store.Keys
}

func (s *Server) accessRoutes() {
	admins := []Scope{Admin}
	change := []Code{CodeOperatorNotFound, CodeLastAdmin, CodeOwnAccount, CodeKeptElsewhere}
	handle(s, operation{
		id: "list-operators", method: http.MethodGet, path: "/v1/operators", tag: tagAccess, summary: "List operators",
		words: "The persons who may sign in to the admin pages, disabled ones included; by id, page by page.", scopes: admins,
		codes: []Code{CodeValidationFailed}, query: pageParameters(),
	}, s.listOperators)
	handle(s, operation{
		id: "add-operator", method: http.MethodPost, path: "/v1/operators", tag: tagAccess, summary: "Add an operator",
		words:  "Somebody who signs in with a login name and a password. Who signs in at an identity provider is added by doing so.",
		scopes: admins, codes: []Code{CodeLoginTaken}, answers: map[int]string{http.StatusCreated: "Added, and let in."},
	}, s.addOperator)
	handle(s, operation{
		id: "change-operator", method: http.MethodPost, path: "/v1/operators/{operator_id}", tag: tagAccess,
		summary: "Change, disable or enable an operator",
		words:   "What is left out stays. Another role and being disabled end the person's sessions at once. Nobody changes their own role, and the last admin stays one.",
		scopes:  admins, codes: change,
	}, s.changeOperator)
	handle(s, operation{
		id: "reset-operator-password", method: http.MethodPost, path: "/v1/operators/{operator_id}/password", tag: tagAccess,
		summary: "Give an operator another password", words: "The person's sessions end at once. One's own password is changed on the admin pages.",
		scopes: admins, codes: change,
	}, s.resetPassword)
	s.keyRoutes(admins)
}

type operatorIn struct {
	Login    string `json:"login" maxLength:"64" doc:"Name to sign in with, kept in lower case: a-z 0-9 . _ @ + -" example:"chen.chen"`
	Name     string `json:"name" maxLength:"64" doc:"To be greeted with." example:"陈晨"`
	Role     string `json:"role" enum:"viewer,reviewer,operator,auditor,admin"`
	Password string `json:"password,omitempty" maxLength:"256" doc:"At least 12 characters. Left out, one is made and shown in the answer."`
	Reason   string `json:"reason" maxLength:"2000" doc:"Kept in the audit log." example:"new in the review team"`
}

type operatorChangeIn struct {
	Name     *string `json:"name,omitempty" maxLength:"64" nullable:"false" doc:"Left out, it stays."`
	Role     *string `json:"role,omitempty" enum:"viewer,reviewer,operator,auditor,admin" nullable:"false" doc:"Left out, it stays."`
	Disabled *bool   `json:"disabled,omitempty" nullable:"false" doc:"Left out, it stays."`
	Reason   string  `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type passwordIn struct {
	Password string `json:"password,omitempty" maxLength:"256" doc:"At least 12 characters. Left out, one is made and shown in the answer."`
	Reason   string `json:"reason" maxLength:"2000" doc:"Kept in the audit log."`
}

type operatorView struct {
	OperatorID string     `json:"operator_id"`
	Login      *string    `json:"login" doc:"Null for who signs in at the identity provider."`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"viewer,reviewer,operator,auditor,admin,none" doc:"none: the identity provider gives this person no role any more."`
	Provider   *string    `json:"provider" doc:"Issuer of the identity provider, which decides on the role; null for who signs in with a password."`
	Disabled   bool       `json:"disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	ChangedAt  time.Time  `json:"changed_at"`
	SignedInAt *time.Time `json:"signed_in_at" doc:"Last sign-in; null: never."`
}

type operatorsView struct {
	Operators []operatorView `json:"operators" nullable:"false" doc:"By id."`
	Cursor    *string        `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type operatorWithPasswordView struct {
	Operator operatorView `json:"operator"`
	Password *string      `json:"password" doc:"The one that was made, shown this once: null when it was given, or when the answer is a repeated one."`
}

// sealed leaves the password out of what is saved of the answer.
func (v operatorWithPasswordView) sealed() any {
	v.Password = nil
	return v
}

// unsealed cannot make it again.
func (v operatorWithPasswordView) unsealed(*Tokens) any { return v }

func viewOperator(o store.Operator, zone *time.Location) operatorView {
	return operatorView{
		OperatorID: o.ID, Login: orNil(o.Login), Name: o.Name, Role: o.Role, Provider: orNil(o.Issuer), Disabled: o.Disabled,
		CreatedAt: o.CreatedAt.In(zone), ChangedAt: o.ChangedAt.In(zone), SignedInAt: instantIn(o.SignedInAt, zone),
	}
}

// operatorState is what the audit log keeps of an operator: no name, which is personal data.
type operatorState struct {
	Role     string `json:"role"`
	Disabled bool   `json:"disabled"`
}

func stateOfOperator(o store.Operator) operatorState { return operatorState{o.Role, o.Disabled} }

func (s *Server) listOperators(ctx context.Context, c *call, _ none) (int, operatorsView, error) {
	const scope = "operators"
	view := operatorsView{Operators: []operatorView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	after := ""
	if given := c.query("cursor"); given != "" {
		if after, err = s.cfg.Tokens.openCursor(scope, given); err != nil {
			return 0, view, badCursor()
		}
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.Operators(ctx, after, limit+1)
	if err != nil {
		return 0, view, err
	}
	if len(all) > limit {
		all = all[:limit]
		view.Cursor = orNil(s.cfg.Tokens.cursor(scope, all[limit-1].ID))
	}
	for _, o := range all {
		view.Operators = append(view.Operators, viewOperator(o, zone))
	}
	return http.StatusOK, view, nil
}

func (s *Server) addOperator(ctx context.Context, c *call, in operatorIn) (int, operatorWithPasswordView, error) {
	var view operatorWithPasswordView
	var f faults
	login := people.Login(in.Login)
	f.login("login", login)
	f.personName("name", in.Name)
	f.role("role", in.Role)
	f.password("password", in.Password)
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	hash, made, err := s.newPassword(ctx, in.Password)
	if err != nil {
		return 0, view, err
	}
	o := people.New(login, in.Name, in.Role, hash, c.key.ID, c.now)
	o.ID = people.IDOf(c.change) // the same command twice, also at once, is one person
	err = s.cfg.Store.AddOperator(ctx, o)
	if errors.Is(err, store.ErrConflict) {
		if there, failed := s.cfg.Store.Operator(ctx, o.ID); failed == nil { // with the password that whoever was first has
			o, made, err = there, "", nil
		}
	}
	if err != nil {
		return 0, view, accessProblem(err)
	}
	c.changed("operator/"+o.ID, in.Reason, nil, stateOfOperator(o))
	return http.StatusCreated, operatorWithPasswordView{viewOperator(o, zone), orNil(made)}, nil
}

// newPassword hashes what is given, or a password that is made and returned.
func (s *Server) newPassword(ctx context.Context, given string) (hash, made string, err error) {
	if given == "" {
		made = password.New()
		given = made
	}
	hash, err = s.passwords.Hash(ctx, given)
	return hash, made, err
}

func (s *Server) changeOperator(ctx context.Context, c *call, in operatorChangeIn) (int, operatorView, error) {
	var f faults
	if in.Name != nil {
		f.personName("name", *in.Name)
	}
	if in.Role != nil {
		f.role("role", *in.Role)
	}
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, operatorView{}, err
	}
	id := c.r.PathValue("operator_id")
	if id == c.key.ID && (in.Role != nil || in.Disabled != nil) {
		return 0, operatorView{}, problem(CodeOwnAccount)
	}
	after, err := s.change(ctx, c, in.Reason, store.OperatorChange{Name: in.Name, Role: in.Role, Disabled: in.Disabled})
	return http.StatusOK, after, err
}

// change changes the operator of the path.
func (s *Server) change(ctx context.Context, c *call, reason string, change store.OperatorChange) (operatorView, error) {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return operatorView{}, err
	}
	change.At = c.now
	before, after, err := s.cfg.Store.ChangeOperator(ctx, c.r.PathValue("operator_id"), change)
	if err != nil {
		return operatorView{}, accessProblem(err)
	}
	c.changed("operator/"+after.ID, reason, stateOfOperator(before), stateOfOperator(after))
	return viewOperator(after, zone), nil
}

func (s *Server) resetPassword(ctx context.Context, c *call, in passwordIn) (int, operatorWithPasswordView, error) {
	var view operatorWithPasswordView
	var f faults
	f.password("password", in.Password)
	f.explained("reason", in.Reason)
	if err := f.err(); err != nil {
		return 0, view, err
	}
	id := c.r.PathValue("operator_id")
	if id == c.key.ID {
		return 0, view, problem(CodeOwnAccount)
	}
	if _, err := s.cfg.Store.Operator(ctx, id); err != nil {
		return 0, view, accessProblem(err)
	}
	hash, made, err := s.newPassword(ctx, in.Password)
	if err != nil {
		return 0, view, err
	}
	view.Operator, err = s.change(ctx, c, in.Reason, store.OperatorChange{Password: &hash})
	view.Password = orNil(made)
	return http.StatusOK, view, err
}

// accessProblem names what the store reports of operators.
func accessProblem(err error) error {
	for _, row := range []struct {
		is   error
		code Code
	}{
		{store.ErrNotFound, CodeOperatorNotFound}, {store.ErrConflict, CodeLoginTaken}, {store.ErrLastAdmin, CodeLastAdmin},
		{store.ErrElsewhere, CodeKeptElsewhere},
	} {
		if errors.Is(err, row.is) {
			return problem(row.code).because(err)
		}
	}
	return err
}

func (f *faults) login(field, login string) {
	if login == "" {
		f.required(field)
	} else if err := people.CheckLogin(login); err != nil {
		f.add(field, "form", err.Error(), "应为 1 到 64 个字符，可用 a-z 0-9 . _ @ + -，以字母或数字开头")
	}
}

func (f *faults) personName(field, name string) {
	if name == "" {
		f.required(field)
	} else if err := people.CheckName(name); err != nil {
		f.add(field, "form", err.Error(), "应为 1 到 64 个字符，首尾无空格")
	}
}

func (f *faults) role(field, role string) {
	if !Role(role).Valid() {
		f.add(field, "not_allowed", "must be viewer, reviewer, operator, auditor or admin", "应为 viewer、reviewer、operator、auditor 或 admin")
	}
}

// password checks one that is given; none is fine, because one is made then.
func (f *faults) password(field, given string) {
	if given == "" {
		return
	}
	if err := password.Check(given); err != nil {
		f.add(field, "form", err.Error(), "应为 12 到 256 个字符")
	}
}
