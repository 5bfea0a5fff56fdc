package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
)

// NewOperator describes a person who is to sign in with a password.
type NewOperator struct {
	Login, Name, Password string
	Role                  api.Role
}

// check says what is wrong with it, all at once.
func (n NewOperator) check() error {
	var faults []error
	for field, err := range map[string]error{
		"login": people.CheckLogin(n.Login), "name": people.CheckName(n.Name), "password": password.Check(n.Password),
	} {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s %w", field, err))
		}
	}
	if !n.Role.Valid() {
		faults = append(faults, fmt.Errorf("role must be one of %v", api.Roles()))
	}
	return errors.Join(faults...)
}

// AddOperator lets somebody sign in. It fails with store.ErrConflict if the login name is somebody's.
func (a *Admin) AddOperator(ctx context.Context, n NewOperator) (store.Operator, error) {
	return addOperator(ctx, a.store, a.clock, n, "cli")
}

func addOperator(ctx context.Context, s *sqlstore.Store, clock Clock, n NewOperator, by string) (store.Operator, error) {
	n.Login = people.Login(n.Login)
	if err := n.check(); err != nil {
		return store.Operator{}, err
	}
	hash, err := password.NewHasher(password.Standard()).Hash(ctx, n.Password)
	if err != nil {
		return store.Operator{}, err
	}
	o := people.New(n.Login, n.Name, string(n.Role), hash, by, clock.Now())
	return o, s.AddOperator(ctx, o)
}

// Operators lists everybody who was ever let in.
func (a *Admin) Operators(ctx context.Context) ([]store.Operator, error) {
	const page = 500
	var all []store.Operator
	for after := ""; ; {
		some, err := a.store.Operators(ctx, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < page {
			return all, nil
		}
		after = some[len(some)-1].ID
	}
}

// FindOperator returns somebody by login name or id. It fails with store.ErrNotFound.
func (a *Admin) FindOperator(ctx context.Context, name string) (store.Operator, error) {
	o, err := a.store.OperatorByLogin(ctx, people.Login(name))
	if errors.Is(err, store.ErrNotFound) {
		o, err = a.store.Operator(ctx, name)
	}
	return o, err
}

// SetRole gives somebody another role and ends their sessions.
func (a *Admin) SetRole(ctx context.Context, id string, role api.Role) error {
	return a.changeOperator(ctx, id, store.OperatorChange{Role: (*string)(&role)})
}

// SetDisabled keeps somebody out, and ends their sessions, or lets them in again.
func (a *Admin) SetDisabled(ctx context.Context, id string, disabled bool) error {
	return a.changeOperator(ctx, id, store.OperatorChange{Disabled: &disabled})
}

// SetPassword gives somebody another password and ends their sessions.
func (a *Admin) SetPassword(ctx context.Context, id, given string) error {
	if err := password.Check(given); err != nil {
		return fmt.Errorf("password %w", err)
	}
	hash, err := password.NewHasher(password.Standard()).Hash(ctx, given)
	if err != nil {
		return err
	}
	return a.changeOperator(ctx, id, store.OperatorChange{Password: &hash})
}

func (a *Admin) changeOperator(ctx context.Context, id string, c store.OperatorChange) error {
	c.At = a.clock.Now()
	_, _, err := a.store.ChangeOperator(ctx, id, c)
	return err
}
