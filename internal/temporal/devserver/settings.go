package devserver

import (
	"go.temporal.io/server/common/dynamicconfig"
)

// unlimited stands for "no limit that one process could reach"; the server has no value for none.
const unlimited = 100_000

// settings returns the dynamic configuration of an engine that has one process to itself.
func settings(c Config) dynamicconfig.StaticClient {
	s := dynamicconfig.StaticClient{
		// With the default of 20 a second each task waits up to 50 ms for its queue to be read.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 2000,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():   2000,

		// Some waits for a result miss the closing of the workflow and come back one interval later.
		dynamicconfig.HistoryLongPollExpirationInterval.Key(): c.LongPoll,

		// Search attributes are set once, at the creation of the namespace: no list has to look them up again.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): false,

		// Partitions spread one queue over several hosts; there is one.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// In a queue that is behind, kinds of work that have a fairness key take turns.
		dynamicconfig.MatchingEnableFairness.Key(): true,

		// Load is limited at Verigate's own door, where a caller gets a Retry-After.
		dynamicconfig.FrontendRPS.Key():                                  unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():           unlimited,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 1000,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                    unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                     unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                    unlimited,
	}
	if c.Drainage > 0 {
		s[dynamicconfig.VersionDrainageStatusVisibilityGracePeriod.Key()] = c.Drainage
		s[dynamicconfig.VersionDrainageStatusRefreshInterval.Key()] = c.Drainage
	}
	return s
}
