// Package failpoint kills this process at a named place, so that a test can see what a crash there leaves behind.
//
// It does nothing unless it was built with the tag failpoints. Then VERIGATE_FAILPOINT names the place, as in
//
//	VERIGATE_FAILPOINT=append.after:submit      at the first hit
//	VERIGATE_FAILPOINT=append.after:submit#3    at the third
//
// and several places are separated by commas. The process is killed by SIGKILL: no deferred function runs, no buffer
// is flushed, no connection is closed.
package failpoint

// Env is the environment variable that names the places.
const Env = "VERIGATE_FAILPOINT"
