// Command licences lists the modules that a build of ./cmd/verigate ships, each with its licences, and refuses one whose
// licence nobody has allowed.
//
//	licences -root ../.. -out ../../docs/licences.md [-check] [-texts file]
//
// The modules are those of the packages that the build imports, for linux on amd64 and arm64: modules that only tests or
// tools need are not shipped. A licence is read from the files of the module in the module cache; its name is SPDX's.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("licences", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "root of the module")
	out := flags.String("out", "", "the table, in Markdown")
	check := flags.Bool("check", false, "write nothing: fail if the table is not what would be written")
	texts := flags.String("texts", "", "write the texts of all licences and notices here, to be shipped with the binaries")
	if err := flags.Parse(args); err != nil {
		return err
	}
	modules, err := shipped(ctx, *root)
	if err != nil {
		return err
	}
	for i := range modules {
		if err := modules[i].read(); err != nil {
			return err
		}
	}
	if err := judge(modules); err != nil {
		return err
	}
	if *texts != "" {
		if err := os.WriteFile(*texts, notices(modules), 0o644); err != nil {
			return err
		}
	}
	if *out == "" {
		return nil
	}
	want := table(modules)
	if !*check {
		return os.WriteFile(*out, want, 0o644)
	}
	have, err := os.ReadFile(*out)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return errors.New(*out + " is not what the build ships; make licences writes it")
	}
	return nil
}
