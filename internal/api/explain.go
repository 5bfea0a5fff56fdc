package api

import (
	"context"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/vault"
)

// explanation is why somebody did something: a code that can be counted, and a reference to what they wrote.
type explanation struct {
	code string
	ref  string // of the vault, "" if nothing was written
}

// stored is the explanation in one text without anything personal.
func (e explanation) stored() string {
	if e.ref == "" {
		return e.code
	}
	return e.code + " note:" + e.ref
}

// told reads what stored wrote: the code, and whether there is more in the vault.
func told(stored string) (code string, noted bool) {
	code, _, noted = strings.Cut(stored, " note:")
	return code, noted
}

// explain keeps free text in the vault, because people write names into it. A reason that has the form of a code is
// one; any other is free text under the code "stated".
func (s *Server) explain(ctx context.Context, accountID, reason, note string) (explanation, error) {
	e := explanation{code: reason}
	if !codePattern.MatchString(reason) && reason != "" {
		e.code = "stated"
		if note != "" {
			reason += "\n\n" + note
		}
		note = reason
	}
	if note == "" {
		return e, nil
	}
	var err error
	e.ref, err = s.cfg.Vault.PutText(ctx, accountID, vault.KindNote, note)
	return e, err
}

// forget takes back what was put into the vault for a command that was not taken.
func (s *Server) forget(ctx context.Context, accountID string, refs ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, ref := range refs {
		if ref == "" {
			continue
		}
		if err := s.cfg.Vault.Delete(ctx, accountID, ref); err != nil {
			s.cfg.Logger.WarnContext(ctx, "orphan left in the vault", "ref", ref, "error", err)
		}
	}
}
