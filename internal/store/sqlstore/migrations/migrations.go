// Package migrations holds the schema of each SQL dialect as numbered files that are only ever added to. A step has the
// same number in every dialect; what PostgreSQL began with has that of the last step of SQLite then.
package migrations

import "embed"

// SQLite holds the migrations of the SQLite dialect under sqlite/.
//
//go:embed sqlite/*.sql
var SQLite embed.FS

// SQLiteKeys holds those of the key file under sqlitekeys/.
//
//go:embed sqlitekeys/*.sql
var SQLiteKeys embed.FS

// Postgres holds the migrations of the PostgreSQL dialect under postgres/.
//
//go:embed postgres/*.sql
var Postgres embed.FS

// PostgresKeys holds those of the database of data keys under postgreskeys/.
//
//go:embed postgreskeys/*.sql
var PostgresKeys embed.FS
