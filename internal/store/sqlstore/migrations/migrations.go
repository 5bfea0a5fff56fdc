// Package migrations holds the schema of each SQL dialect as numbered files that are only ever added to.
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
