package app

import (
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
)

// revealsAtOnce is how many names and numbers one person may see in a row before the rate of an hour counts.
const revealsAtOnce = 20

func reviewRules(c config.Reviews) api.ReviewRules {
	return api.ReviewRules{
		SLA: c.SLA, ManualSLA: c.ManualSLA, Lease: c.Lease, SecondApprover: c.ManualSecondApprover,
		Reveals: api.Rate{PerSecond: float64(c.RevealsPerHour) / 3600, Burst: revealsAtOnce},
	}
}
