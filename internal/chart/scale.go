package chart

import (
	"math"
	"time"
	"unicode/utf8"
)

// largest bounds what is drawn, so that no sum or product of values is infinite.
const largest = 1e15

// drawable is the value, and whether it can be drawn.
func drawable(v float64) (float64, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0, false
	}
	return min(v, largest), true
}

// amount is a value as a length: what cannot be drawn is nothing.
func amount(v float64) float64 {
	v, _ = drawable(v)
	return v
}

// widthOf estimates how wide a text is drawn: fonts differ, and a little too much room does no harm.
func widthOf(text string) float64 {
	var w float64
	for _, r := range text {
		if r >= 0x1100 { // Chinese, Japanese, Korean: as wide as they are high
			w += textSize
		} else {
			w += 0.58 * textSize
		}
	}
	return w
}

// fit shortens a text to a width.
func fit(text string, width float64) string {
	if widthOf(text) <= width {
		return text
	}
	for len(text) > 0 && widthOf(text)+textSize > width {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text + "…"
}

// ticks are round values from zero to at least the given one, four to six of them; whole numbers only.
func ticks(highest float64) []float64 {
	step := 1.0
	for step*5 < highest {
		switch lead := step / math.Pow(10, math.Floor(math.Log10(step)+1e-9)); {
		case lead < 1.5:
			step *= 2
		case lead < 3:
			step *= 2.5
		default:
			step *= 2
		}
	}
	step = math.Round(step)
	all := []float64{0}
	for last := 0.0; last < highest || len(all) < 2; {
		last += step
		all = append(all, last)
	}
	return all
}

// instants are round distances apart from the first instant on, at most so many.
func instants(from, to time.Time, most int) []time.Time {
	const hour, day = int64(3600), int64(86400)
	span := to.Unix() - from.Unix()
	if span <= 0 || most < 2 {
		return []time.Time{from}
	}
	step := int64(0)
	for _, s := range []int64{hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day} {
		if step = s; span/s < int64(most) {
			break
		}
	}
	for span/step >= int64(most) {
		step *= 2
	}
	var all []time.Time
	for at := from.Unix(); at <= to.Unix(); at += step {
		all = append(all, time.Unix(at, 0).In(from.Location()))
	}
	return all
}
