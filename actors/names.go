package actors

import (
	"fmt"
	"strconv"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// PoolName is the name of the pool, the one root actor.
const PoolName = "pool"

// TaskName is the name of a task's actor. Children are named by their ids, so that a message need only carry an id for an
// actor to be found.
func TaskName(id wire.TaskID) string { return "task-" + string(id) }

// SessionName is the name of a session's actor.
func SessionName(id wire.SessionID) string { return "session-" + string(id) }

// HostName is the name of a host's actor.
func HostName(id messages.HostID) string { return "host-" + string(id) }

// SiblingPID is the address of another child of the pool.
func SiblingPID(self *actor.PID, name string) *actor.PID {
	return actor.NewPID(self.Address, PoolName+"/"+name)
}

// RandomID makes an id that is never used twice: 80 random bits after a letter that tells what it names.
func RandomID(kind string, rand Rand) string {
	id := append(make([]byte, 0, 32), kind...)
	id = append(id, '-')
	for range 2 {
		id = strconv.AppendUint(id, rand.Uint64()>>24|1<<40, 36)
	}
	return string(id)
}

// Unexpected reports a message that an actor's state has no use for. Its type is enough to find out why; its content
// may be a user's.
func Unexpected(observer Observer, event messages.Event, message any) {
	event.Kind = messages.EventUnexpected
	event.Reason = fmt.Sprintf("%T", message)
	observer.Observe(event)
}
