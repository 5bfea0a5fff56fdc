package api

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/base64url"
	"github.com/verigate/verigate/internal/store"
)

type auditView struct {
	Entries []auditEntryView `json:"entries" nullable:"false"`
	Cursor  *string          `json:"cursor" doc:"Where the list goes on; null at its end."`
}

// auditEntryView is one act.
type auditEntryView struct {
	ID        int64           `json:"id" doc:"1, 2, 3 … without a gap."`
	At        time.Time       `json:"at" doc:"When it was recorded."`
	Actor     *string         `json:"actor" doc:"Id of the API key or person; null for a sign-in that failed."`
	Role      *string         `json:"role" doc:"Of a person; null for a key."`
	Action    string          `json:"action" example:"approve-policy" doc:"Id of the operation, or sign_in, sign_out, sign_in_failed."`
	Subject   *string         `json:"subject" example:"policy/wishpost-face-verification/2"`
	Reason    *string         `json:"reason" doc:"A code; stated for free text, which stands where the act itself is on record."`
	Outcome   string          `json:"outcome" example:"ok" doc:"ok, or the code of the problem that refused it."`
	Before    json.RawMessage `json:"before,omitempty" doc:"What was, as far as the operation shows it."`
	After     json.RawMessage `json:"after,omitempty" doc:"What it became."`
	RequestID *string         `json:"request_id" doc:"X-Request-Id of the answer."`
	Address   *string         `json:"address" doc:"Of the caller."`
	Hash      string          `json:"hash" doc:"Over the entry and the hash before it, hexadecimal."`
}

func viewAuditEntry(e store.AuditEntry, zone *time.Location) auditEntryView {
	return auditEntryView{
		ID: e.ID, At: e.At.In(zone), Actor: orNil(e.Actor), Role: orNil(e.Role), Action: e.Action, Subject: orNil(e.Subject), Reason: orNil(e.Reason),
		Outcome: e.Outcome, Before: e.Before, After: e.After, RequestID: orNil(e.RequestID), Address: orNil(e.Address), Hash: hex.EncodeToString(e.Hash),
	}
}

type verifyIn struct {
	Checkpoints []checkpointView `json:"checkpoints,omitempty" nullable:"false" maxItems:"1000" doc:"Checkpoints that you exported before, as they were answered."`
}

type checkpointsView struct {
	Checkpoints []checkpointView `json:"checkpoints" nullable:"false" doc:"Newest first."`
	Cursor      *string          `json:"cursor" doc:"Where the list goes on; null at its end."`
}

// checkpointView is what the logs were at an instant, signed.
type checkpointView struct {
	Number    int64     `json:"number" doc:"1, 2, 3 … without a gap."`
	At        time.Time `json:"at"`
	Entries   int64     `json:"entries" doc:"Of the audit log."`
	Hash      string    `json:"hash" doc:"Of the last of them, hexadecimal; empty if there was none."`
	Position  int64     `json:"position" doc:"Of the last entry of any account's log."`
	Accounts  int64     `json:"accounts" doc:"Accounts with a log."`
	Digest    string    `json:"digest" doc:"Over the ends of their logs, hexadecimal."`
	KeyID     string    `json:"key_id" doc:"The receipt key that signed it."`
	Signature string    `json:"signature" doc:"base64url"`
}

func viewCheckpoint(c store.Checkpoint, zone *time.Location) checkpointView {
	return checkpointView{
		Number: c.Number, At: c.At.In(zone), Entries: c.Entries, Hash: hex.EncodeToString(c.Hash), Position: c.Position, Accounts: c.Accounts,
		Digest: hex.EncodeToString(c.Digest), KeyID: c.KeyID, Signature: base64url.Encode(c.Signature),
	}
}

// checkpoint reads an exported checkpoint. Whether its signature holds is found out later.
func (f *faults) checkpoint(field string, v checkpointView) store.Checkpoint {
	c := store.Checkpoint{Number: v.Number, At: v.At, KeyID: v.KeyID}
	c.Entries, c.Position, c.Accounts = v.Entries, v.Position, v.Accounts
	var err error
	if c.Hash, err = hex.DecodeString(v.Hash); err != nil {
		f.add(field+".hash", "form", "must be hexadecimal, as it was answered", "应为返回时的十六进制文本")
	}
	if c.Digest, err = hex.DecodeString(v.Digest); err != nil {
		f.add(field+".digest", "form", "must be hexadecimal, as it was answered", "应为返回时的十六进制文本")
	}
	if c.Signature, err = base64url.Decode(v.Signature); err != nil {
		f.add(field+".signature", "form", "must be base64url, as it was answered", "应为返回时的 base64url 文本")
	}
	return c
}

// checkpointSeen is what the audit log keeps of a checkpoint.
type checkpointSeen struct {
	Entries  int64  `json:"entries"`
	Accounts int64  `json:"accounts"`
	Digest   string `json:"digest"`
}

type verificationView struct {
	Intact      bool            `json:"intact" doc:"Everything fits."`
	At          time.Time       `json:"at" doc:"When it was begun."`
	Entries     int64           `json:"entries" doc:"Entries of the audit log that fit, from the first one on."`
	Accounts    int64           `json:"accounts" doc:"Accounts whose logs were followed."`
	LogEntries  int64           `json:"log_entries" doc:"Entries of their logs."`
	Checkpoints int             `json:"checkpoints" doc:"Checkpoints that the logs were held against."`
	Newest      *checkpointView `json:"newest" doc:"The newest one. What was written since could be written anew by who can write to the database; take another one."`
	FaultCount  int             `json:"fault_count"`
	Faults      []faultView     `json:"faults" nullable:"false" doc:"The first twenty: of checkpoints, of the audit log, of accounts by id."`
}

// TransformSchema tells huma that newest may be null.
func (verificationView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "newest")
	return s
}

type faultView struct {
	Log   string `json:"log" example:"audit" doc:"audit, account/ID, checkpoint/NUMBER, or accounts for all of them together."`
	Entry *int64 `json:"entry" doc:"Number of the first entry that does not fit; null where it is about the log as a whole."`
	Kind  string `json:"kind" enum:"altered,missing,unreadable,end,rewritten,signature" doc:"altered: the entry has another content than its hash. missing: it is not there, and later ones are. unreadable: its text cannot be read. end: the log ends elsewhere than it is recorded to; entries were cut off or put on. rewritten: the chain fits and is not the one that was signed. signature: the signature of a checkpoint does not hold."`
}

func viewVerification(r *audit.Result, at time.Time, zone *time.Location) verificationView {
	v := verificationView{
		Intact: r.Intact(), At: at.In(zone), Entries: r.Entries, Accounts: r.Accounts, LogEntries: r.LogEntries, Checkpoints: r.Checkpoints,
		FaultCount: r.Count, Faults: []faultView{},
	}
	if r.Newest.Number > 0 {
		newest := viewCheckpoint(r.Newest, zone)
		v.Newest = &newest
	}
	for _, f := range r.Faults {
		v.Faults = append(v.Faults, faultView{f.Log, orNil(f.Entry), string(f.Kind)})
	}
	return v
}
