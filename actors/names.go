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

const (
	taskPrefix    = "task-"
	sessionPrefix = "session-"
)

// TaskName is the name of a task's actor. Children are named by their ids, so that a message need only carry an id for an
// actor to be found.
func TaskName(id wire.TaskID) string { return taskPrefix + string(id) }

// SessionName is the name of a session's actor.
func SessionName(id wire.SessionID) string { return sessionPrefix + string(id) }

// HostName is the name of a host's actor.
func HostName(id messages.HostID) string { return "host-" + string(id) }

// TaskPID is the address of a task's actor, for an actor in the same process.
func TaskPID(self *actor.PID, id wire.TaskID) *actor.PID {
	return actor.NewPID(self.Address, PoolName+"/"+taskPrefix+string(id))
}

// SessionPID is the address of a session's actor, for an actor in the same process.
func SessionPID(self *actor.PID, id wire.SessionID) *actor.PID {
	return actor.NewPID(self.Address, PoolName+"/"+sessionPrefix+string(id))
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
