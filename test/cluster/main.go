// Command cluster runs a PostgreSQL server and a real Temporal cluster of four processes on loopback until it is told to
// stop, to try Verigate on and to measure it. See docs/testing.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/temporal/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("server", ".bin/temporal-server", "the Temporal server's `program`; make cluster builds it")
	tool := flags.String("sql-tool", ".bin/temporal-sql-tool", "the `program` that writes its schema")
	dynamic := flags.String("dynamic-config", "deploy/temporal/dynamicconfig.yaml", "`file` of the server's dynamic settings")
	shards := flags.Int("shards", 4, "`number` of history shards")
	if err := flags.Parse(args); err != nil {
		return err
	}
	postgres, err := pgserver.Start(ctx, pgserver.Careful())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	dir, err := os.MkdirTemp("", "temporal")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := cluster.Start(ctx, cluster.Config{
		Server: *server, SQLTool: *tool, Postgres: postgres, Dir: dir, DynamicConfig: *dynamic, Shards: *shards,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	for _, name := range []string{"verigate", "verigate_keys"} {
		if err := postgres.Exec(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, `Running until Ctrl-C. For verigate:
  export VERIGATE_TEMPORAL_MODE=remote
  export VERIGATE_TEMPORAL_ADDRESS=%s
  export VERIGATE_STORE_DRIVER=postgres
  export VERIGATE_STORE_URL='%s'
  export VERIGATE_VAULT_KEYS_URL='%s'
`, c.Address(), postgres.URL("verigate"), postgres.URL("verigate_keys"))
	<-ctx.Done()
	return nil
}
