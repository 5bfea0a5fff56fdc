package campaign_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/store"
)

// busy is a store in which an account is prompted, reminded and verified right after its facts were read.
type busy struct {
	*rig
	campaign.Source
}

func (b busy) FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error) {
	page, err := b.Source.FactsAfter(ctx, after, last, limit)
	if len(page) > 0 {
		b.prompt("a")
		b.remind("a")
		b.verify("a")
	}
	return page, err
}

// TestARowIsOfOneMoment: what is written while the report is made belongs to the next one, whole.
func TestARowIsOfOneMoment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.account("a", nil)
	r.at = day(11, 18)
	r.prompt("a")
	var rows []campaign.Row
	s, err := campaign.Build(t.Context(), busy{r, r.store}, r.version(1), r.at, campaign.Visitor{Row: func(row *campaign.Row) error {
		rows = append(rows, *row)
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, []int{1, 0, 1}, []int{s.Prompts, s.Reminders, s.Outcomes[campaign.Prompted]})
	require.Empty(t, s.Notices)
	require.Empty(t, rows[0].Method)
	s, _ = r.report(1)
	require.Equal(t, []int{2, 1, 1}, []int{s.Prompts, s.Reminders, s.Outcomes[campaign.VerifiedBefore]})
}
