// Package engine runs the workflows on a real Temporal server and a real store, with a scripted face provider.
// With -update it records the histories that every later build must be able to replay.
package engine

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	historypb "go.temporal.io/api/history/v1"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
	"github.com/verigate/verigate/internal/temporal/devserver"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/payload"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

var update = flag.Bool("update", false, "record testdata/histories anew")

// bed is one server, store and worker. Histories are recorded in clear: they hold no personal data, and a
// replay must not depend on a key. Whatever is not recorded is encrypted as in production, and looked at on the wire.
type bed struct {
	t        testing.TB
	codec    *payload.Codec // nil while histories are recorded
	server   server
	deps     worker.Deps
	client   client.Client
	typed    *workflows.Client
	store    *sqlstore.Store
	provider *provider
	offset   time.Duration
	worker   *worker.Workers
	works    worker.Options
	connect  func() // fills in what needs the store, if an option asks for it
}

// option changes what the worker runs with.
type option func(*bed, *worker.Deps)

func newBed(t testing.TB, options ...option) *bed {
	t.Helper()
	b := &bed{
		t: t, provider: &provider{verdicts: map[string]face.State{}, asked: make(chan struct{}, 1)},
		works: worker.Options{StopTimeout: 5 * time.Second},
	}
	if !*update {
		b.codec = newCodec(t, newKeyset(t))
	}
	quiet := slog.New(slog.DiscardHandler)
	b.server = startServer(t)
	b.client = b.dial(b.server, b.codec, quiet)
	c := b.client
	subject := realname.Restore(canaryName, "cn_id", canaryNumber)
	isGone := func(err error) bool { return errors.Is(err, store.ErrNotFound) }
	rules := rules{review: policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18}}
	polling := activities.DefaultPolling()
	polling.Quick, polling.Slow, polling.Grace, polling.Others = 50*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	deps := worker.Deps{
		Records: &activities.Records{Rules: rules, IsGone: isGone, Logger: quiet, Settings: activities.Settings{Limits: lifecycle.DefaultLimits()}},
		Review:  &activities.Review{Subjects: vault{subject}, Rules: rules, IsGone: isGone, Logger: quiet},
		Face: &activities.Face{
			Provider: b.provider, Subjects: vault{subject}, IsGone: isGone, Polling: polling, Logger: quiet,
			ReturnURL: func(string) string { return "" }, Heartbeat: func(ctx context.Context) { activity.RecordHeartbeat(ctx) },
			Stopping: activity.GetWorkerStopChannel,
		},
	}
	for _, o := range options {
		o(b, &deps)
	}
	b.store = openStore(t, b.now)
	deps.Records.Log, deps.Review.Duplicates, deps.Face.Hints, deps.Face.Now = b.store, b.store, b.store, b.now
	b.provider.now = b.now
	if b.connect != nil {
		b.connect()
	}
	b.typed = workflows.NewClient(c, workflows.WithClockOffset(b.offset))
	b.deps = deps
	b.worker = b.work(b.works)
	return b
}

// work starts a process that works.
func (b *bed) work(o worker.Options) *worker.Workers {
	b.t.Helper()
	w := worker.New(b.client, b.deps, o)
	require.NoError(b.t, w.Start())
	b.t.Cleanup(w.Stop)
	return w
}

// dial connects; with a codec nothing is sent in clear, and that is looked at.
func (b *bed) dial(server server, codec *payload.Codec, logger *slog.Logger) client.Client {
	b.t.Helper()
	o := client.Options{HostPort: server.Address(), Namespace: server.Namespace(), Logger: log.NewStructuredLogger(logger)}
	if codec != nil {
		o.DataConverter, o.FailureConverter = codec.DataConverter(), codec.FailureConverter()
		if _, timed := b.t.(*testing.B); !timed { // looking takes longer than what is looked at
			o.ConnectionOptions.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(watched(b.t).intercept)}
		}
	}
	c, err := client.Dial(o)
	require.NoError(b.t, err)
	b.t.Cleanup(c.Close)
	return c
}

func newKeyset(t testing.TB) []byte {
	t.Helper()
	keys, err := payload.GenerateKeyset()
	require.NoError(t, err)
	return keys
}

func newCodec(t testing.TB, keys []byte) *payload.Codec {
	t.Helper()
	codec, err := payload.NewCodec(keys)
	require.NoError(t, err)
	return codec
}

func (b *bed) now() time.Time { return time.Now().Add(b.offset) }

func (b *bed) register(id string) {
	_, _, err := b.store.PutAccount(b.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: b.now().AddDate(0, -1, 0)},
		Actor:   operator(),
	}, false)
	require.NoError(b.t, err)
}

// patience outlasts the heartbeat timeout of waiting for a face result. Now and then the engine hands a task to a poll
// whose worker has just stopped; the task lies there until that timeout, and goes on then.
const patience = 100 * time.Second

// until waits for a state in the store, which the workflow writes before anybody can see it.
func (b *bed) until(id string, want lifecycle.State) lifecycle.Verification {
	b.t.Helper()
	news, err := b.store.Changed(b.t.Context(), id)
	require.NoError(b.t, err)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		head, err := b.store.Head(b.t.Context(), id)
		require.NoError(b.t, err)
		if head.State == want {
			return head
		}
		select {
		case <-news:
		case <-deadline.C:
			require.FailNow(b.t, "state not reached", "want %s, is %s", want, head.State)
		}
	}
}

// record writes the history of every run of the account, oldest last run first found by following the chain.
func (b *bed) record(id, name string) []*historypb.History {
	b.t.Helper()
	return b.recordRun(contract.VerificationID(id), name)
}

// history reads the runs of a workflow, oldest first.
func (b *bed) history(workflowID string) []*historypb.History {
	b.t.Helper()
	var chain []*historypb.History
	runID := ""
	for first := true; first || runID != ""; first = false {
		h := &historypb.History{}
		it := b.client.GetWorkflowHistory(b.t.Context(), workflowID, runID, false, 0)
		for it.HasNext() {
			e, err := it.Next()
			require.NoError(b.t, err)
			h.Events = append(h.Events, e)
		}
		chain = append([]*historypb.History{h}, chain...)
		runID = h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	return chain
}

func (b *bed) recordRun(workflowID, name string) []*historypb.History {
	b.t.Helper()
	chain := b.history(workflowID)
	if *update {
		for i, h := range chain {
			file := name + ".json"
			if len(chain) > 1 {
				file = fmt.Sprintf("%s-%d.json", name, i+1)
			}
			data, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(h)
			require.NoError(b.t, err)
			require.NoError(b.t, os.WriteFile(filepath.Join("..", "..", "testdata", "histories", file), data, 0o600))
		}
	}
	b.replay(chain)
	return chain
}

// replay proves that what was just run is deterministic.
func (b *bed) replay(chain []*historypb.History) {
	b.t.Helper()
	for _, h := range chain {
		require.NoError(b.t, b.replayed(h))
	}
}

func (b *bed) replayed(h *historypb.History) error {
	b.t.Helper()
	var o sdkworker.WorkflowReplayerOptions
	if b.codec != nil {
		o.DataConverter, o.FailureConverter = b.codec.DataConverter(), b.codec.FailureConverter()
	}
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(o)
	require.NoError(b.t, err)
	worker.RegisterWorkflows(replayer)
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h)
}

// server is a Temporal server's frontend, and a namespace there that nobody else uses.
type server struct {
	address, namespace string
	dir                string // where it keeps its files; empty on a cluster
}

func (s server) Address() string   { return s.address }
func (s server) Namespace() string { return s.namespace }

func startServer(t testing.TB) server {
	t.Helper()
	if clustertest.On() && !*update {
		s := server{address: clustertest.Address(t), namespace: uuid.NewString()}
		_, err := temporal.Prepare(t.Context(), temporal.Options{
			HostPort: s.address, Namespace: s.namespace, Logger: slog.New(slog.DiscardHandler),
		}, 24*time.Hour)
		require.NoError(t, err)
		return s
	}
	dir := t.TempDir()
	embedded, err := devserver.Start(t.Context(), devserver.Config{Dir: dir, UIPort: -1, SearchAttributes: temporal.SearchAttributes(), Drainage: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, embedded.Stop(context.WithoutCancel(t.Context()))) })
	return server{embedded.Address(), embedded.Namespace(), dir}
}

// openStore opens the store that goes with the server.
func openStore(t testing.TB, now func() time.Time) *sqlstore.Store {
	t.Helper()
	if clustertest.On() {
		return sqlstoretest.OpenPostgres(t, sqlstoretest.WithNow(now))
	}
	return sqlstoretest.Open(t, sqlstoretest.WithNow(now))
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(aloneEnv); dir != "" {
		os.Exit(alone(dir))
	}
	os.Exit(clustertest.Main(m, nil))
}

// provider is a face service whose verdicts the test sets.
type provider struct {
	now      func() time.Time
	mu       sync.Mutex
	orders   []string
	verdicts map[string]face.State
	standard face.State // where no verdict is set; not passed if empty
	lose     int        // so many orders are taken and their answers lost
	ends     time.Duration
	age      time.Duration // of attempts when they are ordered
	calls    []string      // order and question, as they came
	holds    chan struct{} // if not nil, questions are answered once it is closed
	asked    chan struct{} // holds one, once a question was asked
}

func (p *provider) Name() string { return "scripted" }
func (p *provider) Capabilities() face.Capabilities {
	return face.Capabilities{AttemptTTL: 23 * time.Hour}
}

func (p *provider) Start(_ context.Context, r face.StartRequest) (face.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders, p.calls = append(p.orders, r.OrderNo), append(p.calls, "order")
	if p.lose > 0 {
		p.lose--
		return face.Session{}, &face.Error{Class: face.ErrUncertain, Provider: "scripted", Op: "start"}
	}
	ends := p.ends
	if ends == 0 {
		ends = 23 * time.Hour
	}
	now := p.now()
	return face.Session{
		Ref: face.Ref{ProviderRef: "ref-" + r.OrderNo, OrderNo: r.OrderNo}, StartedAt: now.Add(-p.age), ExpiresAt: now.Add(ends), ResultBy: now.AddDate(0, 3, 0),
	}, nil
}

func (p *provider) Launch(context.Context, face.Ref, face.LaunchOptions) (face.Launch, error) {
	return face.Launch{}, errors.New("not used")
}

func (p *provider) Query(ctx context.Context, ref face.Ref) (face.Outcome, error) {
	select {
	case p.asked <- struct{}{}:
	default:
	}
	p.mu.Lock()
	p.calls = append(p.calls, "question")
	holds := p.holds
	p.mu.Unlock()
	if holds != nil {
		select {
		case <-holds:
		case <-ctx.Done():
			return face.Outcome{}, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state, ok := p.verdicts[ref.OrderNo]
	if !ok {
		state = cmp.Or(p.standard, face.StateNotPassed)
	}
	return face.Outcome{State: state, Reason: face.ReasonFace, CheckedAt: p.now()}, nil
}

// answer sets the verdict on the n-th order, counted from one.
func (p *provider) answer(n int, state face.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := maps.Clone(p.verdicts)
	next[p.orders[n-1]] = state
	p.verdicts = next
}

// hold keeps every question from now on unanswered until release is called.
func (p *provider) hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = make(chan struct{})
	return sync.OnceFunc(func() { close(p.holds) })
}

// called lists what was asked of it.
func (p *provider) called() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.orders)
}

type vault struct{ subject realname.Subject }

func (v vault) Subject(context.Context, string, string) (realname.Subject, error) {
	return v.subject, nil
}

type rules struct {
	correction policy.Correction
	review     policy.Review
}

func (r rules) Correction(context.Context, string, time.Time) (policy.Correction, error) {
	return r.correction, nil
}

func (r rules) Review(context.Context, string, time.Time) (policy.Review, error) {
	return r.review, nil
}

func merchant() lifecycle.Actor { return lifecycle.Actor{Kind: lifecycle.ActorMerchant} }
func operator() lifecycle.Actor { return lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"} }
func reviewer() lifecycle.Actor { return lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "r1"} }
