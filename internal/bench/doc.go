// Package bench measures Verigate against baselines: the least that any program would have to do for the same answer.
// Both take turns in one run, so that what disturbs the machine disturbs both; what counts is their ratio.
package bench
