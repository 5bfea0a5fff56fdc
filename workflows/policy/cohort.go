package policy

import "slices"

// cohort is a Cohort made ready for Decide: kinds as a set of bits and regions as numbers, so that covering an
// account takes no comparison of texts.
type cohort struct {
	kinds        kinds // 0 covers every kind
	regions      []region
	from, before moment // zero is open
}

// who is an Account made ready for Decide.
type who struct {
	kind       kinds // exactly one, or 0 for a kind that does not exist
	region     region
	registered moment
}

type kinds uint8

type region uint16

func (k Kind) bit() kinds {
	switch k {
	case KindIndividual:
		return 1
	case KindEnterprise:
		return 2
	default:
		return 0
	}
}

// regionOf numbers a code of two letters; 0 is no region, and no valid cohort names it.
func regionOf(code string) region {
	if len(code) != 2 {
		return 0
	}
	return region(code[0])<<8 | region(code[1])
}

func compileCohort(c Cohort) cohort {
	out := cohort{from: momentOf(c.Registered.From), before: momentOf(c.Registered.Before)}
	for _, k := range c.Kinds {
		out.kinds |= k.bit()
	}
	for _, r := range c.Regions {
		out.regions = append(out.regions, regionOf(r))
	}
	return out
}

func (c *cohort) covers(w *who) bool {
	return (c.kinds == 0 || c.kinds&w.kind != 0) &&
		(c.from.isZero() || !w.registered.before(c.from)) &&
		(c.before.isZero() || w.registered.before(c.before)) &&
		(len(c.regions) == 0 || slices.Contains(c.regions, w.region))
}
