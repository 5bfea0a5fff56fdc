package admin

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// TestEveryStepOfTheTableCanBeDrawn: no state without a place, no step without a line between two boxes, nothing of the
// drawing beyond its edge, no box upon another.
func TestEveryStepOfTheTableCanBeDrawn(t *testing.T) {
	t.Parallel()
	var way []wayStep
	for i, p := range drawnSteps() {
		way = append(way, wayStep{Number: i + 1, From: string(p.from), To: string(p.to)})
	}
	require.Len(t, way, 47)
	for _, p := range usualSteps() {
		require.Contains(t, drawnSteps(), p, "usual, and not in the transition table")
	}
	for _, l := range diagramLayouts() {
		d := l.draw(string(lifecycle.Locked), way)
		require.Len(t, d.Nodes, len(lifecycle.States()))
		require.Len(t, d.Edges, len(way))
		for i, n := range d.Nodes {
			require.True(t, n.X > 5 && n.Y > 5 && n.X+n.W < float64(d.Width)-5 && n.Y+n.H < float64(d.Height)-5, "%s %s", l.name, n.State)
			require.Equal(t, n.State == string(lifecycle.Locked), n.Current)
			for _, other := range d.Nodes[:i] {
				require.False(t, max(n.X, other.X) < min(n.X, other.X)+n.W && max(n.Y, other.Y) < min(n.Y, other.Y)+n.H, "%s: %s on %s", l.name, n.State, other.State)
			}
		}
		for _, e := range d.Edges {
			require.True(t, e.Used)
			require.NotContains(t, e.Path+e.Head, "NaN")
			require.True(t, e.LX-e.LW/2 >= 0 && e.LX+e.LW/2 <= float64(d.Width) && e.LY >= 10 && e.LY <= float64(d.Height)-10, "%s: label of %s to %s at %.0f,%.0f", l.name, e.From, e.To, e.LX, e.LY)
		}
	}
}

// TestThereAndBackHaveLabelsOfTheirOwn: two labels upon each other cannot be read.
func TestThereAndBackHaveLabelsOfTheirOwn(t *testing.T) {
	t.Parallel()
	drawn := func(stateStep) bool { return true }
	for _, l := range diagramLayouts() {
		for _, p := range drawnSteps() {
			back := stateStep{p.to, p.from}
			if p.from == p.to || !slices.Contains(drawnSteps(), back) {
				continue
			}
			one, other := l.edge(p, []int{7}, drawn), l.edge(back, []int{8}, drawn)
			require.False(t, math.Abs(one.LX-other.LX) < 16 && math.Abs(one.LY-other.LY) < 18, "%s: %s and %s", l.name, p.from, p.to)
		}
	}
}

// behind are lines of the narrow drawing that pass behind other boxes: there is no room to lead them around, and they are
// drawn only where an account took such a step.
func behind() []stateStep {
	return []stateStep{
		{lifecycle.FaceFailed, lifecycle.Submitted}, {lifecycle.FaceFailed, lifecycle.Unverified},
		{lifecycle.ManualReview, lifecycle.Submitted}, {lifecycle.ManualReview, lifecycle.Unverified},
	}
}

// TestLinesKeepOffOtherBoxes: a line through the box of a third state would say something that is not true.
func TestLinesKeepOffOtherBoxes(t *testing.T) {
	t.Parallel()
	drawn := func(stateStep) bool { return true }
	for _, l := range diagramLayouts() {
		for _, p := range drawnSteps() {
			if p.from == p.to || l.name == "narrow" && slices.Contains(behind(), p) {
				continue
			}
			line := bentCurve(l.at[p.from], l.at[p.to], l.bend(p, drawn))
			for _, s := range lifecycle.States() {
				box := l.at[s]
				crossed := slices.ContainsFunc(hundredths(), func(at float64) bool {
					point := line.at(at)
					return point.x > box.x-l.w/2 && point.x < box.x+l.w/2 && point.y > box.y-l.h/2 && point.y < box.y+l.h/2
				})
				if s != p.from && s != p.to && crossed {
					t.Errorf("%s: the line from %s to %s crosses %s", l.name, p.from, p.to, s)
				}
			}
		}
	}
}

func hundredths() []float64 {
	var all []float64
	for i := range 101 {
		all = append(all, float64(i)/100)
	}
	return all
}

func TestStepNumbers(t *testing.T) {
	t.Parallel()
	require.Empty(t, stepNumbers(nil))
	require.Equal(t, "1 2", stepNumbers([]int{1, 2}))
	require.Equal(t, "…2 3", stepNumbers([]int{1, 2, 3}))
	require.NotContains(t, stepNumbers([]int{7}), "…")
}
