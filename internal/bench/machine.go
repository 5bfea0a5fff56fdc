package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Machine is what a measurement was taken on.
type Machine struct {
	CPU       string    `json:"cpu"`
	Cores     int       `json:"cores"`
	MemoryMiB int64     `json:"memory_mib"`
	Load      string    `json:"load"` // of the last minute, when the run began
	System    string    `json:"system"`
	Go        string    `json:"go"`
	Commit    string    `json:"commit"`
	Taken     time.Time `json:"taken"`
}

// ThisMachine describes this one. What a system does not tell is left empty.
func ThisMachine(now time.Time) Machine {
	m := Machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Taken: now.UTC().Truncate(time.Second),
		CPU: field("/proc/cpuinfo", "model name"), MemoryMiB: kibibytes("/proc/meminfo", "MemTotal") >> 10,
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				m.Commit = s.Value
			}
		}
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MiB, %s, %s, commit %s, load %s, %s",
		orUnknown(m.CPU), m.Cores, m.MemoryMiB, m.System, m.Go, orUnknown(m.Commit), orUnknown(m.Load), m.Taken.Format(time.RFC3339))
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// field is the value of the first line of a file that begins with a name and a colon.
func field(path, name string) string {
	text, err := os.ReadFile(path) //nolint:gosec // the files of /proc named here
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kibibytes(path, name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(field(path, name), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func processorTime() time.Duration { return ProcessorTime("self") }

// ProcessorTime is what a process, self or one of that number, has used so far, 0 if the system does not tell.
func ProcessorTime(process string) time.Duration {
	text, err := os.ReadFile("/proc/" + process + "/stat") //nolint:gosec // a file of /proc
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name before it may hold spaces
	fields := strings.Fields(after)
	const user, system, ticks = 11, 12, 100 // places after the name; ticks of a second, the same on every Linux
	if len(fields) <= system {
		return 0
	}
	var used time.Duration
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		used += time.Duration(n) * time.Second / ticks
	}
	return used
}

func residentNow() int64 { return Resident("self") }

// Resident is the resident memory of a process, self or one of that number, in MiB, 0 if the system does not tell.
func Resident(process string) int64 { return kibibytes("/proc/"+process+"/status", "VmRSS") >> 10 }

// watchResident looks at this process's resident memory until stop is called, which returns the most, in MiB.
func watchResident(ctx context.Context) (stop func() int64) {
	ctx, cancel := context.WithCancel(ctx)
	most := make(chan int64, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var high int64
		for {
			high = max(high, residentNow())
			select {
			case <-ctx.Done():
				most <- high
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		cancel()
		return <-most
	}
}
