package contract_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/contract"
)

// FuzzParseSweepID: an id of a sweep is the one that its key makes.
func FuzzParseSweepID(f *testing.F) {
	for _, seed := range []string{"founding.1.20201203T160000Z", "a.b.1.20201203T160000Z.dry", "a.1.20201332T160000Z", "a.01.20201203T160000Z", ".1.2", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		key, err := contract.ParseSweepID(id)
		if err != nil {
			require.Equal(t, contract.ErrSweepID, err)
			require.Zero(t, key)
			return
		}
		require.Equal(t, id, key.ID())
		require.NoError(t, key.Check())
	})
}
