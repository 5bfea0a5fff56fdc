package policyfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader turns nodes into values and keeps what is wrong on the way. A value that cannot be read is zero, and its
// path is remembered so that the rules of the policy do not complain of the zero again.
type reader struct {
	faults Faults
	lines  map[string]int // line of each path that the file has
	bad    map[string]bool
}

func (r *reader) fault(n *yaml.Node, path, format string, args ...any) {
	r.faults = append(r.faults, Fault{Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...)})
	r.bad[path] = true
}

// known reports whether the path, or something that holds it, already has a fault.
func (r *reader) known(path string) bool {
	for ; path != ""; path = parent(path) {
		if r.bad[path] {
			return true
		}
	}
	return r.bad[""]
}

// line returns the line of the path or, where the file does not have it, of what should hold it.
func (r *reader) line(path string) int {
	for ; path != ""; path = parent(path) {
		if n, ok := r.lines[path]; ok {
			return n
		}
	}
	return r.lines[""]
}

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// mapping returns the values of n by key, nil if n is no mapping. Keys that are no plain text or come twice are
// faults, and are left out.
func (r *reader) mapping(n *yaml.Node, path string) ([]string, map[string]*yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "must be a mapping of keys to values")
		return nil, nil
	}
	keys, values := []string{}, map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, shownKey(key))
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fault(key, at, "must be a plain key")
		case values[key.Value] != nil:
			r.faults = append(r.faults, Fault{Line: key.Line, Path: at, Message: fmt.Sprintf("is given twice, first in line %d; keep one", r.lines[at])})
		default:
			keys, values[key.Value] = append(keys, key.Value), value
			r.lines[at] = key.Line
		}
	}
	return keys, values
}

// fields is mapping with a fixed choice of keys; those in required have to be there.
func (r *reader) fields(n *yaml.Node, path string, required, optional []string) map[string]*yaml.Node {
	keys, values := r.mapping(n, path)
	if values == nil {
		return nil
	}
	allowed := slices.Concat(required, optional)
	for _, k := range keys {
		if !slices.Contains(allowed, k) {
			at := join(path, printable(k))
			message := "is not a key here; the keys are " + strings.Join(allowed, ", ")
			r.faults = append(r.faults, Fault{Line: r.lines[at], Path: at, Message: message})
			delete(values, k)
		}
	}
	for _, k := range required {
		if values[k] == nil && !r.bad[join(path, k)] {
			r.fault(n, join(path, k), "is missing; add it")
		}
	}
	return values
}

func (r *reader) list(n *yaml.Node, path string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n, path, "must be a list")
		return nil
	}
	return n.Content
}

// texts reads a list of texts, or one text standing for a list of one.
func (r *reader) texts(n *yaml.Node, path string) []string {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{r.text(n, path)}
	}
	var out []string
	for i, item := range r.list(n, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.lines[at] = item.Line
		out = append(out, r.text(item, at))
	}
	return out
}

func (r *reader) text(n *yaml.Node, path string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
		r.fault(n, path, "must be a text that is not empty")
		return ""
	}
	return n.Value
}

func (r *reader) number(n *yaml.Node, path string) int {
	if n == nil {
		return 0
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		if v, err := strconv.Atoi(n.Value); err == nil {
			return v
		}
	}
	r.fault(n, path, "must be a whole number, without quotes")
	return 0
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$`)

func (r *reader) instant(n *yaml.Node, path string) time.Time {
	if n == nil {
		return time.Time{}
	}
	if n.Kind == yaml.ScalarNode && rfc3339.MatchString(n.Value) {
		if t, err := time.Parse(time.RFC3339Nano, n.Value); err == nil && !t.IsZero() {
			return t
		}
	}
	r.fault(n, path, "must be an instant with its offset, such as 2020-12-04T00:00:00+08:00; the zone of the policy is no default")
	return time.Time{}
}

var wholeDays = regexp.MustCompile(`^\d{1,6}d$`)

// duration reads 7d or a Go duration. A negative one is left to the rules of the policy.
func (r *reader) duration(n *yaml.Node, path string) time.Duration {
	if n == nil {
		return 0
	}
	if n.Kind == yaml.ScalarNode {
		if wholeDays.MatchString(n.Value) {
			if days, err := strconv.Atoi(strings.TrimSuffix(n.Value, "d")); err == nil && days <= maxDays {
				return time.Duration(days) * 24 * time.Hour
			}
		} else if d, err := time.ParseDuration(n.Value); err == nil {
			return d
		}
	}
	r.fault(n, path, "must be a number of days such as 7d, at most %dd, or a duration such as 36h", maxDays)
	return 0
}

// maxDays keeps a number of days inside a time.Duration; the policy's own bounds are narrower.
const maxDays = 100_000

var identifier = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// printable returns a key for a path. Other texts are not shown: what was pasted into the wrong file may be
// anybody's name.
func printable(key string) string {
	if identifier.MatchString(key) {
		return key
	}
	return "(unreadable key)"
}

func shownKey(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "(no key)"
	}
	return printable(n.Value)
}
