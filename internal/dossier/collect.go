package dossier

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Collect reads everything but the log, which may be long. What it reads is bounded by the store.
func (x Export) Collect(ctx context.Context) (*Document, error) {
	d := &Document{Schema: Schema, AccountID: x.AccountID, ExportedAt: x.At.UTC(), Personal: x.Personal}
	for _, step := range []func(context.Context, *Document) error{x.facts, x.verification, x.consents, x.attempts, x.decisions, x.messages, x.personal} {
		if err := step(ctx, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// none is an empty list and not null in JSON.
func none[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func viewAccount(a store.Account) Account {
	return Account{Kind: string(a.Kind), Region: a.Region, RegisteredAt: a.RegisteredAt, ClosedAt: a.ClosedAt}
}

func (x Export) facts(ctx context.Context, d *Document) error {
	a, err := x.Source.Account(ctx, x.AccountID)
	if err != nil {
		return err
	}
	d.Account = viewAccount(a)
	versions, err := x.Source.AccountVersions(ctx, x.AccountID, 0, mostVersions)
	for _, v := range versions {
		d.Versions = append(d.Versions, Version{
			Version: v.Version, RecordedAt: v.RecordedAt, Account: viewAccount(v.Account), Actor: v.Actor, Reason: code(v.Reason),
		})
	}
	d.Versions = none(d.Versions)
	return err
}

func (x Export) verification(ctx context.Context, d *Document) error {
	v, err := x.Source.Head(ctx, x.AccountID)
	d.Verification = Verification{
		State: string(v.State), Since: v.Since, Method: string(v.Method), VerifiedAt: v.VerifiedAt, Reason: v.Reason,
		Revision: v.Revision, Generation: v.Generation,
	}
	return err
}

func (x Export) consents(ctx context.Context, d *Document) error {
	records, err := x.Source.ConsentsOf(ctx, x.AccountID)
	if err != nil {
		return err
	}
	notes, err := x.Source.ConsentNotes(ctx, x.AccountID)
	if err != nil {
		return err
	}
	d.Consents, d.Refusals, d.Texts = []Consent{}, []Consent{}, []Text{}
	for _, r := range records {
		d.Consents = append(d.Consents, x.consent(d, r))
	}
	for _, n := range notes {
		c := x.consent(d, store.ConsentRecord{Consent: n.Consent})
		if n.Answer == store.AnswerRefused {
			d.Refusals = append(d.Refusals, c)
			continue
		}
		d.Consents = append(d.Consents, c)
	}
	slices.SortStableFunc(d.Consents, func(a, b Consent) int { return a.AgreedAt.Compare(b.AgreedAt) })
	return nil
}

// consent shows one record, and adds its text to those that are shown.
func (x Export) consent(d *Document, r store.ConsentRecord) Consent {
	c := Consent{Consent: r.Consent, EndedAt: r.EndedAt, EndedVia: string(r.EndedVia), SupersededBy: r.SupersededBy}
	c.Kind = r.Of()
	t, known := x.Texts.Text(r.TextVersion, r.Language)
	if !known {
		return c
	}
	c.Facts = t.Facts
	if !slices.ContainsFunc(d.Texts, func(have Text) bool { return have.SHA256 == t.SHA256 }) {
		d.Texts = append(d.Texts, Text{Version: t.Version, Language: t.Language, SHA256: t.SHA256, File: t.File})
	}
	return c
}

func (x Export) attempts(ctx context.Context, d *Document) error {
	d.Attempts, d.Evidence = []Attempt{}, []Evidence{}
	all, err := x.Source.AttemptsOf(ctx, x.AccountID)
	if err != nil {
		return err
	}
	for _, a := range all {
		d.Attempts = append(d.Attempts, Attempt{
			ID: a.ID, Number: a.Number, Provider: a.Provider, OrderNo: a.OrderNo, Revision: a.Revision, Generation: a.Generation,
			StartedAt: a.StartedAt, EndsAt: a.EndsAt, Result: string(a.Result), ResultAt: a.ResultAt, Codes: len(a.Leases),
		})
	}
	pieces, err := x.Source.EvidenceOf(ctx, x.AccountID)
	for _, e := range pieces {
		d.Evidence = append(d.Evidence, Evidence{ID: e.ID, Kind: e.Kind, SHA256: e.Digest, UploadedAt: e.UploadedAt, DeleteAfter: e.DeleteAfter})
	}
	return err
}

func (x Export) decisions(ctx context.Context, d *Document) error {
	d.Decisions, d.Extensions, d.Restrictions = []Decision{}, []Extension{}, []Restriction{}
	blocks, err := x.Source.Blocks(ctx, x.AccountID)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		d.Decisions = append(d.Decisions, Decision{
			Action: b.Action, Policy: b.PolicyName, PolicyVersion: b.PolicyVersion, Rule: b.RuleID, Reason: b.Reason, Since: b.Since, At: b.At,
			Repeats: b.Repeats, Observed: b.Observed, Receipt: b.Receipt,
		})
	}
	extensions, err := x.Source.Extensions(ctx, store.ExtensionFilter{AccountID: x.AccountID, Limit: atOnce})
	if err != nil {
		return err
	}
	for _, e := range extensions {
		shown := Extension{ID: e.ID, Rule: e.RuleID, Until: e.Until, State: string(e.StateAt(x.At))}
		for _, s := range e.Steps {
			shown.Steps = append(shown.Steps, ExtensionStep{State: string(s.State), At: s.At, Actor: s.Actor, Reason: code(s.Reason)})
		}
		d.Extensions = append(d.Extensions, shown)
	}
	restrictions, err := x.Source.Restrictions(ctx, x.AccountID)
	for _, r := range restrictions {
		d.Restrictions = append(d.Restrictions, Restriction{
			Policy: r.PolicyName, PolicyVersion: r.PolicyVersion, Rule: r.RuleID, Since: r.Since, Actions: r.Actions,
			OpenedAt: r.OpenedAt, LiftedAt: r.LiftedAt, LiftReason: r.LiftReason,
		})
	}
	return err
}

// mostPrompts bounds the prompts that are shown; every one is an entry of the log, too.
const mostPrompts = 2000

func (x Export) messages(ctx context.Context, d *Document) error {
	d.Notices, d.Prompts = []Notice{}, []Prompt{}
	notices, err := x.Source.NoticesOf(ctx, x.AccountID)
	if err != nil {
		return err
	}
	for _, n := range notices {
		d.Notices = append(d.Notices, Notice{Channel: n.Channel, Rule: n.Rule, Milestone: n.Milestone, Deadline: n.Deadline, State: string(n.State), At: n.ChangedAt})
	}
	for len(d.Prompts) < mostPrompts {
		page, err := x.Source.Prompts(ctx, x.AccountID, len(d.Prompts), atOnce)
		if err != nil {
			return err
		}
		for _, p := range page {
			d.Prompts = append(d.Prompts, Prompt{Number: p.Number, At: p.At, Level: p.Level, Rule: p.Rule})
		}
		if len(page) < atOnce {
			break
		}
	}
	newest, err := x.Source.Checkpoints(ctx, 0, 1)
	if len(newest) > 0 {
		written := audit.Write(newest[0])
		d.Checkpoint = &written
	}
	return err
}

// personal opens what the vault still holds. What was deleted is simply not there.
func (x Export) personal(ctx context.Context, d *Document) error {
	if !x.Personal {
		return nil
	}
	d.Data = &Personal{Identities: []Identity{}, Origins: []Origin{}}
	submitted, err := x.Source.Entries(ctx, x.AccountID, store.EntryFilter{Events: []lifecycle.Event{lifecycle.Submit, lifecycle.Correct}, Limit: atOnce})
	if err != nil {
		return err
	}
	for _, e := range submitted {
		if e.Detail.Identity == nil {
			continue
		}
		subject, err := x.Vault.Subject(ctx, x.AccountID, e.Detail.Identity.Ref)
		if errors.Is(err, vault.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		name, kind, number := subject.Reveal()
		d.Data.Identities = append(d.Data.Identities, Identity{SubmittedAt: e.At, DocumentType: kind, Name: name, Number: number})
	}
	if err := x.telephone(ctx, d.Data); err != nil {
		return err
	}
	for _, c := range slices.Concat(d.Consents, d.Refusals) {
		text, err := x.text(ctx, c.EvidenceRef)
		if err != nil {
			return err
		}
		if json.Valid([]byte(text)) {
			d.Data.Origins = append(d.Data.Origins, Origin{c.ID, json.RawMessage(text)})
		}
	}
	return nil
}

func (x Export) telephone(ctx context.Context, to *Personal) error {
	ref, err := x.Source.Contact(ctx, x.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		to.Telephone, err = x.text(ctx, ref)
	}
	return err
}

// text opens a text, "" if it is not held.
func (x Export) text(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	text, err := x.Vault.Text(ctx, x.AccountID, ref)
	if errors.Is(err, vault.ErrNotFound) {
		return "", nil
	}
	return text, err
}
