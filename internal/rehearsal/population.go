package rehearsal

import (
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// population is who can log in: nobody comes or is closed while a rehearsal goes on, so it is read once. It takes an
// account's id and eight bytes.
type population struct {
	ids    strings.Builder
	ends   []int             // of each id in ids
	closes map[int]time.Time // of those that close
}

func (p *population) add(page []store.Facts) {
	for i := range page {
		a := &page[i].Account
		if !a.ClosedAt.IsZero() {
			if p.closes == nil {
				p.closes = map[int]time.Time{}
			}
			p.closes[len(p.ends)] = a.ClosedAt
		}
		p.ids.WriteString(a.ID)
		p.ends = append(p.ends, p.ids.Len())
	}
}

// each visits the accounts that are not closed at an instant.
func (p *population) each(at time.Time, visit func(accountID string)) {
	ids, begin := p.ids.String(), 0
	for i, end := range p.ends {
		closes, has := p.closes[i]
		if !has || at.Before(closes) {
			visit(ids[begin:end])
		}
		begin = end
	}
}
