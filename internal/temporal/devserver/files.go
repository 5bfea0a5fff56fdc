package devserver

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	engineFile     = "engine.db"
	visibilityFile = "visibility.db"
	clusterName    = "active" // of the only cluster; it is written into the files
)

// sqlConfig describes one file to the server. Attributes that are not URI parameters become pragmas.
func sqlConfig(dir, file string) *config.SQL {
	return &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: (&url.URL{Path: filepath.Join(dir, file)}).EscapedPath(), // the plugin puts it into a file: URI
		ConnectAttributes: map[string]string{
			"mode": "rwc", "journal_mode": "wal", "synchronous": "full", "busy_timeout": "5000",
		},
	}
}

// prepareFiles creates missing schemas and the namespace, and refreshes the statistics of what is there.
func prepareFiles(ctx context.Context, c Config) error {
	for _, file := range []string{engineFile, visibilityFile} {
		if err := prepareFile(ctx, filepath.Join(c.Dir, file)); err != nil {
			return fmt.Errorf("devserver: prepare %s: %w", file, err)
		}
	}
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, c.Namespace, false, c.SearchAttributes)
	if err != nil {
		return fmt.Errorf("devserver: namespace: %w", err)
	}
	ns.Detail.Config.Retention = durationpb.New(c.Retention)
	if err := sqliteschema.CreateNamespaces(sqlConfig(c.Dir, engineFile), ns); err != nil {
		return fmt.Errorf("devserver: namespace: %w", err)
	}
	return nil
}

func prepareFile(ctx context.Context, path string) (err error) {
	uri := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_pragma=busy_timeout(5000)"}
	db, err := sql.Open(sqliteplugin.PluginName, uri.String()) // the plugin registers the driver under its own name
	if err != nil {
		return err
	}
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'namespaces'`).Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return writeSchema(ctx, db)
	}
	// SQLite never analyses by itself, and some lists of the UI are 60 times faster for it. 1,000 rows an index
	// are enough and take a tenth of a second.
	_, err = db.ExecContext(ctx, `PRAGMA analysis_limit = 1000; ANALYZE`)
	return err
}

// writeSchema writes the server's schema in one transaction.
func writeSchema(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := sqliteschema.SetupSchemaOnDB(schemaWriter{tx: tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaWriter is as much of the server's administrative interface as writing a schema takes.
type schemaWriter struct {
	sqlplugin.AdminDB
	tx *sql.Tx
}

// Exec implements sqlplugin.AdminCRUD.
func (w schemaWriter) Exec(stmt string, args ...any) error {
	_, err := w.tx.Exec(stmt, args...)
	return err
}
