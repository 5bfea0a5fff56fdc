package main

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

type policyCmd struct {
	Check    policyCheckCmd    `cmd:"" help:"Show everything that is wrong with policy files."`
	Diff     policyDiffCmd     `cmd:"" help:"Show in which ways two policies differ in meaning."`
	Publish  policyPublishCmd  `cmd:"" help:"Propose the next version of a policy."`
	Approve  policyApproveCmd  `cmd:"" help:"Approve what another key proposed."`
	Reject   policyRejectCmd   `cmd:"" help:"Reject a proposal for good."`
	Withdraw policyWithdrawCmd `cmd:"" help:"Take back a version that is not in force."`
	List     policyListCmd     `cmd:"" help:"List every version and where it stands."`
	Show     policyShowCmd     `cmd:"" help:"Print a version's text."`
	History  policyHistoryCmd  `cmd:"" help:"Show who did what to a policy."`
	InForce  policyInForceCmd  `cmd:"" help:"Show what is in force now, or at another instant."`
	Brake    policyBrakeCmd    `cmd:"" help:"Stop a policy, or one of its rules, from blocking, at once."`
	Release  policyReleaseCmd  `cmd:"" help:"Release a brake."`
	Brakes   policyBrakesCmd   `cmd:"" help:"List what is braked."`
	Observed policyObservedCmd `cmd:"" help:"Show what observing and braked rules would have blocked."`
	Impact   policyImpactCmd   `cmd:"" help:"Preview whom the rules will hit, day by day, before the day."`
	Rehearse policyRehearseCmd `cmd:"" help:"Play the whole campaign on a simulated clock over a copy of the database."`
}

type policyCheckCmd struct {
	Files []string `arg:"" name:"file" help:"Policy files; several are also checked together, as if in force at one time."`
	JSON  bool     `name:"json" help:"Print the result as JSON."`
}

// Help is the manual page.
func (policyCheckCmd) Help() string {
	return `Reads policy files and shows all of their faults at once, each with its line, the bound and what to do. Publishes nothing. Exits with 1 if there is a fault.

Example:
  verigate policy check testdata/policies/wishpost-2020.yaml`
}

type policyFault struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

type policyResult struct {
	File    string `json:"file"`
	Name    string `json:"name"`
	Version int    `json:"version"`
	Rules   int    `json:"rules"`
	Digest  string `json:"digest"`
}

// Run checks.
func (c policyCheckCmd) Run(w *world) error {
	var good []policyResult
	var parsed []*policy.Policy
	faults := []policyFault{}
	for _, file := range c.Files {
		data, err := os.ReadFile(file) //nolint:gosec // reading the files named is the command
		if err != nil {
			return usageError{err}
		}
		p, err := policyfile.Parse(data)
		var found policyfile.Faults
		switch {
		case errors.As(err, &found):
			for _, f := range found {
				faults = append(faults, policyFault{file, f.Line, f.Path, f.Message})
			}
		case err != nil:
			return err
		default:
			parsed = append(parsed, p)
			good = append(good, policyResult{file, p.Name, p.Version, len(p.Rules), policyfile.Digest(data)})
		}
	}
	if len(faults) == 0 && len(parsed) > 1 {
		if _, err := policy.NewSet(parsed...); err != nil {
			faults = append(faults, policyFault{File: "together", Message: err.Error()})
		}
	}
	return c.print(w, good, faults)
}

func (c policyCheckCmd) print(w *world, good []policyResult, faults []policyFault) error {
	if c.JSON {
		text, err := json.MarshalIndent(map[string]any{"policies": good, "faults": faults}, "", "  ")
		if err != nil {
			return err
		}
		w.say("%s\n", text)
	} else {
		for _, f := range faults {
			place := f.File
			if f.Line > 0 {
				place += ":" + itoa(f.Line)
			}
			if f.Path != "" {
				place += ": " + f.Path
			}
			w.say("%s: %s\n", place, f.Message)
		}
		for _, p := range good {
			w.say("%s: %s version %d, %d rules, sha256 %s\n", p.File, p.Name, p.Version, p.Rules, p.Digest)
		}
	}
	if len(faults) > 0 {
		return errQuiet
	}
	return nil
}
