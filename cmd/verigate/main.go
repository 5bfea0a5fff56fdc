// Command verigate runs Verigate and works on it: the demonstration, the API, the worker, and the tools of an
// operator. verigate --help is the manual.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // policies name time zones, and a container may have none
)

// system is the environment of this process.
type system struct{}

// LookupEnv implements environment.
func (system) LookupEnv(name string) (string, bool) { return os.LookupEnv(name) }

// Environ implements environment.
func (system) Environ() []string { return os.Environ() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], system{}, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
