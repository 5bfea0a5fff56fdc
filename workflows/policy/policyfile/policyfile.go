package policyfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/verigate/verigate/workflows/policy"
)

// MaxSize is the most bytes that a policy file may have.
const MaxSize = 1 << 20

// Fault is one thing that is wrong with a file.
type Fault struct {
	Line    int    // from 1
	Path    string // as rules[0].phases[1].from; "" for the file as a whole
	Message string // what is wrong, the bound and the fix; quotes no value of the file
}

func (f Fault) String() string {
	if f.Path == "" {
		return fmt.Sprintf("line %d: %s", f.Line, f.Message)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Path, f.Message)
}

// Faults is everything that is wrong with a file, by line. It is the error of Parse.
type Faults []Fault

// shown bounds the length of Error; who wants all of a broken megabyte ranges over the Faults.
const shown = 20

func (f Faults) Error() string {
	var b strings.Builder
	b.WriteString("policy file:")
	for i, fault := range f {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(f)-shown)
			break
		}
		b.WriteString("\n  ")
		b.WriteString(fault.String())
	}
	return b.String()
}

// Parse reads a policy. Its error is Faults, all of them at once; the policy is nil then.
func Parse(data []byte) (*policy.Policy, error) {
	root, faults := document(data)
	if len(faults) > 0 {
		return nil, faults
	}
	r := reader{lines: map[string]int{"": root.Line}, bad: map[string]bool{}}
	p := r.policy(root)
	for _, f := range p.Validate() {
		if !r.known(f.Path) {
			r.faults = append(r.faults, Fault{Line: r.line(f.Path), Path: f.Path, Message: f.Message})
		}
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
		return nil, r.faults
	}
	return p, nil
}

// Digest is the SHA-256 of the text in hexadecimal: the name under which a published text is kept and compared.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
