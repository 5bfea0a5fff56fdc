package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain runs the tests, or the program itself when a script calls verigate.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"verigate": func() {
			os.Exit(run(context.Background(), os.Args[1:], system{}, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the commands that need no engine as a person would.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "../../testdata/script", RequireExplicitExec: true})
}
