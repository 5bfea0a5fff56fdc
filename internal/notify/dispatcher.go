package notify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// MaxWebhooks may be enabled at once. Each has its share of the deliveries under way, so that none can starve another.
const MaxWebhooks = 32

// Reasons for which a webhook is disabled.
const (
	ReasonOperator = "operator" // by a request
	ReasonGone     = "gone"     // it answered 410
	ReasonFailing  = "failing"  // nothing was delivered for too long
)

// Queue is what a Dispatcher needs of the store.
type Queue interface {
	AllWebhooks(ctx context.Context) ([]store.Webhook, error)
	WebhookSecrets(ctx context.Context, id string, now time.Time) ([]store.WebhookSecret, error)
	FanOut(ctx context.Context, announce store.Announce, now time.Time, limit int) (int, error)
	ClaimDeliveries(ctx context.Context, c store.Claim) ([]store.Claimed, error)
	RecordDeliveries(ctx context.Context, results []store.DeliveryResult, outcomes []store.WebhookOutcome) error
}

// DispatcherConfig is what a Dispatcher is made of. All fields without a default are required.
type DispatcherConfig struct {
	Queue  Queue
	Seals  Seals
	Client http.RoundTripper // in production a guard: the addresses are others'
	Now    func() time.Time  // the store's clock, for whatever is stored
	Wall   func() time.Time  // the receivers' clock, for signatures
	Logger *slog.Logger

	Concurrency  int           // deliveries under way at once, at least MaxWebhooks; default 64
	PerWebhook   int           // of them to one webhook; default 16
	Timeout      time.Duration // of one try; default 15 s
	DisableAfter time.Duration // of nothing but failures; default 120 h
	Grace        time.Duration // for what is under way when the dispatcher stops; default 5 s
	// Ticks gives the instants at which the queue is looked at, and a function that ends them. Default every 500 ms.
	Ticks func() (ticks <-chan time.Time, stop func())
	// Random spreads retries, from [0, 1); default crypto/rand.
	Random func() float64
	// Count hears of each try: delivered, retried, given_up or broken_off. Default: nobody does.
	Count func(result string)
}

func (c DispatcherConfig) withDefaults() DispatcherConfig {
	set(&c.Concurrency, 64)
	set(&c.PerWebhook, 16)
	set(&c.Timeout, 15*time.Second)
	set(&c.DisableAfter, 120*time.Hour)
	set(&c.Grace, 5*time.Second)
	if c.Ticks == nil {
		c.Ticks = func() (<-chan time.Time, func()) {
			t := time.NewTicker(500 * time.Millisecond)
			return t.C, t.Stop
		}
	}
	if c.Random == nil {
		c.Random = random
	}
	if c.Count == nil {
		c.Count = func(string) {}
	}
	return c
}

func set[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

func random() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// fanOutPage is how many log entries one transaction fans out: some milliseconds of the database's only writer.
const fanOutPage = 200

// claimMargin is how much longer a claim lasts than a try may take.
const claimMargin = 45 * time.Second

// Dispatcher fans out the log and delivers. Several may run over one database, in one process or many.
type Dispatcher struct {
	cfg    DispatcherConfig
	token  string // of this dispatcher's claims
	client *http.Client

	// All below belongs to the goroutine of Run.
	results    chan result
	unrecorded []result
	busy       map[string]int // by webhook: claimed and not recorded
	running    int            // tries under way
}

// NewDispatcher returns a dispatcher that does nothing until Run.
func NewDispatcher(c DispatcherConfig) (*Dispatcher, error) {
	c = c.withDefaults()
	if c.Queue == nil || c.Seals == nil || c.Client == nil || c.Now == nil || c.Wall == nil || c.Logger == nil {
		return nil, errors.New("notify: Queue, Seals, Client, Now, Wall and Logger are required")
	}
	if c.Concurrency < MaxWebhooks {
		return nil, errors.New("notify: Concurrency must be at least MaxWebhooks, one for each")
	}
	return &Dispatcher{
		cfg: c, token: rand.Text(), results: make(chan result, c.Concurrency), busy: map[string]int{},
		client: &http.Client{
			Transport: c.Client, Timeout: c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Run delivers until the context ends, then waits for what is under way, as long as Grace. What is broken off then is
// tried again by whoever runs next.
func (d *Dispatcher) Run(ctx context.Context) {
	ticks, stop := d.cfg.Ticks()
	defer stop()
	tries, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	for ctx.Err() == nil {
		if more := d.start(ctx, tries); more {
			d.take()
			d.record(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-ticks:
			d.record(ctx) // what could not be recorded before
		case r := <-d.results:
			d.done(r)
			d.take()
			d.record(ctx)
		}
	}
	d.finish(ctx, cut)
}

// start fans out one page and begins the tries that are due. It reports whether there is more to fan out.
func (d *Dispatcher) start(ctx, tries context.Context) (more bool) {
	taken, err := d.cfg.Queue.FanOut(ctx, Announce, d.cfg.Now(), fanOutPage)
	if err != nil {
		d.warn(ctx, "webhooks: changes were not fanned out; they wait", err)
	}
	if err := d.claim(ctx, tries); err != nil {
		d.warn(ctx, "webhooks: deliveries were not claimed; they wait", err)
	}
	return taken == fanOutPage
}

func (d *Dispatcher) warn(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		d.cfg.Logger.WarnContext(ctx, what, "error", err)
	}
}

// claim begins what is due, for each webhook up to its share.
func (d *Dispatcher) claim(ctx, tries context.Context) error {
	all, err := d.cfg.Queue.AllWebhooks(ctx)
	if err != nil {
		return err
	}
	var enabled []store.Webhook
	for _, w := range all {
		if w.State == store.WebhookEnabled {
			enabled = append(enabled, w)
		}
	}
	if len(enabled) == 0 {
		return nil
	}
	share := max(1, min(d.cfg.PerWebhook, d.cfg.Concurrency/len(enabled)))
	var faults []error
	for _, w := range enabled {
		faults = append(faults, d.claimFor(ctx, tries, w, share))
	}
	return errors.Join(faults...)
}

func (d *Dispatcher) claimFor(ctx, tries context.Context, w store.Webhook, share int) error {
	now := d.cfg.Now()
	if probing(w.Health) {
		share = 1
	}
	room := min(share-d.busy[w.ID], d.cfg.Concurrency-d.running-len(d.unrecorded))
	if room < 1 || now.Before(w.Health.PausedUntil) {
		return nil
	}
	claimed, err := d.cfg.Queue.ClaimDeliveries(ctx, store.Claim{
		WebhookID: w.ID, Token: d.token, Now: now, Until: now.Add(d.cfg.Timeout + claimMargin), Limit: room,
	})
	if err != nil || len(claimed) == 0 {
		return err
	}
	secrets, err := d.cfg.Queue.WebhookSecrets(ctx, w.ID, now)
	if err != nil {
		return err // the claims end by themselves
	}
	signs, err := newSigner(ctx, d.cfg.Seals, w.ID, secrets)
	if err != nil {
		return err
	}
	for _, c := range claimed {
		d.busy[w.ID]++
		d.running++
		go func() { d.results <- d.try(tries, job{w, c, signs}) }() // the channel has room for every try
	}
	return nil
}

func (d *Dispatcher) done(r result) {
	d.running--
	d.unrecorded = append(d.unrecorded, r)
}

// take collects the results that are there.
func (d *Dispatcher) take() {
	for {
		select {
		case r := <-d.results:
			d.done(r)
		default:
			return
		}
	}
}

// record writes the collected results in one transaction. If that fails they are kept, and keep their place among the
// deliveries under way.
func (d *Dispatcher) record(ctx context.Context) {
	if len(d.unrecorded) == 0 {
		return
	}
	now := d.cfg.Now()
	results := make([]store.DeliveryResult, len(d.unrecorded))
	for i, r := range d.unrecorded {
		results[i] = d.judge(r, now)
	}
	outcomes := d.outcomes(ctx, now)
	if err := d.cfg.Queue.RecordDeliveries(ctx, results, outcomes); err != nil {
		d.warn(ctx, "webhooks: results were not recorded; they wait, and may be delivered again", err)
		return
	}
	for i, r := range d.unrecorded {
		d.busy[r.job.webhook.ID]--
		d.cfg.Count(counted(results[i]))
	}
	d.unrecorded = d.unrecorded[:0]
}

// finish waits for what is under way, records it and returns.
func (d *Dispatcher) finish(ctx context.Context, cut context.CancelFunc) {
	late := time.AfterFunc(d.cfg.Grace, cut)
	defer late.Stop()
	for d.running > 0 {
		d.done(<-d.results)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Grace)
	defer cancel()
	d.record(ctx)
}
