package world

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// keptCrashes bounds Crashes; Counts counts them all.
const keptCrashes = 100

// Crash is an actor's panic. Stack differs from run to run; the rest does not.
type Crash struct {
	At      time.Time
	Actor   string
	Message string
	Reason  string
	Stack   string
}

// Crashes returns the first 100 crashes of the world.
func (w *World) Crashes() []Crash { return w.crashes }

// recordCrash takes note of a panic, or throws it again when it is not the actor's. It is called while the panic's frames
// are on the stack.
func (n *Node) recordCrash(self *actor.PID, reason, message any) {
	w := n.world
	if _, wrong := reason.(misuse); wrong || w.rethrow(reason) {
		panic(reason)
	}
	w.counts.Crashes++
	if len(w.crashes) == keptCrashes {
		return
	}
	_, message, _ = actor.UnwrapEnvelope(message)
	w.crashes = append(w.crashes, Crash{
		At:      w.Now(),
		Actor:   self.GetId(),
		Message: fmt.Sprintf("%T", message),
		Reason:  fmt.Sprint(reason),
		Stack:   string(debug.Stack()),
	})
}

// misuse is the panic of a simulation that is wrong in itself. It is nobody's crash and always goes up to the caller.
type misuse string

// FromTest is for Options.Rethrow: it recognises the panics by which a property test steers itself. Without it an actor
// would swallow them and the test would go on with a false result.
func FromTest(reason any) bool {
	t := reflect.TypeOf(reason)
	return t != nil && (t.PkgPath() == "pgregory.net/rapid" || t.PkgPath() == "testing")
}
