package sqlstore_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
)

// online are the statements of which a table that is in use feels nothing but a moment's lock.
func online() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)^SET (LOCAL )?lock_timeout = '\d+m?s'$`),
		regexp.MustCompile(`(?i)^CREATE TABLE \w+ \(`), // new, so nobody waits
		regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX CONCURRENTLY `),
		regexp.MustCompile(`(?i)^DROP INDEX CONCURRENTLY `),
		regexp.MustCompile(`(?i)^ALTER TABLE \w+ ADD COLUMN \w+ (TEXT COLLATE "C"|BIGINT|INTEGER|BYTEA)( DEFAULT (\d+|'[^']*')( NOT NULL)?| NOT NULL DEFAULT (\d+|'[^']*'))?$`), // in the catalogue only
		regexp.MustCompile(`(?i)^ALTER TABLE \w+ ADD CONSTRAINT .* NOT VALID$`),
		regexp.MustCompile(`(?i)^ALTER TABLE \w+ VALIDATE CONSTRAINT \w+$`), // reads all, and lets others write
	}
}

// offline returns the statements of a step that would keep others from a table for as long as its size takes.
func offline(step string) []string {
	var bad []string
	if strings.Contains(step, "VALIDATE CONSTRAINT") && strings.Contains(step, "ADD CONSTRAINT") { // one transaction: the lock stays
		bad = append(bad, "VALIDATE CONSTRAINT beside ADD CONSTRAINT")
	}
	step = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(step, "")
	step = regexp.MustCompile(`\s+`).ReplaceAllString(step, " ")
	made := regexp.MustCompile(`(?i)CREATE TABLE (\w+)`).FindAllStringSubmatch(step, -1)
statements:
	for _, s := range strings.Split(step, ";") {
		s = strings.TrimSpace(s)
		for _, fine := range online() {
			if s == "" || fine.MatchString(s) {
				continue statements
			}
		}
		for _, m := range made { // an index of a table that is new
			if regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX \w+ ON ` + m[1] + ` \(`).MatchString(s) {
				continue statements
			}
		}
		bad = append(bad, s)
	}
	return bad
}

// TestMigrationsAreOnline: the steps after 21, and after the first of the keys, change a database that is in use. The
// others are older than the first release, so they run on empty tables.
func TestMigrationsAreOnline(t *testing.T) {
	t.Parallel()
	for old, of := range map[string]fs.FS{"postgres/00022": migrations.Postgres, "postgreskeys/00002": migrations.PostgresKeys} {
		paths, err := fs.Glob(of, filepath.Dir(old)+"/*.sql")
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			text, err := fs.ReadFile(of, path)
			require.NoError(t, err)
			if path > old {
				require.Empty(t, offline(string(text)), "%s: see docs/postgresql.md, how to write a migration", path)
			}
		}
	}
}

func TestOfflineStatementsAreFound(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{
		`-- +goose Up` + "\n" + `CREATE TABLE t (a BIGINT); CREATE INDEX i ON t (a);`, `CREATE INDEX CONCURRENTLY i ON accounts (kind);`,
		`ALTER TABLE accounts ADD COLUMN a BIGINT;`, `ALTER TABLE accounts ADD COLUMN a BIGINT NOT NULL DEFAULT 0;`,
	} {
		require.Empty(t, offline(fine), fine)
	}
	for _, bad := range []string{
		`CREATE INDEX i ON accounts (kind);`, `ALTER TABLE accounts ALTER COLUMN seq TYPE TEXT;`, `ALTER TABLE accounts ADD COLUMN a BIGINT NOT NULL;`,
		`ALTER TABLE accounts ADD COLUMN a BIGINT DEFAULT random();`, `ALTER TABLE accounts ADD CONSTRAINT c CHECK (seq > 0);`,
		`ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c;`,
		`ALTER TABLE accounts ALTER COLUMN since SET NOT NULL;`, `UPDATE accounts SET seq = 0;`, `CREATE TABLE t (a BIGINT); CREATE INDEX i ON accounts (kind);`,
	} {
		require.Len(t, offline(bad), 1, bad)
	}
}
