package sqlstore_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

func TestMigrateFromEmptyAndAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })

	steps, err := s.Migrations(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	for _, m := range steps {
		require.True(t, m.AppliedAt.IsZero(), m.Name)
	}
	applied, err := s.Migrate(ctx)
	require.NoError(t, err)
	require.Len(t, applied, len(steps))
	register(t, s, "a1")

	applied, err = s.Migrate(ctx)
	require.NoError(t, err)
	require.Empty(t, applied)
	steps, err = s.Migrations(ctx)
	require.NoError(t, err)
	for _, m := range steps {
		require.False(t, m.AppliedAt.IsZero(), m.Name)
	}
	_, err = s.Account(ctx, "a1")
	require.NoError(t, err)
}

func TestMigrateByTwoAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verigate.db")
	var applied [2][]int64
	var group errgroup.Group
	for i := range applied {
		group.Go(func() error {
			s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Now: time.Now})
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			applied[i], err = s.Migrate(t.Context())
			return err
		})
	}
	require.NoError(t, group.Wait())
	steps, err := sqlstoretest.Open(t, sqlstoretest.WithPath(path)).Migrations(t.Context())
	require.NoError(t, err)
	require.Len(t, slices.Concat(applied[:]...), len(steps), "each step is applied by one of them")
}

// TestReleasedMigrationsStay: a migration that somebody may have run is never edited; add another file and its line here.
func TestReleasedMigrationsStay(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"sqlite/00001_init.sql":                    "be73392508d6ab6975d44390682601e128751d101f0e54942014096489f8c584",
		"sqlite/00002_links.sql":                   "33856556753497fd3f57f659e40ca80fcd34858db41995478cb0586f568df173",
		"sqlite/00003_policies.sql":                "e7d47d818282cdbdc7d8eade68faeb5315029346cf5d411f2629316913506fdd",
		"sqlite/00004_restrictions.sql":            "281384b8ce5b4664a289fa152853fe2bf6beb226feac1caf0577e37fb1fb7a0d",
		"sqlite/00005_extensions.sql":              "3e2edfd1f949b18e27a69de8b2515189fb6d91c1872f2b99a3ef4776d8593521",
		"sqlite/00006_webhooks.sql":                "619eb50915ab5ec1f0bfc2c4a6a2763b366cb8ff0b71705227c3c2a39c226dbc",
		"sqlite/00007_reminders.sql":               "92c85971f17199f2f3d708ead3d7eef33b6237d29c9363852c152b2e9740b96a",
		"sqlite/00008_operators.sql":               "b7526e9b414c92b4137fd6b6a4f3c54f2eb5bb1be243a3531a00a75d94d8a26e",
		"sqlite/00011_lists.sql":                   "752d3d1822eae85975f942acaf98cffbeac0684963b22df150ad6d3d33e949ea",
		"sqlite/00010_tally.sql":                   "3dd6937553947ca6506710ba8acc8c9bd9687645d56eca1d63007248f47bf51b",
		"sqlite/00012_reviews.sql":                 "e963b941d7f4f77c50be9a0d4f02e46fc43c9244710f6939597d7af7beef5c6c",
		"sqlite/00013_evidence.sql":                "4b15d1996a41b30658dc4f63cb0e8c17b7d05e73e1e96b368474e3dfbab21d29",
		"sqlite/00014_first_approvals.sql":         "5595e1c424bd4e7e79dbd09026fd697507092c9dd8ffc63976ae47be10e3be2d",
		"sqlite/00015_data_keys.sql":               "e71ce18a5842327a2b6ce2bdc82e59d0b5a7254c429df21dac6abdc9936cb4c2",
		"sqlite/00017_consents.sql":                "c92d12dc09a10872c77c8f18d84551bda32a0676fb68173c46e48359e591e63e",
		"sqlite/00019_key_accounts.sql":            "35fa695d3ac9ea9bb91715e52f831fcd0ac956090c0a62d2813621cfb866eca2",
		"sqlite/00020_erasures.sql":                "3ae58f3482077839c24c38c65e4736ed86eec229ed5d7cd409383e1a1e3c646d",
		"sqlite/00021_links_account.sql":           "432f4858a78cadc588f274b8d35b9bf089012ddf6f2b9bc1dcef7032dd6bb614",
		"sqlite/00022_extensions_rule.sql":         "742ce6c5f36a512d271c686b46dbd2977bc6012bf58430de1e90e46cc5d7d963",
		"sqlite/00023_extensions_until.sql":        "c479e38c7567289efffaae4a283f5810da7b8146fd8321dc265cc837c3a786c7",
		"sqlite/00024_webhook_deliveries_of.sql":   "2001e8f7e6fdeae85870949a924d99e006eda886fd54b122bf1ce01a625f8f8d",
		"postgres/00020_init.sql":                  "d8f890427f2d359c354434df7a672ff98d4c30682cf922a767ab7b89f0270fcc",
		"postgres/00021_links_account.sql":         "432f4858a78cadc588f274b8d35b9bf089012ddf6f2b9bc1dcef7032dd6bb614",
		"postgres/00022_extensions_rule.sql":       "3a82b0366cdcdeb25155253a4668573adeb3ad547d32760cbf7646e94e94bdd7",
		"postgres/00023_extensions_until.sql":      "7ce89f0298c52f263808a30c11fd312c17dc5f36f9fc37ad2067ccad76a359bf",
		"postgres/00024_webhook_deliveries_of.sql": "2de5ded3aaabd72b150f66d44b08ed2a838fb67d239087ebe0d2b45d7cd7fc29",
		"sqlite/00009_audit.sql":                   "6c2a1a7470dfffc09f46dceefac163c43cadd9a7a67b5aefd23bbd9695dae60e",
	}
	got := map[string]string{}
	for _, of := range []fs.FS{migrations.SQLite, migrations.Postgres} {
		require.NoError(t, fs.WalkDir(of, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(of, path)
			sum := sha256.Sum256(text)
			got[path] = hex.EncodeToString(sum[:])
			return err
		}))
	}
	require.Equal(t, want, got)
}
