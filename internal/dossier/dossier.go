package dossier

import (
	"context"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// Source is what an export reads.
type Source interface {
	store.Details
	Account(ctx context.Context, id string) (store.Account, error)
	AccountVersions(ctx context.Context, id string, after, limit int) ([]store.AccountVersion, error)
	Head(ctx context.Context, accountID string) (lifecycle.Verification, error)
	Blocks(ctx context.Context, accountID string) ([]store.CountedBlock, error)
	Extensions(ctx context.Context, f store.ExtensionFilter) ([]store.Extension, error)
	Restrictions(ctx context.Context, accountID string) ([]store.Restriction, error)
	NoticesOf(ctx context.Context, accountID string) ([]store.Notice, error)
	Prompts(ctx context.Context, accountID string, after, limit int) ([]store.Prompt, error)
	EvidenceOf(ctx context.Context, accountID string) ([]store.Evidence, error)
	Contact(ctx context.Context, accountID string) (ref string, err error)
	Checkpoints(ctx context.Context, before int64, limit int) ([]store.Checkpoint, error)
}

// Vault opens what the personal part shows.
type Vault interface {
	Subject(ctx context.Context, accountID, ref string) (realname.Subject, error)
	Text(ctx context.Context, accountID, ref string) (string, error)
}

// Export is one account's export.
type Export struct {
	Source Source
	Vault  Vault // read only for the personal part
	Texts  *consent.Library
	Seals  audit.Seals

	AccountID string
	At        time.Time // now
	Personal  bool      // with names, numbers, telephone, addresses and browsers in clear
}

// Lang is a language of the page.
type Lang string

const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// Schema names the form of the JSON object.
const Schema = "verigate.account-export/1"

const (
	atOnce       = 500 // of what is read page by page
	mostVersions = 500
)
