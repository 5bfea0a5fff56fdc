package app

import (
	"context"
	"encoding/json"

	"github.com/verigate/verigate/internal/store"
)

// record tells the log what a command beside the program did. It is asked before the command is done with: what cannot
// be told is an error.
func (a *Admin) record(ctx context.Context, action string, before, after store.Operator) error {
	e := store.AuditEntry{At: a.clock.Now(), Actor: "cli", Action: action, Subject: "operator/" + after.ID, Outcome: "ok"}
	var err error
	if before.ID != "" {
		if e.Before, err = operatorState(before); err != nil {
			return err
		}
	}
	if e.After, err = operatorState(after); err != nil {
		return err
	}
	_, err = a.store.AppendAudit(ctx, e)
	return err
}

// operatorState is what the log keeps of somebody: no name, which is personal data.
func operatorState(o store.Operator) (json.RawMessage, error) {
	return json.Marshal(struct {
		Role     string `json:"role"`
		Disabled bool   `json:"disabled"`
	}{o.Role, o.Disabled})
}
