package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

const superuser = "verigate"

// errMissing says what to do.
var errMissing = errors.New("pgtest: no PostgreSQL server is installed (initdb and postgres are neither in PATH nor in " +
	"/usr/lib/postgresql/*/bin); install it, on Debian: apt-get install postgresql; or say VERIGATE_TEST_POSTGRES=off to go without")

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
	return "", "", errMissing
}

func versionOf(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 for what is no number
	return n
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// server is a PostgreSQL of this process.
type server struct {
	dir     string // its socket, and its data below
	process *os.Process
	ended   chan error
}

func startServer() (_ *server, err error) {
	initdb, postgres, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := credential()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, ended: make(chan error, 1)}
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
	data := filepath.Join(dir, "data")
	made := exec.Command(initdb, "-D", data, "-U", superuser, "--auth=trust", "--no-sync", "--no-instructions",
		"--encoding=UTF8", "--locale=C")
	made.Dir, made.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgtest: initdb: %w: %s", err, out)
	}
	args := []string{"-D", data, "-k", dir, "-h", ""}
	for _, setting := range []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"shared_buffers=64MB", "max_connections=300", "max_wal_size=4GB", "checkpoint_timeout=1h", "autovacuum=off", "jit=off",
	} {
		args = append(args, "-c", setting)
	}
	command := exec.Command(postgres, args...)
	command.Dir = dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
	if err := s.run(command); err != nil {
		return nil, err
	}
	return s, s.await()
}

// run starts the server. The system sends the signal for the parent's death when the thread ends that started the child,
// so that thread stays.
func (s *server) run(command *exec.Cmd) error {
	started := make(chan error)
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
			s.ended <- fmt.Errorf("pgtest: the server ended: %w: %s", err, log.Bytes())
		}
		close(s.ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("pgtest: start the server: %w", err)
	}
	s.process = command.Process
	return nil
}

// await returns when the server takes connections.
func (s *server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case ended := <-s.ended:
			return errors.Join(ended, err)
		case <-ctx.Done():
			return errors.Join(err, s.stop())
		case <-tick.C:
		}
	}
}

// stop ends the server at once and removes its data.
func (s *server) stop() error {
	err := s.process.Signal(syscall.SIGQUIT)
	<-s.ended // with the status that the signal gives, which is no fault
	return errors.Join(err, os.RemoveAll(s.dir))
}

// credential is whom the server runs as: PostgreSQL refuses root. nil where the tests are not root's.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
			gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
			if err := errors.Join(errUID, errGID); err != nil {
				return nil, fmt.Errorf("pgtest: the user %s: %w", name, err)
			}
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("pgtest: PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}
