package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/store"
)

type operatorsCmd struct {
	Add      operatorsAddCmd      `cmd:"" help:"Let somebody sign in to the admin pages with a password."`
	List     operatorsListCmd     `cmd:"" help:"List who may sign in."`
	Disable  operatorsDisableCmd  `cmd:"" help:"Keep somebody out, and end their sessions at once."`
	Enable   operatorsEnableCmd   `cmd:"" help:"Let somebody in again who was disabled."`
	Role     operatorsRoleCmd     `cmd:"" help:"Give somebody another role, and end their sessions at once."`
	Password operatorsPasswordCmd `cmd:"" help:"Give somebody another password, and end their sessions at once."`
}

// Help is the manual page.
func (operatorsCmd) Help() string {
	return `Works on the database beside the program, so the first administrator can be made before anybody can sign in. The admin pages do the same under /admin/operators, and docs/admin.md says which role may do what.

A password is asked for twice at a terminal, or read as the first line of standard input; it is never a flag, because flags can be seen by others. It needs 12 characters or more. --generate makes one and prints it.

Examples:
  verigate operators add lin.jing --name 'Lin Jing' --role admin --config verigate.yaml
  verigate operators add chen.chen --role reviewer --generate --config verigate.yaml
  verigate operators password lin.jing --config verigate.yaml <new-password.txt
  verigate operators list --json --config verigate.yaml`
}

// secretFlags say where a password comes from.
type secretFlags struct {
	Generate bool `help:"Make a password and print it, this once."`
}

// password returns the password to set, and whether it was made here.
func (f secretFlags) password(w *world) (given string, made bool, err error) {
	if f.Generate {
		return app.NewPassword(), true, nil
	}
	if in, ok := w.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		given, err = w.askTwice(func() ([]byte, error) { return term.ReadPassword(int(in.Fd())) })
		return given, false, err
	}
	line, err := bufio.NewReader(io.LimitReader(w.stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", false, usageError{errors.New("there is no password on standard input; write it there, or use --generate")}
	}
	return line, false, nil
}

// askTwice asks at the terminal, where what is typed is not shown.
func (w *world) askTwice(read func() ([]byte, error)) (string, error) {
	var typed [2][]byte
	for i, prompt := range []string{"Password: ", "Once more: "} {
		w.warn("%s", prompt)
		var err error
		typed[i], err = read()
		w.warn("\n")
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
	}
	if string(typed[0]) != string(typed[1]) {
		return "", usageError{errors.New("the two are not the same; nothing was changed")}
	}
	return string(typed[0]), nil
}

type operatorsAddCmd struct {
	place
	secretFlags
	Login string `arg:"" help:"Name to sign in with: a-z 0-9 . _ @ + -"`
	Name  string `placeholder:"NAME" help:"Name to be greeted with (default: the login name)."`
	Role  string `required:"" enum:"viewer,reviewer,operator,auditor,admin" placeholder:"ROLE" help:"viewer, reviewer, operator, auditor or admin."`
	JSON  bool   `name:"json" help:"Print as JSON."`
}

// Run adds.
func (c operatorsAddCmd) Run(w *world) error {
	given, made, err := c.password(w)
	if err != nil {
		return err
	}
	return c.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		o, err := a.AddOperator(w.ctx, app.NewOperator{
			Login: c.Login, Name: cmp.Or(c.Name, people.Login(c.Login)), Password: given, Role: api.Role(c.Role),
		})
		if errors.Is(err, store.ErrConflict) {
			return errors.New("somebody has this login name; verigate operators list shows them")
		}
		if err != nil {
			return err
		}
		return w.showOperator(o, given, made, c.JSON, "was added")
	})
}

// showOperator says what was done, and shows a password that was made.
func (w *world) showOperator(o store.Operator, given string, made, asJSON bool, done string) error {
	if asJSON {
		v := viewOfOperator(o)
		if made {
			v.Password = given
		}
		return w.json(v)
	}
	w.warn("%s (%s) %s.\n", o.Login, o.Role, done)
	if made {
		w.say("%s\n", given)
		w.warn("Keep the password now: it is not shown again.\n")
	}
	return nil
}

type operatorsListCmd struct {
	place
	JSON bool `name:"json" help:"Print as JSON."`
}

// cliOperator is an operator as this command prints one.
type cliOperator struct {
	ID         string     `json:"operator_id"`
	Login      string     `json:"login,omitempty"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	Provider   string     `json:"provider,omitempty"`
	Disabled   bool       `json:"disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	SignedInAt *time.Time `json:"signed_in_at"`
	Password   string     `json:"password,omitempty"`
}

func viewOfOperator(o store.Operator) cliOperator {
	v := cliOperator{ID: o.ID, Login: o.Login, Name: o.Name, Role: o.Role, Provider: o.Issuer, Disabled: o.Disabled, CreatedAt: o.CreatedAt}
	if !o.SignedInAt.IsZero() {
		v.SignedInAt = &o.SignedInAt
	}
	return v
}

// Run lists.
func (c operatorsListCmd) Run(w *world) error {
	return c.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		all, err := a.Operators(w.ctx)
		if err != nil {
			return err
		}
		views := make([]cliOperator, len(all))
		for i, o := range all {
			views[i] = viewOfOperator(o)
		}
		if c.JSON {
			return w.json(views)
		}
		for _, v := range views {
			state := "open"
			if v.Disabled {
				state = "disabled"
			}
			w.say("%s  %-8s  %-8s  %s  %s\n", v.ID, state, v.Role, cmp.Or(v.Login, v.Provider), v.Name)
		}
		return nil
	})
}

// one does something to the operator whom a command names.
func (p place) one(w *world, name string, do func(*app.Admin, store.Operator) error) error {
	return p.withAdmin(w, func(a *app.Admin, _ app.Clock) error {
		o, err := a.FindOperator(w.ctx, name)
		if err == nil {
			err = do(a, o)
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errors.New("there is nobody of that login name or id; verigate operators list shows them")
		case errors.Is(err, store.ErrLastAdmin):
			return errors.New("this is the last admin; make somebody else one first")
		case errors.Is(err, store.ErrElsewhere):
			return errors.New("this person signs in at the identity provider; change the groups or the password there")
		default:
			return err
		}
	})
}

type operatorsDisableCmd struct {
	place
	Who string `arg:"" help:"Login name or id."`
}

// Run disables.
func (c operatorsDisableCmd) Run(w *world) error {
	return c.one(w, c.Who, func(a *app.Admin, o store.Operator) error { return a.SetDisabled(w.ctx, o.ID, true) })
}

type operatorsEnableCmd struct {
	place
	Who string `arg:"" help:"Login name or id."`
}

// Run enables.
func (c operatorsEnableCmd) Run(w *world) error {
	return c.one(w, c.Who, func(a *app.Admin, o store.Operator) error { return a.SetDisabled(w.ctx, o.ID, false) })
}

type operatorsRoleCmd struct {
	place
	Who  string `arg:"" help:"Login name or id."`
	Role string `arg:"" enum:"viewer,reviewer,operator,auditor,admin" help:"viewer, reviewer, operator, auditor or admin."`
}

// Run changes the role.
func (c operatorsRoleCmd) Run(w *world) error {
	return c.one(w, c.Who, func(a *app.Admin, o store.Operator) error { return a.SetRole(w.ctx, o.ID, api.Role(c.Role)) })
}

type operatorsPasswordCmd struct {
	place
	secretFlags
	Who  string `arg:"" help:"Login name or id."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// Run changes the password.
func (c operatorsPasswordCmd) Run(w *world) error {
	given, made, err := c.password(w)
	if err != nil {
		return err
	}
	return c.one(w, c.Who, func(a *app.Admin, o store.Operator) error {
		if err := a.SetPassword(w.ctx, o.ID, given); err != nil {
			return err
		}
		return w.showOperator(o, given, made, c.JSON, "has another password")
	})
}
