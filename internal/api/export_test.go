package api

import (
	"context"

	"github.com/verigate/verigate/internal/store"
)

// RevealAct looks at an identity with a key and returns what the audit log is told of it.
func (s *Server) RevealAct(ctx context.Context, key store.Key, accountID, reason string, fields ...string) (store.AuditEntry, error) {
	c := &call{key: key, account: accountID, now: s.cfg.Now()}
	_, _, err := s.reveal(ctx, c, revealIn{Reason: reason, Fields: fields})
	return c.act, err
}
