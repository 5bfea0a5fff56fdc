package sqlstore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// told is what a database says of its schema, a line for each column, key, reference and index.
func told(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		all = append(all, line)
	}
	require.NoError(t, rows.Err())
	slices.Sort(all)
	return all
}

// TestBothSchemasTellTheSame compares the columns, primary keys, references and indexes of SQLite and PostgreSQL.
func TestBothSchemasTellTheSame(t *testing.T) {
	t.Parallel()
	lite := sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(t.TempDir(), "v.db")), sqlstoretest.WithNow(func() time.Time { return minute(0) }))
	post := sqlstoretest.OpenPostgres(t)
	for what, query := range map[string][2]string{
		"columns": {
			`SELECT m.name || '.' || c.name || CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN ' NOT NULL' ELSE '' END
				|| CASE c.type WHEN 'INTEGER' THEN ' BIGINT' ELSE ' ' || c.type END
				FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%'`,
			`SELECT c.relname || '.' || a.attname || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
				|| CASE format_type(a.atttypid, NULL) WHEN 'bytea' THEN ' BLOB' WHEN 'integer' THEN ' BIGINT' ELSE ' ' || upper(format_type(a.atttypid, NULL)) END
				FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
				AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE 'goose_%'`,
		},
		"references": {
			`SELECT m.name || '.' || f."from" || ' -> ' || f."table" || '.' || f."to" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`,
			`SELECT c.conrelid::regclass || '.' || a.attname || ' -> ' || c.confrelid::regclass || '.' || b.attname FROM pg_constraint c
				CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k (mine, other)
				JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.mine JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other
				WHERE c.contype = 'f' AND c.conparentid = 0`,
		},
		"unique keys": {
			`SELECT m.name || '(' || (SELECT group_concat(name, ', ') FROM (SELECT i.name FROM pragma_index_info(l.name) i ORDER BY i.seqno)) || ')'
				FROM sqlite_schema m JOIN pragma_index_list(m.name) l WHERE m.type = 'table' AND l.origin = 'u' AND m.name NOT LIKE 'goose_%'`,
			`SELECT c.conrelid::regclass || '(' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k (at, n)
				JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.at) || ')' FROM pg_constraint c WHERE c.contype = 'u' AND c.conparentid = 0
				AND c.connamespace = 'public'::regnamespace
				AND c.conrelid::regclass::text NOT LIKE 'goose_%'
				UNION ALL SELECT 'events(account_id, seq)'`, // there it is the primary key, which has to say what the table is parted by
		},
	} {
		sqlite, postgres := told(t, lite.Readers(), query[0]), told(t, post.Readers(), query[1])
		require.NotEmpty(t, sqlite, what)
		require.Equal(t, sqlite, postgres, what)
	}
	extra := map[string]bool{"events_position_of": true} // a primary key on SQLite
	sqlite := indexes(told(t, lite.Readers(), `SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`))
	postgres := indexes(told(t, post.Readers(), `SELECT indexdef FROM pg_indexes i JOIN pg_class c ON c.relname = i.indexname
		WHERE schemaname = 'public' AND NOT c.relispartition`))
	require.NotEmpty(t, sqlite)
	for name, columns := range sqlite {
		require.Equal(t, columns, postgres[name], name)
	}
	for name := range postgres {
		if sqlite[name] == "" {
			require.True(t, extra[name] || strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "_pkey"), name)
		}
	}
}

// indexes reads the names and the columns of indexes from what made them.
func indexes(statements []string) map[string]string {
	all := map[string]string{}
	pattern := regexp.MustCompile(`(?s)^CREATE (UNIQUE )?INDEX (\w+) ON (?:ONLY )?(?:public\.)?"?(\w+)"?\s+(?:USING btree )?\(([^)]*)\)(?:\s+WHERE (.*))?$`)
	plain := strings.NewReplacer(`::text`, ``, `= ANY (ARRAY[`, `IN `, `]`, ``, `(`, ``, `)`, ``, `"`, ``)
	for _, s := range statements {
		m := pattern.FindStringSubmatch(s)
		if m == nil {
			all[s] = "not understood"
			continue
		}
		all[m[2]] = fmt.Sprintf("%s%s (%s) %s", m[1], m[3], plain.Replace(m[4]), plain.Replace(m[5]))
	}
	return all
}
