package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

// Config is what a benchmark runs with.
type Config struct {
	Now      func() time.Time // for durations
	Dir      string           // an empty folder for databases
	Postgres *pgserver.Server // that databases are made on; nil: files of SQLite
	Rounds   int
	Accounts []int                            // sizes of the population, for the benchmarks that have one
	Clients  int                              // that ask at once
	Follower []string                         // program and arguments that call Follow, for pages; nil: within this process
	Idle     time.Duration                    // how long to look at what does nothing; 0: not
	Requests int                              // of each side and round, 25 decisions each where there is no network; default 8,000
	Say      func(format string, args ...any) // what is being done
}

func (c Config) requests() int {
	if c.Requests == 0 {
		return 8000
	}
	return c.Requests
}

// Benchmark is one that can be named.
type Benchmark struct {
	Name, Words string
	Sizes       []int // of the population, if it has one
	Run         func(ctx context.Context, c Config) (Report, error)
}

// All lists the benchmarks.
func All() []Benchmark {
	return []Benchmark{
		{"gate", "decisions over HTTP against a handler that reads one row and writes a fixed answer", []int{1_000_000}, bySize(Config.gateRows)},
		{"decide", "the rules alone against the same comparisons written out", nil, decideBench},
		{"import", "an import over HTTP against the database's bulk insert of the same rows", []int{10_000, 100_000, 1_000_000}, bySize(Config.importRows)},
		{"enforcement", "what a deadline does to a population: import, preview, sweeps, decisions meanwhile, report", []int{10_000, 100_000, 1_000_000}, bySize(Config.enforcementRows)},
		{"lists", "pages of the list of accounts, by each filter, over HTTP against the SQL of the page", []int{10_000, 100_000, 1_000_000}, bySize(Config.listRows)},
		{"pages", "from a change that another process wrote to an open page, and what open pages cost idle; --accounts is how many pages, which a process of their own reads", []int{1000, 10_000}, bySize(Config.pagesRows)},
		{"size", "bytes of an account, table by table, when it is registered, refused something, restricted and verified", []int{100_000}, sizeBench},
	}
}

// bySize is a benchmark that does the same with each size of the population.
func bySize(rows func(c Config, ctx context.Context, accounts int) ([]Row, error)) func(context.Context, Config) (Report, error) {
	return func(ctx context.Context, c Config) (report Report, err error) {
		for _, accounts := range c.Accounts {
			more, err := rows(c, ctx, accounts)
			if err != nil {
				return report, err
			}
			report.Rows = append(report.Rows, more...)
		}
		return report, nil
	}
}

// Report is what a benchmark found.
type Report struct {
	Name    string  `json:"name"`
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
	Sizes   []Size  `json:"sizes,omitempty"`
}

// Row is one side of one comparison.
type Row struct {
	Case     string   `json:"case"` // what was compared
	Side     string   `json:"side"`
	Unit     string   `json:"unit"` // of Rate, a second
	Rate     Spread   `json:"rate"`
	Ratio    *Spread  `json:"ratio,omitempty"`     // of the rate to the baseline's in the same round
	P50      *Spread  `json:"p50_us,omitempty"`    // of one answer, in microseconds
	P99      *Spread  `json:"p99_us,omitempty"`    // of one answer, in microseconds
	P99Ratio *Spread  `json:"p99_ratio,omitempty"` // to the baseline's in the same round
	CPU      *Spread  `json:"cpu_us,omitempty"`    // of one operation, clients included; it says more than the rate where others use the machine too
	CPURatio *Spread  `json:"cpu_ratio,omitempty"` // to the baseline's in the same round
	Allocs   *float64 `json:"allocs,omitempty"`    // of one operation
	Resident int64    `json:"resident_mib,omitempty"`
}

// Spread is a median with its extremes.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// side is one of the things that are compared. round does an amount of work once.
type side struct {
	name  string
	round func(ctx context.Context) (sample, error)
}

// sample is one round of one side.
type sample struct {
	operations int
	took       time.Duration
	cpu        time.Duration   // of this process; what leaves 0 here is given that of the whole round; 0 if the system does not tell
	each       []time.Duration // of each operation, where that is measured
	allocs     float64         // of one operation
	resident   int64           // most, in MiB
}

// compare has the sides take turns; the first one is the baseline.
func (c Config) compare(ctx context.Context, what, unit string, sides ...side) ([]Row, error) {
	k := comparison{what: what, unit: unit}
	for round := range c.Rounds {
		if err := k.round(ctx, sides...); err != nil {
			return nil, err
		}
		c.Say("%s: round %d of %d", what, round+1, c.Rounds)
	}
	return k.rows(), nil
}

// comparison gathers the rounds of sides that are the same every time; the first one is the baseline.
type comparison struct {
	what, unit string
	backwards  bool // the baseline goes last, because it repeats what the others did
	names      []string
	samples    [][]sample // of each side
}

func (k *comparison) round(ctx context.Context, sides ...side) error {
	if k.samples == nil {
		k.samples = make([][]sample, len(sides))
		for _, s := range sides {
			k.names = append(k.names, s.name)
		}
	}
	for i := range sides {
		if k.backwards {
			i = len(sides) - 1 - i
		}
		s, used := sides[i], processorTime()
		got, err := s.round(ctx)
		if err != nil {
			return fmt.Errorf("bench: %s, %s: %w", k.what, s.name, err)
		}
		if got.cpu == 0 {
			got.cpu = processorTime() - used
		}
		k.samples[i] = append(k.samples[i], got)
	}
	return nil
}

func (k *comparison) rows() []Row {
	rows := make([]Row, len(k.samples))
	for i, samples := range k.samples {
		rows[i] = row(k.what, k.unit, k.names[i], samples, k.samples[0])
		if i == 0 {
			rows[i].Ratio, rows[i].P99Ratio, rows[i].CPURatio = nil, nil, nil
		}
	}
	return rows
}

// untold is the processor time of a sample during which something else was done too.
const untold = -1

// leastProcessorTime is what a round must have used for its processor time to say anything: it is counted in hundredths
// of a second.
const leastProcessorTime = 300 * time.Millisecond

func row(what, unit, name string, own, baseline []sample) Row {
	var rates, ratios, p50, p99, p99Ratios, cpu, cpuRatios []float64
	r := Row{Case: what, Side: name, Unit: unit}
	for i, s := range own {
		rates = append(rates, s.rate())
		ratios = append(ratios, s.rate()/baseline[i].rate())
		if len(s.each) > 0 {
			p50 = append(p50, s.percentile(50))
			p99 = append(p99, s.percentile(99))
			p99Ratios = append(p99Ratios, s.percentile(99)/baseline[i].percentile(99))
		}
		if s.cpu >= leastProcessorTime && baseline[i].cpu >= leastProcessorTime {
			cpu = append(cpu, s.cpuEach())
			cpuRatios = append(cpuRatios, s.cpuEach()/baseline[i].cpuEach())
		}
		r.Resident = max(r.Resident, s.resident)
	}
	ratio := spread(ratios)
	r.Rate, r.Ratio = spread(rates), &ratio
	if len(p99) > 0 {
		m, p, q := spread(p50), spread(p99), spread(p99Ratios)
		r.P50, r.P99, r.P99Ratio = &m, &p, &q
	}
	if len(cpu) > 0 {
		p, q := spread(cpu), spread(cpuRatios)
		r.CPU, r.CPURatio = &p, &q
	}
	if last := own[len(own)-1]; last.allocs >= 0 {
		r.Allocs = &last.allocs
	}
	return r
}

func (s sample) rate() float64 { return float64(s.operations) / s.took.Seconds() }

// cpuEach is in microseconds.
func (s sample) cpuEach() float64 {
	return float64(s.cpu.Nanoseconds()) / 1000 / float64(s.operations)
}

// percentile is in microseconds.
func (s sample) percentile(p int) float64 {
	sorted := slices.Sorted(slices.Values(s.each))
	return float64(sorted[(len(sorted)-1)*p/100].Nanoseconds()) / 1000
}

// Table writes the report for people, as a table of Markdown.
func (r Report) Table(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s\n\n%s\n\n", r.Name, r.Machine)
	if len(r.Sizes) > 0 {
		_, _ = fmt.Fprint(w, "| case | table | accounts | bytes an account | of its indexes |\n|---|---|---|---|---|\n")
	}
	for _, size := range r.Sizes {
		_, _ = fmt.Fprintf(w, "| %s | %s | %d | %.0f | %.0f |\n", size.Case, size.Table, size.Accounts, size.TableBytes, size.IndexBytes)
	}
	if len(r.Rows) == 0 {
		return
	}
	_, _ = fmt.Fprint(w, "| case | side | rate | ratio | p50 µs | p99 µs | ratio | CPU µs | ratio | allocs | MiB |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		_, _ = fmt.Fprintf(w, "| %s | %s | %s %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.Case, row.Side,
			row.Rate.text("%.0f"), row.Unit, row.Ratio.text("%.2f"), row.P50.text("%.0f"), row.P99.text("%.0f"), row.P99Ratio.text("%.2f"),
			row.CPU.text("%.2f"), row.CPURatio.text("%.2f"), number(row.Allocs, "%.1f"), whole(row.Resident))
	}
}

func (s *Spread) text(format string) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf(format+" ("+format+"-"+format+")", s.Median, s.Min, s.Max)
}

func number(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}

func whole(v int64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprint(v)
}
