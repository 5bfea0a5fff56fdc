package admin

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// wayStep is one step of the way that an account took.
type wayStep struct {
	Number   int // 1, 2, 3 …
	Event    string
	From, To string
	At       time.Time
}

// diagram is the state machine as it is drawn, with the way taken. Which steps there are comes from the transition
// table; where things stand is set by hand, once for wide pages and once for narrow ones.
type diagram struct {
	Name          string
	Width, Height int
	Nodes         []diagramNode
	Edges         []diagramEdge // those of the way last, so they lie above the others
	RingW, RingH  float64       // of the ring around the current state
}

type diagramNode struct {
	State            string
	X, Y, W, H       float64 // of the box
	TX, TY           float64 // of its text, within the box
	Current, Visited bool
}

type diagramEdge struct {
	From, To string
	Path     string
	Head     string // points of the arrow's head
	Used     bool
	Label    string  // numbers of the steps that took it
	LX, LY   float64 // middle of the label
	LLeft    float64 // its left edge, from its middle
	LW       float64 // its width
}

// stateStep is a step between two states, whatever the event.
type stateStep struct{ from, to lifecycle.State }

type diagramPoint struct{ x, y float64 }

// diagramLayout is where the states stand, and how far a step bends to its left instead of going straight.
type diagramLayout struct {
	name          string
	width, height int
	w, h          float64 // of a box
	at            map[lifecycle.State]diagramPoint
	bends         map[stateStep]float64
}

// usualSteps are the steps that are drawn whether they were taken or not. The others (revocations, corrections, late results,
// imports) would hide these and are drawn when they were taken.
func usualSteps() []stateStep {
	return []stateStep{
		{lifecycle.Unverified, lifecycle.Submitted}, {lifecycle.Submitted, lifecycle.UnderReview}, {lifecycle.UnderReview, lifecycle.Approved},
		{lifecycle.UnderReview, lifecycle.Rejected}, {lifecycle.Rejected, lifecycle.Submitted}, {lifecycle.Approved, lifecycle.QRIssued},
		{lifecycle.QRIssued, lifecycle.Scanned}, {lifecycle.QRIssued, lifecycle.Approved}, {lifecycle.Scanned, lifecycle.Verified},
		{lifecycle.QRIssued, lifecycle.FaceFailed}, {lifecycle.Scanned, lifecycle.FaceFailed}, {lifecycle.FaceFailed, lifecycle.QRIssued},
		{lifecycle.FaceFailed, lifecycle.Locked}, {lifecycle.Locked, lifecycle.Approved}, {lifecycle.Approved, lifecycle.ManualReview},
		{lifecycle.ManualReview, lifecycle.Approved}, {lifecycle.ManualReview, lifecycle.Verified},
	}
}

// drawnSteps are the steps of the transition table that are drawn at all: those that lead elsewhere, and another QR code.
func drawnSteps() []stateStep {
	var all []stateStep
	for _, t := range lifecycle.Transitions() {
		for _, from := range t.From {
			p := stateStep{from, t.To}
			if (from != t.To || t.Event == lifecycle.IssueQR) && !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// diagramLayouts are the two ways to set the states: in rows for wide pages, in columns for narrow ones.
func diagramLayouts() []diagramLayout { return []diagramLayout{wideLayout(), narrowLayout()} }

func wideLayout() diagramLayout {
	column := func(n float64) float64 { return 76 + 160*n }
	l := diagramLayout{
		name: "wide", width: 1112, height: 320, w: 122, h: 42,
		at: map[lifecycle.State]diagramPoint{
			lifecycle.Unverified: {column(0), 160}, lifecycle.Submitted: {column(1), 160}, lifecycle.UnderReview: {column(2), 160},
			lifecycle.Approved: {column(3), 160}, lifecycle.QRIssued: {column(4), 160}, lifecycle.Scanned: {column(5), 160},
			lifecycle.Verified: {column(6), 160}, lifecycle.Rejected: {column(1.5), 284}, lifecycle.Locked: {column(3), 284},
			lifecycle.FaceFailed: {column(4.5), 284}, lifecycle.ManualReview: {column(4.5), 34},
		},
		bends: map[stateStep]float64{
			{lifecycle.Unverified, lifecycle.Approved}: 100, {lifecycle.Unverified, lifecycle.Verified}: 146,
			{lifecycle.Approved, lifecycle.Verified}: 110, {lifecycle.QRIssued, lifecycle.Verified}: 95,
			{lifecycle.Locked, lifecycle.Verified}: -20, {lifecycle.Locked, lifecycle.ManualReview}: -210,
			{lifecycle.ManualReview, lifecycle.Unverified}: -70, {lifecycle.ManualReview, lifecycle.Submitted}: -50,
			{lifecycle.FaceFailed, lifecycle.Unverified}: 24, {lifecycle.FaceFailed, lifecycle.Submitted}: 28, {lifecycle.Locked, lifecycle.Unverified}: 40,
			{lifecycle.FaceFailed, lifecycle.ManualReview}: 0,
		},
	}
	for from, bend := range map[lifecycle.State]float64{
		lifecycle.UnderReview: 105, lifecycle.Approved: 120, lifecycle.QRIssued: 125, lifecycle.Scanned: 130, lifecycle.Verified: 135,
	} {
		l.bends[stateStep{from, lifecycle.Unverified}] = bend
		l.bends[stateStep{from, lifecycle.Submitted}] = bend - 15
	}
	l.bends[stateStep{lifecycle.Scanned, lifecycle.Approved}] = 105
	return l
}

func narrowLayout() diagramLayout {
	const main, side = 136, 312
	row := func(n float64) float64 { return 34 + 88*n }
	l := diagramLayout{
		name: "narrow", width: 392, height: 596, w: 106, h: 36,
		at: map[lifecycle.State]diagramPoint{
			lifecycle.Unverified: {main, row(0)}, lifecycle.Submitted: {main, row(1)}, lifecycle.UnderReview: {main, row(2)},
			lifecycle.Approved: {main, row(3)}, lifecycle.QRIssued: {main, row(4)}, lifecycle.Scanned: {main, row(5)}, lifecycle.Verified: {main, row(6)},
			lifecycle.Rejected: {side, row(1.5)}, lifecycle.Locked: {side, row(3.1)}, lifecycle.FaceFailed: {side, row(4.4)}, lifecycle.ManualReview: {side, row(5.6)},
		},
		bends: map[stateStep]float64{
			{lifecycle.Locked, lifecycle.ManualReview}: -124, {lifecycle.Unverified, lifecycle.Approved}: -150, {lifecycle.Unverified, lifecycle.Verified}: -232,
			{lifecycle.Approved, lifecycle.Verified}: -170, {lifecycle.QRIssued, lifecycle.Verified}: -150,
			{lifecycle.FaceFailed, lifecycle.Submitted}: 30, {lifecycle.ManualReview, lifecycle.Submitted}: 20,
			{lifecycle.Approved, lifecycle.ManualReview}: 26, {lifecycle.ManualReview, lifecycle.Approved}: -6,
			{lifecycle.Locked, lifecycle.Submitted}: 6, {lifecycle.Locked, lifecycle.Unverified}: -32,
		},
	}
	for from, bend := range map[lifecycle.State]float64{
		lifecycle.UnderReview: 132, lifecycle.Approved: 156, lifecycle.QRIssued: 190, lifecycle.Scanned: 228, lifecycle.Verified: 226,
	} {
		l.bends[stateStep{from, lifecycle.Unverified}] = bend
		l.bends[stateStep{from, lifecycle.Submitted}] = max(128, bend-38)
	}
	l.bends[stateStep{lifecycle.Scanned, lifecycle.Approved}] = 145
	return l
}

// draw draws the machine with the way taken.
func (l diagramLayout) draw(current string, way []wayStep) diagram {
	d := diagram{Name: l.name, Width: l.width, Height: l.height, RingW: l.w + 10, RingH: l.h + 10}
	visited, taken := map[string]bool{current: true}, map[stateStep][]int{}
	for _, s := range way {
		visited[s.From], visited[s.To] = true, true
		p := stateStep{lifecycle.State(s.From), lifecycle.State(s.To)}
		taken[p] = append(taken[p], s.Number)
	}
	for _, s := range lifecycle.States() {
		c := l.at[s]
		d.Nodes = append(d.Nodes, diagramNode{
			State: string(s), X: c.x - l.w/2, Y: c.y - l.h/2, W: l.w, H: l.h, TX: l.w / 2, TY: l.h/2 + 5, Current: string(s) == current, Visited: visited[string(s)],
		})
	}
	all, always := drawnSteps(), usualSteps()
	drawn := func(p stateStep) bool { return len(taken[p]) > 0 || slices.Contains(always, p) }
	for _, used := range []bool{false, true} {
		for _, p := range all {
			if numbers := taken[p]; drawn(p) && len(numbers) > 0 == used {
				d.Edges = append(d.Edges, l.edge(p, numbers, drawn))
			}
		}
	}
	return d
}

// edge draws one step.
func (l diagramLayout) edge(p stateStep, numbers []int, drawn func(stateStep) bool) diagramEdge {
	e := diagramEdge{From: string(p.from), To: string(p.to), Used: len(numbers) > 0, Label: stepNumbers(numbers)}
	e.LW = 10 + 8*float64(len([]rune(e.Label)))
	e.LLeft = -e.LW / 2
	from, to := l.at[p.from], l.at[p.to]
	if p.from == p.to {
		top := from.y - l.h/2
		e.Path = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", from.x-16, top, from.x-34, top-36, from.x+34, top-36, from.x+18, top-6)
		e.Head = arrowHead(diagramPoint{from.x + 24, top - 20}, diagramPoint{from.x + 17, top - 1})
		e.LX, e.LY = from.x, top-28
		return e
	}
	line := bentCurve(from, to, l.bend(p, drawn))
	begin, end := l.outside(line, from, to)
	line = line.between(begin, end)
	e.Path = fmt.Sprintf("M%.1f %.1fQ%.1f %.1f %.1f %.1f", line[0].x, line[0].y, line[1].x, line[1].y, line[2].x, line[2].y)
	e.Head = arrowHead(line[1], line[2])
	along := 0.5
	if math.Hypot(to.x-from.x, to.y-from.y) > 2*l.w {
		along = 0.42 // long ways there and back lie close: their labels must not
	}
	middle := line.at(along)
	e.LX, e.LY = middle.x, middle.y
	if gap := math.Abs(line[2].x - line[0].x); from.y == to.y && gap < e.LW {
		e.LY += math.Copysign(l.h/2+12, from.x-to.x) // no room between the boxes: above them, on the way back below
	}
	return e
}

// bend is how far a step bends: as it is set, else a little where there is one the other way.
func (l diagramLayout) bend(p stateStep, drawn func(stateStep) bool) float64 {
	if bend, set := l.bends[p]; set {
		return bend
	}
	if drawn(stateStep{p.to, p.from}) {
		return 22
	}
	return 0
}

// outside is the part of a curve between two boxes, with room for the arrow's head.
func (l diagramLayout) outside(c diagramCurve, from, to diagramPoint) (begin, end float64) {
	const parts = 400
	in := func(p, box diagramPoint, room float64) bool {
		return math.Abs(p.x-box.x) <= l.w/2+room && math.Abs(p.y-box.y) <= l.h/2+room
	}
	end = 1
	for i := range parts {
		if t := float64(i) / parts; in(c.at(t), from, 1) {
			begin = t
		}
	}
	for i := parts; i > 0; i-- {
		t := float64(i) / parts
		if t <= begin || !in(c.at(t), to, 2) {
			break
		}
		end = t
	}
	return begin, end
}

// diagramCurve is a quadratic Bézier curve.
type diagramCurve [3]diagramPoint

func bentCurve(from, to diagramPoint, bend float64) diagramCurve {
	dx, dy := to.x-from.x, to.y-from.y
	length := math.Hypot(dx, dy)
	return diagramCurve{from, {(from.x+to.x)/2 + dy/length*bend, (from.y+to.y)/2 - dx/length*bend}, to}
}

func (c diagramCurve) at(t float64) diagramPoint { return c.blossom(t, t) }

func (c diagramCurve) blossom(s, t float64) diagramPoint {
	a, b, d := (1-s)*(1-t), (1-s)*t+s*(1-t), s*t
	return diagramPoint{a*c[0].x + b*c[1].x + d*c[2].x, a*c[0].y + b*c[1].y + d*c[2].y}
}

func (c diagramCurve) between(s, t float64) diagramCurve {
	return diagramCurve{c.at(s), c.blossom(s, t), c.at(t)}
}

// arrowHead is the head of an arrow that comes from one point and ends at another.
func arrowHead(from, tip diagramPoint) string {
	dx, dy := tip.x-from.x, tip.y-from.y
	length := math.Hypot(dx, dy)
	dx, dy = dx/length, dy/length
	const long, half = 9, 4.5
	back := diagramPoint{tip.x - dx*long, tip.y - dy*long}
	return fmt.Sprintf("%.1f,%.1f %.1f,%.1f %.1f,%.1f", tip.x, tip.y, back.x-dy*half, back.y+dx*half, back.x+dy*half, back.y-dx*half)
}

// stepNumbers writes the numbers of steps: the last two, and that there were more.
func stepNumbers(numbers []int) string {
	const most = 2
	more := ""
	if len(numbers) > most {
		more, numbers = "…", numbers[len(numbers)-most:]
	}
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return more + strings.Join(texts, " ")
}
