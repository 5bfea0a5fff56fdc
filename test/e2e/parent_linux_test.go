package e2e

import "syscall"

// dieWithParent lets no demonstration outlive a test run that was aborted.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
