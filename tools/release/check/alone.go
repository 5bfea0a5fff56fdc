package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// nobody is a user that owns nothing.
const nobody = 65534

// alone runs the binary's version command in a root directory that holds nothing but the binary, as nobody, and returns
// what it said.
func alone(binary string) (said string, err error) {
	root, err := os.MkdirTemp("", "alone")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(root) }()
	if err := os.Chmod(root, 0o755); err != nil { // nobody has to get in
		return "", err
	}
	if err := place(binary, filepath.Join(root, "verigate")); err != nil {
		return "", err
	}
	cmd := exec.Command("/verigate", "version")
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s does not run in an empty root: %w: %s", binary, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// place copies an executable.
func place(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
