// Package devserver runs a Temporal server, and its web UI, inside this process on SQLite files.
//
// It is the only importer of go.temporal.io/server: that module brings some 1,700 packages, which nothing else
// should have to compile. Everything listens on 127.0.0.1, because the engine knows no users: whoever reaches its
// port may do anything.
//
// # Files
//
// The engine's own data and its visibility (the searchable list of workflows) lie in two files, engine.db and
// visibility.db: with one connection each, they do not wait for one another. Both are in WAL mode with
// synchronous=FULL, so that an acknowledged update survives a power cut. A schema is written in one transaction; a
// process killed in the middle of its first start leaves an empty file and not half a schema. The engine has no
// migrations for SQLite: a file of another server version that does not fit is refused by the server itself, and
// the truth is in Verigate's own store.
//
// # Settings
//
// The server's defaults are made for clusters. The figures in settings.go were measured: the poll limit alone turns
// 99 ms for a trivial workflow into 28 ms.
package devserver
