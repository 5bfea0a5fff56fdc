package e2e

import (
	"errors"
	"fmt"
)

// lookAtDatabases looks for personal data in everything that PostgreSQL keeps, Temporal's histories among it.
func lookAtDatabases(data string) error {
	found, err := unclean(data, nil)
	for _, what := range found {
		err = errors.Join(err, fmt.Errorf("in the databases: %s", what))
	}
	return err
}
