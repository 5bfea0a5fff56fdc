//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Built says whether this binary has fail-points at all.
const Built = true

// Points are the places where this process is to die.
type Points struct {
	mu   sync.Mutex
	left map[string]int // hits until death
}

// Parse reads the text of the environment variable.
func Parse(spec string) (*Points, error) {
	p := &Points{left: map[string]int{}}
	if spec == "" {
		return p, nil
	}
	for _, place := range strings.Split(spec, ",") {
		name, count, counted := strings.Cut(place, "#")
		n := 1
		if counted {
			var err error
			if n, err = strconv.Atoi(count); err != nil {
				return nil, errSpec
			}
		}
		if name == "" || n < 1 {
			return nil, errSpec
		}
		p.left[name] = n
	}
	return p, nil
}

// Hit ends the process if this is the place and the hit that were named.
func (p *Points) Hit(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left[name]--; p.left[name] != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way; nothing may happen before it arrives
}
