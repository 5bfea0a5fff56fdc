package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// TestEveryWayLeadsToVerified explores, breadth first, everything that merchant, reviewer, operator, provider and
// timers can do to an account with two attempts a day, through the real table and guards. Situations that differ
// in nothing that matters (numbers, identifiers, the day) are one. From each of them verified must stay within
// reach by the face alone, and by the manual route alone, without any operator: so nothing is stuck.
func TestEveryWayLeadsToVerified(t *testing.T) {
	t.Parallel()
	g := explore(t)
	require.Greater(t, len(g.places), 200, "the exploration goes deep")
	states, events := map[lifecycle.State]bool{}, map[lifecycle.Event]bool{}
	for _, p := range g.places {
		states[p.v.State] = true
	}
	for _, e := range g.edges {
		for _, event := range e.events {
			events[event] = true
		}
		if g.places[e.from].v.State == lifecycle.Verified && g.places[e.to].v.State != lifecycle.Verified {
			require.Equal(t, []lifecycle.Event{lifecycle.Revoke}, e.events)
		}
	}
	require.Len(t, states, len(lifecycle.States()))
	require.Len(t, events, len(lifecycle.Events()), "every event happens")

	g.requireVerifiedWithin(t, "by face", lifecycle.ApproveManual, lifecycle.ChooseManual, lifecycle.Correct)
	g.requireVerifiedWithin(t, "by the manual route", lifecycle.Pass, lifecycle.Correct)
}

// place is one situation: a verification at an instant.
type place struct {
	v   lifecycle.Verification
	now time.Time
}

type edge struct {
	from, to string
	by       lifecycle.ActorKind
	events   []lifecycle.Event // none: time goes by
}

type graph struct {
	places map[string]place
	edges  []edge
}

func exploreLimits() lifecycle.Limits {
	return lifecycle.Limits{AttemptsPerDay: 2, Lease: 10 * time.Minute}
}

func explore(t *testing.T) graph {
	start := place{lifecycle.New("a1"), beijing(t, "2020-11-20 00:00:01")}
	g := graph{places: map[string]place{start.key(): start}}
	for queue := []place{start}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		next := func(to place, by lifecycle.ActorKind, log ...lifecycle.Change) {
			e := edge{from: p.key(), to: to.key(), by: by}
			for _, c := range log {
				e.events = append(e.events, c.Event)
			}
			g.edges = append(g.edges, e)
			if _, seen := g.places[to.key()]; !seen {
				g.places[to.key()] = to
				queue = append(queue, to)
			}
		}
		for _, now := range p.later() {
			next(place{p.v, now}, "")
		}
		for _, c := range p.menu() {
			log, err := p.v.Decide(c, exploreLimits())
			if err != nil {
				var refusal *lifecycle.Refusal
				require.ErrorAs(t, err, &refusal, "%s at %s", c.Event, p.key())
				continue
			}
			v, err := p.v.Fold(log...)
			require.NoError(t, err)
			if !log[0].Ignored {
				next(place{v, p.now}, c.Actor.Kind, log...)
			}
		}
	}
	return g
}

// key names what the future depends on, and nothing else.
func (p place) key() string {
	v := p.v
	k := []string{
		string(v.State), fmt.Sprint(v.Identity != nil, v.Consent != nil, v.AttemptedUnder()), fmt.Sprint(v.AttemptsUsed(p.now)),
		fmt.Sprint(v.Lease != nil && p.now.Before(v.Lease.ExpiresAt)), fmt.Sprint(p.now.In(lifecycle.Beijing()).Hour() >= 22),
	}
	var open []string
	for _, a := range v.Watched(p.now) {
		open = append(open, fmt.Sprintf("%s/%v", a.Result, v.Live(p.now) != nil && v.Live(p.now).ID == a.ID))
	}
	slices.Sort(open)
	return strings.Join(append(k, slices.Compact(open)...), " ")
}

// later are the instants at which something may have become different: the end of the lease, ten in the evening
// (an attempt begun then lives past midnight) and midnight.
func (p place) later() []time.Time {
	midnight := lifecycle.NextDay(p.now)
	instants := []time.Time{midnight}
	if evening := midnight.Add(-2 * time.Hour); p.now.Before(evening) {
		instants = append(instants, evening)
	}
	if l := p.v.Lease; l != nil && p.now.Before(l.ExpiresAt) {
		instants = append(instants, l.ExpiresAt)
	}
	return instants
}

// menu is everything that somebody may try now, with the details that give it the best chance.
func (p place) menu() []lifecycle.Change {
	v := p.v
	id := fmt.Sprintf("%d", v.Seq+1)
	var menu []lifecycle.Change
	add := func(e lifecycle.Event, actor lifecycle.ActorKind, d lifecycle.Detail) {
		menu = append(menu, lifecycle.Change{ChangeID: id, Event: e, At: p.now, Actor: lifecycle.Actor{Kind: actor}, Detail: d})
	}
	identity, provenance := &lifecycle.Identity{Ref: id}, &lifecycle.Provenance{Evidence: id}
	for _, e := range lifecycle.Events() {
		switch e {
		case lifecycle.IssueQR, lifecycle.Pass, lifecycle.Fail, lifecycle.Scan, lifecycle.Expire, lifecycle.Unlock:
		case lifecycle.Lock:
			if v.AttemptsLeft(exploreLimits(), p.now) == 0 && v.Live(p.now) == nil {
				add(e, lifecycle.ActorSystem, lifecycle.Detail{UnlockAt: lifecycle.NextDay(p.now)})
			}
		case lifecycle.Revoke, lifecycle.ImportApproved, lifecycle.ImportVerified:
			add(e, lifecycle.ActorOperator, lifecycle.Detail{Provenance: provenance})
		default:
			add(e, lifecycle.ActorMerchant, lifecycle.Detail{Identity: identity, Correction: "policy"})
		}
	}
	add(lifecycle.Unlock, lifecycle.ActorSystem, lifecycle.Detail{})
	add(lifecycle.Unlock, lifecycle.ActorOperator, lifecycle.Detail{})
	for _, a := range v.Watched(p.now) {
		add(lifecycle.Pass, lifecycle.ActorProvider, lifecycle.Detail{AttemptID: a.ID})
		add(lifecycle.Fail, lifecycle.ActorProvider, lifecycle.Detail{AttemptID: a.ID})
	}
	if v.Lease != nil {
		add(lifecycle.Scan, lifecycle.ActorMerchant, lifecycle.Detail{LeaseID: v.Lease.ID})
		if !p.now.Before(v.Lease.ExpiresAt) {
			add(lifecycle.Expire, lifecycle.ActorSystem, lifecycle.Detail{LeaseID: v.Lease.ID})
		}
	}
	add(lifecycle.IssueQR, lifecycle.ActorMerchant, p.order(id))
	return menu
}

func (p place) order(id string) lifecycle.Detail {
	v := p.v
	d := lifecycle.Detail{Consent: &lifecycle.Consent{ID: id, Generation: v.Generation}}
	shown := v.Live(p.now)
	if shown == nil {
		shown = &lifecycle.Attempt{ID: id, Revision: v.Revision, Generation: v.Generation, StartedAt: p.now, EndsAt: p.now.Add(23 * time.Hour)}
		d.Attempt = shown
	}
	d.Lease = &lifecycle.Lease{ID: id, AttemptID: shown.ID, IssuedAt: p.now, ExpiresAt: p.now.Add(exploreLimits().Lease)}
	return d
}

// requireVerifiedWithin walks the edges backwards from verified, without some events (the other way and
// detours) and without any operator.
func (g graph) requireVerifiedWithin(t *testing.T, way string, without ...lifecycle.Event) {
	t.Helper()
	back := map[string][]string{}
	for _, e := range g.edges {
		if e.by != lifecycle.ActorOperator && !slices.ContainsFunc(e.events, func(event lifecycle.Event) bool { return slices.Contains(without, event) }) {
			back[e.to] = append(back[e.to], e.from)
		}
	}
	reached, queue := map[string]bool{}, []string{}
	for key, p := range g.places {
		if p.v.State == lifecycle.Verified {
			reached[key], queue = true, append(queue, key)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, from := range back[queue[0]] {
			if !reached[from] {
				reached[from], queue = true, append(queue, from)
			}
		}
	}
	for key := range g.places {
		require.True(t, reached[key], "%s: verified cannot be reached %s", key, way)
	}
}
