// Package pgserver runs a PostgreSQL server of this process's own, from the binaries of the machine: for tests, and for
// what is measured.
//
// The server has its data in a folder, listens on a socket in that folder and nowhere else, and lets everybody in who
// reaches the socket. Should this process die first, the system tells the server to stop.
package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser owns the server and may do everything.
const Superuser = "verigate"

// ErrMissing says that no server is installed, and what to do.
var ErrMissing = errors.New("no PostgreSQL server is installed (initdb and postgres are neither in PATH nor in " +
	"/usr/lib/postgresql/*/bin); install it, on Debian: apt-get install postgresql")

// Forgetful are settings of a server whose data nobody wants back. It does not care for the disk, and a transaction that it
// answered may be gone when it dies.
func Forgetful() []string {
	return []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"shared_buffers=64MB", "max_connections=600", "max_wal_size=4GB", "checkpoint_timeout=1h", "autovacuum=off", "jit=off",
	}
}

// Careful are settings of a server that loses nothing which it answered when its processes die. It does not wait for the
// disk: a power cut is another matter.
func Careful() []string {
	return []string{"fsync=off", "shared_buffers=128MB", "max_connections=600", "max_wal_size=4GB", "jit=off"}
}

// Durable are settings of a server as it is run: it waits for the disk. For what is measured.
func Durable() []string {
	return []string{"shared_buffers=1GB", "effective_cache_size=8GB", "max_connections=300", "max_wal_size=8GB", "jit=off", "random_page_cost=1.1"}
}

// Counter is the library, which comes with the server, that counts statements.
const Counter = "pg_stat_statements"

// Counting are the settings of Durable, with every statement counted.
func Counting() []string { return append(Durable(), "shared_preload_libraries="+Counter) }

// Server is a running server.
type Server struct {
	dir      string // its socket, and its data below
	settings []string
	as       *syscall.Credential
	process  *os.Process
	ended    chan error
}

// Start makes a server in a new temporary folder and returns when it takes connections. settings are written NAME=VALUE, as
// in postgresql.conf. Stop it.
func Start(ctx context.Context, settings []string) (_ *Server, err error) {
	initdb, _, err := binaries()
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	as, err := credential()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, settings: settings, as: as}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	made := exec.CommandContext(ctx, initdb, "-D", s.Data(), "-U", Superuser, "--auth=trust", "--no-sync", "--no-instructions", //nolint:gosec // the machine's own
		"--encoding=UTF8", "--locale=C")
	made.Dir, made.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgserver: initdb: %w: %s", err, out)
	}
	return s, s.Restart(ctx)
}

// Restart starts the server again on the data that it had, after Kill.
func (s *Server) Restart(ctx context.Context) error {
	_, postgres, err := binaries()
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	args := []string{"-D", s.Data(), "-k", s.dir, "-h", ""}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	command := exec.Command(postgres, args...) //nolint:gosec // the machine's own
	command.Dir = s.dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	if err := s.run(command); err != nil {
		return err
	}
	return s.await(ctx)
}

// run starts the server. The system sends the signal for the parent's death when the thread ends that started the child,
// so that thread stays.
func (s *Server) run(command *exec.Cmd) error {
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var log bytes.Buffer
		command.Stdout, command.Stderr = &log, &log
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		if err := command.Wait(); err != nil {
			ended <- fmt.Errorf("pgserver: the server ended: %w: %s", err, log.Bytes())
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("pgserver: start: %w", err)
	}
	s.process, s.ended = command.Process, ended
	return nil
}

// await returns when the server takes connections.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case ended := <-s.ended:
			return errors.Join(ended, err)
		case <-ctx.Done():
			return errors.Join(err, s.Kill())
		case <-tick.C:
		}
	}
}

// Kill ends the server at once, as when its machine's memory runs out. Its data stay.
func (s *Server) Kill() error {
	err := s.process.Signal(syscall.SIGQUIT)
	<-s.ended // with the status that the signal gives, which is no fault
	return err
}

// Stop ends the server at once and removes its data.
func (s *Server) Stop() error {
	return errors.Join(s.Kill(), os.RemoveAll(s.dir))
}

// Dir is the folder of its socket.
func (s *Server) Dir() string { return s.dir }

// Data is the folder of everything that it keeps.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// URL of a database of the server, for its superuser.
func (s *Server) URL(database string) string {
	query := url.Values{"host": {s.dir}, "user": {Superuser}}
	return (&url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}).String()
}

// Exec runs statements in a database, as the superuser.
func (s *Server) Exec(ctx context.Context, database, statements string) error {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return fmt.Errorf("pgserver: connect: %w", err)
	}
	_, err = conn.Exec(ctx, statements)
	return errors.Join(err, conn.Close(ctx))
}

// binaries returns the paths of initdb and postgres: those of PATH, or of the newest version that Debian has installed.
func binaries() (initdb, postgres string, err error) {
	initdb, errInit := exec.LookPath("initdb")
	postgres, errServer := exec.LookPath("postgres")
	if errInit == nil && errServer == nil {
		return initdb, postgres, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", "", err
	}
	slices.SortFunc(found, func(a, b string) int { return versionOf(b) - versionOf(a) })
	for _, dir := range found {
		initdb, postgres = filepath.Join(dir, "initdb"), filepath.Join(dir, "postgres")
		if runnable(initdb) && runnable(postgres) {
			return initdb, postgres, nil
		}
	}
	return "", "", ErrMissing
}

// Tool returns the path of another program that came with the server, such as pg_dump.
func Tool(name string) (string, error) {
	_, postgres, err := binaries()
	if err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	if tool := filepath.Join(filepath.Dir(postgres), name); runnable(tool) {
		return tool, nil
	}
	return exec.LookPath(name)
}

func versionOf(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 for what is no number
	return n
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// credential is whom the server runs as: PostgreSQL refuses root. nil where we are not root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
			gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
			if err := errors.Join(errUID, errGID); err != nil {
				return nil, fmt.Errorf("pgserver: the user %s: %w", name, err)
			}
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("pgserver: PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}
