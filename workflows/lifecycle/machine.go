package lifecycle

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/looplab/fsm"
)

// machineTable is what the machine answers to every event in every state, asked once: Next is called several times
// for each entry of each log that is read, and asking the machine costs a thousand times what looking it up does.
var machineTable = sync.OnceValue(askMachine)

type table struct {
	to      map[step]State // the steps that change something
	allowed map[State][]Event
}

type step struct {
	from  State
	event Event
}

// askMachine puts every event to the machine in every state.
//
// The machine is put back by SetState, which accepts unknown names: only States are set. Events run on a background
// context and nothing hangs on callbacks, for looplab/fsm leaves a machine stuck when an event's context is cancelled.
func askMachine() table {
	t := table{to: map[step]State{}, allowed: map[State][]Event{}}
	machine := newMachine()
	for _, from := range States() {
		for _, event := range Events() {
			machine.SetState(string(from))
			err := machine.Event(context.Background(), string(event))
			var same fsm.NoTransitionError
			if err == nil || errors.As(err, &same) {
				t.to[step{from, event}] = State(machine.Current())
				t.allowed[from] = append(t.allowed[from], event)
			}
		}
		slices.Sort(t.allowed[from])
	}
	return t
}

func newMachine() *fsm.FSM {
	var events fsm.Events
	for _, t := range Transitions() {
		src := make([]string, len(t.From))
		for i, s := range t.From {
			src[i] = string(s)
		}
		events = append(events, fsm.EventDesc{Name: string(t.Event), Src: src, Dst: string(t.To)})
	}
	return fsm.NewFSM(string(Unverified), events, nil)
}
