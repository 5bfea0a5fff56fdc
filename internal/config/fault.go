package config

import "strings"

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	Field   string // as http.listen; empty for the file as a whole
	Source  string // where the value came from, as "line 3", VERIGATE_HTTP_LISTEN or --http; empty if not known
	Message string // what is wrong, the bound and the fix; quotes no value
}

func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Field)
	if f.Source != "" {
		if f.Field != "" {
			b.WriteString(" ")
		}
		b.WriteString("(" + f.Source + ")")
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	return b.String() + f.Message
}

// Faults is everything that is wrong, and the error of Load.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = "\n  " + fault.String()
	}
	return "configuration:" + strings.Join(lines, "")
}
