package policyfile

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/verigate/verigate/workflows/policy"
)

func (r *reader) reminders(n *yaml.Node, path string) *policy.Reminders {
	f := r.fields(n, path, []string{"quiet", "per_second"}, []string{"before", "after", "jitter"})
	out := &policy.Reminders{
		Before:    r.durations(f["before"], path+".before"),
		Jitter:    r.duration(f["jitter"], path+".jitter"),
		PerSecond: r.number(f["per_second"], path+".per_second"),
	}
	if n := f["after"]; n != nil {
		at := path + ".after"
		f := r.fields(n, at, []string{"every", "times"}, nil)
		out.After = policy.Repeat{Every: r.duration(f["every"], at+".every"), Times: r.number(f["times"], at+".times")}
		if out.After == (policy.Repeat{}) && !r.bad[at+".every"] && !r.bad[at+".times"] {
			r.fault(n, at, "must be more than 0; leave it out if nobody is reminded after the deadline")
		}
	}
	if n := f["quiet"]; n != nil {
		at := path + ".quiet"
		f := r.fields(n, at, []string{"from", "until"}, nil)
		out.Quiet = policy.Quiet{From: r.timeOfDay(f["from"], at+".from"), Until: r.timeOfDay(f["until"], at+".until")}
	}
	return out
}

func (r *reader) durations(n *yaml.Node, path string) []time.Duration {
	var out []time.Duration
	for i, item := range r.list(n, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.lines[at] = item.Line
		out = append(out, r.duration(item, at))
	}
	return out
}

var timeOfDay = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)$`)

func (r *reader) timeOfDay(n *yaml.Node, path string) policy.TimeOfDay {
	if n == nil {
		return 0
	}
	if m := timeOfDay.FindStringSubmatch(n.Value); n.Kind == yaml.ScalarNode && m != nil {
		hours, _ := strconv.Atoi(m[1]) // the pattern has made sure
		minutes, _ := strconv.Atoi(m[2])
		return policy.TimeOfDay(hours*60 + minutes)
	}
	r.fault(n, path, `must be a time of day such as "21:00"`)
	return 0
}
