package app

import (
	"context"
	"errors"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// DemoOperators is the password of the sample operators of a demonstration, which they share.
type DemoOperators struct {
	Password string `json:"admin_password"`
}

// SampleOperator is a person who may sign in to the admin pages of a demonstration.
type SampleOperator struct {
	Login, Name string
	Role        api.Role
}

// SampleOperators are one for each role, and a second reviewer to race with the first.
func SampleOperators() []SampleOperator {
	return []SampleOperator{
		{"admin", "林静 Lin Jing", api.RoleAdmin},
		{"reviewer", "陈晨 Chen Chen", api.RoleReviewer},
		{"reviewer2", "王芳 Wang Fang", api.RoleReviewer},
		{"operator", "赵磊 Zhao Lei", api.RoleOperator},
		{"auditor", "孙悦 Sun Yue", api.RoleAuditor},
		{"viewer", "周明 Zhou Ming", api.RoleViewer},
	}
}

// demoOperators lets the sample operators in, with a password that is made at the first start.
func (a *App) demoOperators(ctx context.Context, d DemoDir) (DemoOperators, error) {
	var kept DemoOperators
	if _, err := readJSON(d.file("operators.json"), &kept); err != nil {
		return kept, err
	}
	if kept.Password == "" {
		kept.Password = password.New()
		if err := writeJSON(d.file("operators.json"), kept); err != nil {
			return kept, err
		}
	}
	for _, o := range SampleOperators() {
		if _, err := a.store.OperatorByLogin(ctx, o.Login); !errors.Is(err, store.ErrNotFound) {
			if err != nil {
				return kept, err
			}
			continue
		}
		n := NewOperator{Login: o.Login, Name: o.Name, Password: kept.Password, Role: o.Role}
		if _, err := addOperator(ctx, a.store, a.clock, n, "demo"); err != nil {
			return kept, err
		}
	}
	return kept, nil
}
