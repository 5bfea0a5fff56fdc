package chart_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/chart"
)

var update = flag.Bool("update", false, "write the drawings of testdata")

func day(n int) time.Time { return time.Date(2020, 11, n, 0, 0, 0, 0, time.UTC) }

func points(from int, values ...float64) []chart.Point {
	var all []chart.Point
	for i, v := range values {
		all = append(all, chart.Point{At: day(from + i), Value: v})
	}
	return all
}

func burnDown() chart.Line {
	return chart.Line{
		Words: chart.Words{ID: "burn", Title: "Not yet verified", Desc: "1,200 accounts are not verified; about 300 will be blocked.", None: "No data"},
		Series: []chart.Series{
			{Name: "Not verified", Area: true, Points: points(1, 2000, 1900, 1850, math.NaN(), 1500, 1300, 1200)},
			{Name: "Forecast", Dashes: chart.Dashed, Points: points(7, 1200, 1050, 900, 750, 600, 450, 300)},
		},
		Band: &chart.Band{
			Name: "Least to most", LowName: "At best", HighName: "At worst", Low: points(7, 1200, 1000, 800, 600, 400, 200, 0),
			High: points(7, 1200, 1150, 1100, 1050, 1000, 950, 900),
		},
		Marks: []chart.Mark{{At: day(7), Name: "now"}, {At: day(12), Name: "labels are blocked"}, {At: day(13), Name: "all is"}},
		Time:  "Day", Tick: func(t time.Time) string { return t.Format("01-02") },
	}
}

func funnel() chart.Bars {
	return chart.Bars{
		Words: chart.Words{ID: "funnel", Title: "Accounts by state", Desc: "Of 2,000 accounts 800 are verified."},
		Row:   "State", Head: "Accounts", Notes: "Share",
		Bars: []chart.Bar{
			{Name: "covered", Value: 2000, Note: "100 %"},
			{Name: "审核中 <under review>", Value: 700, Note: "35 %", Kind: 1},
			{Name: "verified", Value: 0, Note: "0 %", Kind: 2},
		},
	}
}

func attempts() chart.Columns {
	return chart.Columns{
		Words: chart.Words{ID: "attempts", Title: "Attempts by result", Desc: "The last three days."},
		Names: []string{"11-01", "11-02", "11-03"}, Row: "Day", Total: "All",
		Series: []chart.Stack{
			{"passed", []float64{50, 60, 70}}, {"failed", []float64{5, 0, 9}}, {"expired", []float64{8, 9}}, {"no answer", []float64{1, 2, 3}},
			{"cancelled", []float64{1, 1, 1}}, {"locked", []float64{2, 2, 2}}, {"a seventh", []float64{3, 3, 3}},
		},
	}
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	pictures := map[string]chart.Picture{
		"line": burnDown().Draw(), "bars": funnel().Draw(), "columns": attempts().Draw(),
		"empty": chart.Line{Words: chart.Words{ID: "none", Title: "Nothing", Desc: "Nothing yet.", None: "No data yet"}}.Draw(),
	}
	for name, p := range pictures {
		golden(t, name+"-wide.svg", string(p.Wide))
		golden(t, name+"-narrow.svg", string(p.Narrow))
	}
	golden(t, "meter.svg", string(chart.Meter(1, 4, 0)))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update after looking at the drawing")
}

func TestTables(t *testing.T) {
	t.Parallel()
	line := burnDown().Draw().Table
	require.Equal(t, []string{"Day", "Not verified", "Forecast", "At best", "At worst"}, line.Head)
	require.Len(t, line.Rows, 13)
	require.Equal(t, []string{"2020-11-04", "", "", "", ""}, line.Rows[3], "what is no number is left open")
	require.Equal(t, []string{"2020-11-07", "1,200", "1,200", "1,200", "1,200"}, line.Rows[6])
	require.Equal(t, [][]string{{"covered", "2,000", "100 %"}, {"审核中 <under review>", "700", "35 %"}, {"verified", "0", "0 %"}}, funnel().Draw().Table.Rows)
	columns := attempts().Draw().Table
	require.Equal(t, "All", columns.Head[8])
	require.Equal(t, []string{"11-03", "70", "9", "0", "3", "1", "2", "3", "88"}, columns.Rows[2])
}

// TestWithoutColour looks for what tells series apart when all are drawn in one colour.
func TestWithoutColour(t *testing.T) {
	t.Parallel()
	line := string(burnDown().Draw().Wide)
	require.Contains(t, line, `stroke-dasharray="7 5"`)
	require.Contains(t, line, ">Forecast<")
	columns := string(attempts().Draw().Narrow)
	for kind := 1; kind < 6; kind++ {
		require.Contains(t, columns, `fill="url(#attempts-narrow-p`+strconv.Itoa(kind)+`)"`)
	}
	require.Contains(t, columns, ">no answer<")
}

// TestWhateverTheData draws anything: the drawing is well-formed XML, has no style, names itself, and every number in it is one.
func TestWhateverTheData(t *testing.T) {
	t.Parallel()
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1e7),
		rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}))
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "far") {
			return time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "at"), 0).UTC()
		}
		return day(rapid.IntRange(1, 60).Draw(t, "day"))
	})
	point := rapid.Custom(func(t *rapid.T) chart.Point { return chart.Point{At: at.Draw(t, "at"), Value: value.Draw(t, "value")} })
	series := rapid.Custom(func(t *rapid.T) chart.Series {
		return chart.Series{
			Name: rapid.String().Draw(t, "name"), Points: rapid.SliceOfN(point, 0, 12).Draw(t, "points"),
			Area: rapid.Bool().Draw(t, "area"), Dashes: chart.Dashes(rapid.IntRange(0, 3).Draw(t, "dashes")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		words := chart.Words{ID: "x", Title: rapid.String().Draw(t, "title"), Desc: rapid.String().Draw(t, "desc"), None: "none"}
		l := chart.Line{Words: words, Series: rapid.SliceOfN(series, 0, 4).Draw(t, "series")}
		if rapid.Bool().Draw(t, "banded") {
			l.Band = &chart.Band{Low: rapid.SliceOfN(point, 0, 5).Draw(t, "low"), High: rapid.SliceOfN(point, 0, 5).Draw(t, "high")}
		}
		for range rapid.IntRange(0, 4).Draw(t, "marks") {
			l.Marks = append(l.Marks, chart.Mark{At: at.Draw(t, "mark"), Name: rapid.String().Draw(t, "name")})
		}
		b := chart.Bars{Words: words}
		for range rapid.IntRange(0, 9).Draw(t, "bars") {
			b.Bars = append(b.Bars, chart.Bar{
				Name: rapid.String().Draw(t, "name"), Value: value.Draw(t, "value"), Note: rapid.String().Draw(t, "note"), Kind: rapid.IntRange(-2, 9).Draw(t, "kind"),
			})
		}
		c := chart.Columns{Words: words, Names: rapid.SliceOfN(rapid.String(), 0, 40).Draw(t, "names")}
		for range rapid.IntRange(0, 9).Draw(t, "stacks") {
			c.Series = append(c.Series, chart.Stack{Name: rapid.String().Draw(t, "name"), Values: rapid.SliceOfN(value, 0, 40).Draw(t, "values")})
		}
		for _, p := range []chart.Picture{l.Draw(), b.Draw(), c.Draw()} {
			sound(t, p.Wide)
			sound(t, p.Narrow)
			for _, row := range p.Table.Rows {
				require.Len(t, row, len(p.Table.Head))
			}
		}
		sound(t, chart.Meter(value.Draw(t, "part"), value.Draw(t, "whole"), rapid.IntRange(-2, 9).Draw(t, "kind")))
	})
}

var coordinate = regexp.MustCompile(`-?[0-9.]+(e[+-]?[0-9]+)?|[A-Za-z]+`)

// sound fails unless a drawing is well-formed, without style, and all its numbers lie in or near it.
func sound(t require.TestingT, drawing template.HTML) {
	d := xml.NewDecoder(strings.NewReader(string(drawing)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, "%s", drawing)
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range element.Attr {
			switch a.Name.Local {
			case "style":
				require.Fail(t, "a style attribute")
			case "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height":
				inside(t, a.Value, a.Name.Local)
			case "d":
				for _, part := range coordinate.FindAllString(a.Value, -1) {
					if !strings.Contains("MLZHVhv", part) {
						inside(t, part, "d of "+a.Value)
					}
				}
			}
		}
	}
}

func inside(t require.TestingT, text, name string) {
	v, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err, name)
	require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%s is %s", name, text)
	lowest := 0.0
	if strings.HasPrefix(name, "d of M-2") { // a pattern's tile
		lowest = -2
	}
	require.GreaterOrEqual(t, v, lowest, name)
	require.LessOrEqual(t, v, 1000.0, name)
}
