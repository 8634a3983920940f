package actors

import (
	"fmt"
	"strconv"

	"github.com/asynkron/protoactor-go/actor"

	"hearth/messages"
	"hearth/messages/wire"
)

// PoolName is the supervisor's name. It is the one root actor.
const PoolName = "pool"

// Children are named by their ids, so that a message need only carry an id for an actor to be found.
func taskName(id wire.TaskID) string { return "task-" + string(id) }

func sessionName(id wire.SessionID) string { return "session-" + string(id) }

func hostName(id messages.HostID) string { return "host-" + string(id) }

// siblingPID is the address of another child of the supervisor.
func siblingPID(self *actor.PID, name string) *actor.PID {
	return actor.NewPID(self.Address, PoolName+"/"+name)
}

// randomID makes an id that is never used twice: 80 random bits after a letter that tells what it names.
func randomID(kind string, rand Rand) string {
	id := append(make([]byte, 0, 32), kind...)
	id = append(id, '-')
	for range 2 {
		id = strconv.AppendUint(id, rand.Uint64()>>24|1<<40, 36)
	}
	return string(id)
}

// unexpected reports a message that an actor's state has no use for. Its type is enough to find out why; its content
// may be a user's.
func unexpected(observer Observer, event messages.Event, message any) {
	event.Kind = messages.EventUnexpected
	event.Reason = fmt.Sprintf("%T", message)
	observer.Observe(event)
}
