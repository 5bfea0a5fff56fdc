//go:build !failpoints

package failpoint

// Built says whether this binary has fail-points at all.
const Built = false

// Points are the places where this process is to die: in this build, none.
type Points struct{}

// Parse accepts only an empty text: a binary without fail-points must not look as if it had survived one.
func Parse(spec string) (*Points, error) {
	if spec != "" {
		return nil, errNotBuilt
	}
	return &Points{}, nil
}

// Hit does nothing.
func (*Points) Hit(string) {}
