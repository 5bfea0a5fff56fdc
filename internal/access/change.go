package access

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/store"
)

// ChangePassword implements admin.Entrance. Attempts count like sign-ins: an open browser is no way around the delays.
func (s *Service) ChangePassword(w http.ResponseWriter, r *http.Request, present, given string) error {
	ctx := r.Context()
	person, err := s.Person(ctx, r, false)
	if err != nil {
		return err
	}
	o, err := s.cfg.Store.Operator(ctx, person.ID)
	switch {
	case err != nil:
		return err
	case o.Password == "":
		return admin.ErrElsewhere
	case password.Check(given) != nil:
		return admin.ErrPassword
	}
	tried := attempt{name: o.Login, address: limit.Subscriber(s.cfg.Address(r)), familiar: true}
	if wait := s.delays.begin(tried); wait > 0 {
		return &admin.WaitError{Wait: wait}
	}
	fits, _, err := s.cfg.Hasher.Verify(ctx, o.Password, present)
	if err != nil {
		return fmt.Errorf("access: %w", err)
	}
	if !fits {
		s.record(r, o, "change_password", "refused")
		return admin.ErrRefused
	}
	s.delays.succeeded(tried)
	hash, err := s.cfg.Hasher.Hash(ctx, given)
	if err != nil {
		return fmt.Errorf("access: %w", err)
	}
	_, o, err = s.cfg.Store.ChangeOperator(ctx, o.ID, store.OperatorChange{Password: &hash, At: s.cfg.Now()})
	if err != nil {
		return err
	}
	s.record(r, o, "change_password", "ok")
	if _, err := s.enter(w, r, o); errors.Is(err, admin.ErrRefused) {
		return admin.ErrSignedOut // somebody else changed it at the same time
	} else if err != nil {
		return err
	}
	return nil
}
