package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

type reportCmd struct {
	connection
	Policy  string `arg:"" help:"Name of the policy."`
	Version int    `default:"0" help:"Version of the policy; 0 is the newest."`
	Format  string `enum:"json,csv,html,zip" default:"json" help:"json: rows and sums; csv: rows; html: a page to read; zip: the pack of evidence."`
	Lang    string `enum:"en,zh-CN" default:"en" help:"Language of the page: en or zh-CN."`
	Output  string `short:"o" type:"path" placeholder:"FILE" help:"Write to a file, which is there only if the report is whole (default: standard output)."`
}

// Help is the manual page.
func (reportCmd) Help() string {
	return `Tells what a version of a policy came to: every account that its rules cover, once, with its prompts, reminders, verification before or after the date, restrictions, extensions and notices, and the sums. The pack of evidence has the policy's text, the rows, the restriction entries of the log, the sweeps, and a manifest with the SHA-256 of each file.

Examples:
  verigate report wishpost-face-verification --format html --lang zh-CN -o report.html
  verigate report wishpost-face-verification --version 1 --format zip -o evidence.zip`
}

// Run reports.
func (c reportCmd) Run(w *world) error {
	number := c.Version
	if number == 0 {
		var err error
		if number, err = c.newest(w); err != nil {
			return err
		}
	}
	path := "/v1/policies/" + url.PathEscape(c.Policy) + "/versions/" + itoa(number) + "/report?format=" + c.Format
	return c.save(w, path, http.Header{"Accept-Language": {c.Lang}}, c.Output, "report")
}

// save writes an answer to a file, or to standard output if none is named. what says in an error what is not whole.
func (c connection) save(w *world, path string, header http.Header, output, what string) error {
	res, err := c.doWith(w, http.MethodGet, path, header, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if output == "" {
		_, err = io.Copy(w.stdout, res.Body)
	} else {
		err = writeWhole(output, res.Body)
	}
	if err != nil {
		return fmt.Errorf("the %s is not whole: %w", what, err)
	}
	return nil
}

// newest asks for the highest version.
func (c reportCmd) newest(w *world) (int, error) {
	var list struct {
		Policies []struct {
			Name    string `json:"name"`
			Version int    `json:"version"`
		} `json:"policies"`
	}
	if _, err := c.ask(w, http.MethodGet, "/v1/policies", nil, &list); err != nil {
		return 0, err
	}
	number := 0
	for _, p := range list.Policies {
		if p.Name == c.Policy {
			number = max(number, p.Version)
		}
	}
	if number == 0 {
		return 0, fmt.Errorf("no version of policy %s is published", c.Policy)
	}
	return number, nil
}

// writeWhole writes a file beside its place and moves it there once it is whole.
func writeWhole(path string, from io.Reader) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".verigate-*")
	if err != nil {
		return usageError{err}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if _, err := io.Copy(file, from); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
