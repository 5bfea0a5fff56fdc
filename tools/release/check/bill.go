package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
)

// covers fails if a module of the binary, at its version, is not among the components of the bill.
func covers(bill []byte, modules []*debug.Module) error {
	var b struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct {
			Name, Version string
			PURL          string `json:"purl"`
		}
	}
	if err := json.Unmarshal(bill, &b); err != nil {
		return err
	}
	if b.BOMFormat != "CycloneDX" {
		return fmt.Errorf("bomFormat is %q, not CycloneDX", b.BOMFormat)
	}
	named := map[string]bool{}
	for _, c := range b.Components {
		if c.PURL != "" {
			named[c.Name+"@"+c.Version] = true
		}
	}
	var faults []error
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		if !named[m.Path+"@"+m.Version] {
			faults = append(faults, fmt.Errorf("%s@%s is in the binary and not in the bill", m.Path, m.Version))
		}
	}
	return errors.Join(faults...)
}
