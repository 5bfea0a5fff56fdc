package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/google/licensecheck"
)

// file is a licence or a notice of a module.
type file struct {
	name string
	text []byte
}

// A licence has to be recognised in at least so many hundredths of its file; the rest is names and headings.
const enough = 75

var licenceNames = regexp.MustCompile(`(?i)^(li[cs]en[cs]e|copying|copyright|notice|patents|unlicense)([-._].*)?$`)

// grants go beside a licence and are none.
var grants = regexp.MustCompile(`(?i)^(notice|patents)`)

// read takes the licence files at the root of the module and recognises them. Files that go with them (NOTICE, PATENTS)
// are kept for the texts and name no licence.
func (m *module) read() error {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return fmt.Errorf("%s: %w (go mod download fetches it)", m.Path, err)
	}
	for _, e := range entries {
		if e.IsDir() || !licenceNames.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
		if err != nil {
			return err
		}
		m.files = append(m.files, file{e.Name(), text})
		if !grants.MatchString(e.Name()) {
			m.names = append(m.names, recognise(text)...)
		}
	}
	slices.Sort(m.names)
	m.names = slices.Compact(m.names)
	return nil
}

// recognise returns the SPDX identifiers of a text, none if too little of it is a licence that is known.
func recognise(text []byte) []string {
	cover := licensecheck.Scan(text)
	if cover.Percent < enough {
		return nil
	}
	var names []string
	for _, match := range cover.Match {
		if !match.IsURL {
			names = append(names, match.ID)
		}
	}
	return names
}
