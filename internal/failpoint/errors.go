package failpoint

import "errors"

var (
	errNotBuilt = errors.New(`failpoint: ` + Env + ` is set, but this binary was not built with -tags failpoints`)
	errSpec     = errors.New(`failpoint: ` + Env + ` must be place or place#n, n from 1, separated by commas`)
)
