package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// The baselines: a workflow of one activity, and a workflow that does nothing but answer updates.
const baselineQueue = "baseline"

func nothing(context.Context) error { return nil }

func trivial(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil)
}

func empty(ctx workflow.Context) error {
	short := workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute}
	long := workflow.ActivityOptions{StartToCloseTimeout: time.Minute}
	err := workflow.SetUpdateHandler(ctx, "local", func(ctx workflow.Context) error {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, short), nothing).Get(ctx, nil)
	})
	if err == nil {
		err = workflow.SetUpdateHandler(ctx, "activity", func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, long), nothing).Get(ctx, nil)
		})
	}
	if err == nil {
		err = workflow.Await(ctx, func() bool { return false })
	}
	return err
}

// timedBed is a bed whose provider passes everybody, with the baselines' worker beside its own, and as many other accounts
// in the store as VERIGATE_BENCH_ACCOUNTS says.
func timedBed(b *testing.B) *bed {
	b.Helper()
	bed := newBed(b)
	bed.provider.standard = face.StatePassed
	sqlstoretest.Populate(b, bed.store, sqlstoretest.Population(b, 0), func(n int) policy.Account {
		return policy.Account{ID: fmt.Sprintf("other-%08d", n), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: bed.now()}
	})
	w := sdkworker.New(bed.client, baselineQueue, sdkworker.Options{})
	w.RegisterWorkflow(trivial)
	w.RegisterWorkflow(empty)
	w.RegisterActivity(nothing)
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)
	return bed
}

var accounts atomic.Int64 //nolint:gochecknoglobals // ids of a process's benchmarks

func (b *bed) merchant() *walker {
	id := "a" + strconv.FormatInt(accounts.Add(1), 10)
	w := &walker{bed: b, id: id, digest: id}
	b.register(w.id)
	return w
}

// side is how many do the same at a time.
const side = 16

// together times them.
func together(do func(n int)) time.Duration {
	begun := time.Now()
	var all sync.WaitGroup
	for n := range side {
		all.Go(func() { do(n) })
	}
	all.Wait()
	return time.Since(begun)
}

func (b *bed) merchants() []*walker {
	merchants := make([]*walker, side)
	for n := range merchants {
		merchants[n] = b.merchant()
	}
	return merchants
}

// verify takes merchants from the login to the provider's pass.
func (b *bed) verify(merchants []*walker) time.Duration {
	return together(func(n int) {
		w := merchants[n]
		w.login()
		w.approved()
		w.scan(w.start())
		w.until(w.id, lifecycle.Verified)
	})
}

// BenchmarkVerifications has sixteen merchants at a time verify, from the login to the provider's pass, and then as many
// trivial workflows run. An operation is sixteen of each.
func BenchmarkVerifications(b *testing.B) {
	bed := timedBed(b)
	var ours, theirs, ratios []float64
	for b.Loop() {
		took := bed.verify(bed.merchants())
		plain := together(func(int) {
			run, err := bed.client.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{ID: uuid.NewString(), TaskQueue: baselineQueue}, trivial)
			if err == nil {
				err = run.Get(b.Context(), nil)
			}
			require.NoError(b, err)
		})
		ours, theirs = append(ours, side/took.Seconds()), append(theirs, side/plain.Seconds())
		ratios = append(ratios, plain.Seconds()/took.Seconds())
	}
	b.ReportMetric(median(ours), "verifications/s")
	b.ReportMetric(median(theirs), "trivial/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
}

// BenchmarkCommands times commands of one merchant after another, and updates of an empty workflow in between: with a local
// activity, which is what submit has at least, and with an activity, which is what start-face has besides.
func BenchmarkCommands(b *testing.B) {
	bed := timedBed(b)
	id := uuid.NewString()
	_, err := bed.client.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: baselineQueue}, empty)
	require.NoError(b, err)
	update := func(name string) func() {
		return func() {
			handle, err := bed.client.UpdateWorkflow(b.Context(), client.UpdateWorkflowOptions{
				WorkflowID: id, UpdateID: uuid.NewString(), UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted,
			})
			if err == nil {
				err = handle.Get(b.Context(), nil)
			}
			require.NoError(b, err)
		}
	}
	each := map[string][]float64{}
	timed := func(name string, do func()) {
		begun := time.Now()
		do()
		each[name] = append(each[name], float64(time.Since(begun).Microseconds())/1000)
	}
	for b.Loop() {
		w := bed.merchant()
		w.login()
		timed("local", update("local"))
		timed("submit", func() { w.submit() })
		w.until(w.id, lifecycle.Approved)
		timed("activity", update("activity"))
		var s contract.Status
		timed("start-face", func() { s = w.start() })
		w.scan(s)
		w.until(w.id, lifecycle.Verified)
	}
	for name, took := range each {
		slices.Sort(took)
		b.ReportMetric(median(took), name+"-p50-ms")
		b.ReportMetric(took[len(took)*99/100], name+"-p99-ms")
	}
	b.ReportMetric(median(each["submit"])/median(each["local"]), "submit/local")
	b.ReportMetric(median(each["start-face"])/(median(each["local"])+median(each["activity"])), "start-face/(local+activity)")
}

// BenchmarkDisk has merchants verify, sixteen at a time, and tells by how many bytes a verification what Temporal keeps on
// disk has grown, with what was deleted on the way and not yet used again. -benchtime=25x is 400 verifications.
func BenchmarkDisk(b *testing.B) {
	bed := timedBed(b)
	size := func() int64 {
		if bed.server.dir == "" {
			server, err := pgtest.Server()
			require.NoError(b, err)
			db, err := sql.Open("pgx", server.URL("postgres"))
			require.NoError(b, err)
			defer func() { require.NoError(b, db.Close()) }()
			var n int64
			require.NoError(b, db.QueryRowContext(b.Context(), `SELECT SUM(pg_database_size(datname)) FROM pg_database WHERE datname LIKE 'temporal%'`).Scan(&n))
			return n
		}
		var n int64
		require.NoError(b, filepath.WalkDir(bed.server.dir, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) { // a journal that has ended
				return nil
			}
			require.NoError(b, err)
			n += info.Size()
			return nil
		}))
		return n
	}
	bed.verify(bed.merchants()) // what is there once
	before := size()
	for b.Loop() {
		bed.verify(bed.merchants())
	}
	b.ReportMetric(float64(size()-before)/float64(side*b.N), "bytes/verification")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
