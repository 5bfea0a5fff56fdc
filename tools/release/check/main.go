// Command checkrelease looks at a binary before it is passed on: it needs nothing of the machine that it runs on, it is
// the one that was meant, and its bill of materials names every module that it is built of.
//
//	checkrelease -arch amd64 -sbom binary.cdx.json binary
//
// A binary for this machine is also run, as nobody, in a root directory that holds nothing else; only root may do that,
// so for others that part is left out, and said.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "checkrelease:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("checkrelease", flag.ContinueOnError)
	flags.SetOutput(stderr)
	arch := flags.String("arch", runtime.GOARCH, "what it has to be built for")
	sbom := flags.String("sbom", "", "its bill of materials, CycloneDX in JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *sbom == "" {
		return errors.New("usage: checkrelease [-arch ARCH] -sbom FILE BINARY")
	}
	binary := flags.Arg(0)
	if err := static(binary); err != nil {
		return err
	}
	info, err := built(binary, *arch)
	if err != nil {
		return err
	}
	bill, err := os.ReadFile(*sbom)
	if err != nil {
		return err
	}
	if err := covers(bill, info.Deps); err != nil {
		return fmt.Errorf("%s: %w", *sbom, err)
	}
	fmt.Fprintf(stdout, "%s: static, %s, %d modules, all of them in the bill\n", binary, *arch, len(info.Deps))
	switch {
	case *arch != runtime.GOARCH:
		fmt.Fprintln(stdout, "not run: it is for another machine")
	case os.Geteuid() != 0:
		fmt.Fprintln(stdout, "not run in an empty root: only root may do that")
	default:
		said, err := alone(binary)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "runs alone as nobody: %s\n", said)
	}
	return nil
}
