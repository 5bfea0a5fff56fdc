//go:build !linux

package e2e

import "syscall"

// dieWithParent has no means elsewhere: an aborted test run leaves its demonstrations behind.
func dieWithParent() *syscall.SysProcAttr { return nil }
