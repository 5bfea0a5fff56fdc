package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked could not be done, or what was checked is wrong
	exitUsage  = 2 // the command line or the configuration is wrong
)

// world is what a command has of its process, so that every command runs in a test.
type world struct {
	ctx            context.Context
	env            func(name string) (string, bool)
	around         environment
	stdin          io.Reader
	stdout, stderr io.Writer
}

// environment is what a process finds around it.
type environment interface {
	LookupEnv(name string) (value string, ok bool)
	Environ() []string // as name=value
}

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errQuiet ends a command with exitFailed after it has said everything itself.
var errQuiet = errors.New("failed")

type cli struct {
	Demo      demoCmd      `cmd:"" help:"Run everything on this machine: engine, database, simulated Alipay, sample accounts."`
	Serve     serveCmd     `cmd:"" help:"Serve the API, with a worker in the same process unless told otherwise."`
	Worker    workerCmd    `cmd:"" help:"Run a worker alone, beside API processes, on a remote engine."`
	Accounts  accountsCmd  `cmd:"" help:"Work on accounts through a running API."`
	Decide    decideCmd    `cmd:"" help:"Ask the gate of a running API, for now or for another instant."`
	Webhooks  webhooksCmd  `cmd:"" help:"Tell account services of changes, through a running API."`
	Policy    policyCmd    `cmd:"" help:"Check, publish, approve, compare and brake the dated rules."`
	Reminders remindersCmd `cmd:"" help:"Remind merchants of deadlines through a running API, and watch it."`
	Sweep     sweepCmd     `cmd:"" help:"Start and follow enforcement sweeps through a running API."`
	Report    reportCmd    `cmd:"" help:"Report what a version of a policy came to, account by account."`
	Export    exportCmd    `cmd:"" help:"Export what is on record of an account, and check such an export."`
	Audit     auditCmd     `cmd:"" help:"Read and verify the log of what people did, through a running API."`
	Receipt   receiptCmd   `cmd:"" help:"Check receipts of decisions through a running API."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the database's schema, and a remote engine's namespace, up to date."`
	Rollout   rolloutCmd   `cmd:"" help:"Divide the work among builds of the workers, on a remote engine."`
	Reconcile reconcileCmd `cmd:"" help:"After a restore: bring workflows and store together and report each account."`
	Replay    replayCmd    `cmd:"" help:"Run this build's workflow code against recorded histories."`
	Keys      keysCmd      `cmd:"" help:"Make, list and disable API keys."`
	Secrets   secretsCmd   `cmd:"" help:"Make and rotate the keys of a deployment."`
	Erasures  erasuresCmd  `cmd:"" help:"Erase personal data of an account, and list what was erased."`
	Vault     vaultCmd     `cmd:"" help:"Work on the keys that personal data is sealed with."`
	Bench     benchCmd     `cmd:"" help:"Measure this build on this machine against baselines."`
	Health    healthCmd    `cmd:"" help:"Ask a running program whether it can work, as a container's health check does."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	Operators  operatorsCmd  `cmd:"" help:"Say who may sign in to the admin pages, and as what."`
	Extensions extensionsCmd `cmd:"" help:"Ask for, approve and list later enforcement instants for single accounts."`
}

const description = `Verigate moves merchant accounts through real-name review and face verification, and enforces dated identity rules.

Begin with: verigate demo

Commands for a deployment read --config FILE, then the environment (VERIGATE_HTTP_LISTEN is http.listen), then --set path=value; see docs/configuration.md. Commands that talk to a running API take --url and --key, or VERIGATE_URL and VERIGATE_API_KEY.

Exit codes: 0 done; 1 it failed, or what was checked is wrong; 2 the command line or the configuration is wrong.`

// exit carries kong's wish to end the process out of the parser.
type exit int

// run is the program. It returns the exit code.
func run(
	ctx context.Context, args []string, env environment, stdin io.Reader, stdout, stderr io.Writer,
) (code int) {
	defer func() {
		if thrown := recover(); thrown != nil {
			wish, ok := thrown.(exit)
			if !ok {
				panic(thrown)
			}
			code = int(wish)
		}
	}()
	w := &world{ctx: ctx, env: env.LookupEnv, around: env, stdin: stdin, stdout: stdout, stderr: stderr}
	parser, err := kong.New(&cli{},
		kong.Name("verigate"), kong.Description(description), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }), kong.Bind(w),
	)
	if err != nil {
		return w.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return w.fail(usageError{fmt.Errorf("%w\nTry: verigate --help", err)})
	}
	return w.fail(command.Run())
}

// fail says what went wrong and returns the exit code.
func (w *world) fail(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errQuiet):
		return exitFailed
	case errors.As(err, &usage):
		w.warn("verigate: %v\n", err)
		return exitUsage
	default:
		w.warn("verigate: %v\n", err)
		return exitFailed
	}
}

// say writes to standard output, warn to standard error. Nobody is left to be told if that fails.
func (w *world) say(format string, args ...any)  { _, _ = fmt.Fprintf(w.stdout, format, args...) }
func (w *world) warn(format string, args ...any) { _, _ = fmt.Fprintf(w.stderr, format, args...) }

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(w *world) error {
	w.say("verigate %s\n", version())
	return nil
}

// version is what the build recorded of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	if v == "" || v == "(devel)" {
		return "dev"
	}
	return v
}
