package isolation

import "strings"

// guard is something that is done to every user's agent, whatever its levels are, wherever the container allows it. A guard is
// not asked for: one that is not permitted or not supported here is done without, and the log says so.
type guard uint8

const (
	// basics are what every container allows: no capabilities, no files that others can read, bounds. Never done without.
	basics guard = 1 << iota
	// ownMounts gives the agent a /dev/shm and a /tmp that nobody else sees, and without a UID of its own a /dev/pts.
	ownMounts
	// ownProc shows the agent a /proc without the processes that it may not trace: others' agents and all bridges.
	ownProc
	// ownIPC gives the agent System V's shared memory, semaphores and queues of its own.
	ownIPC
	// ownKeyring keeps the agent from the operator's session keyring.
	ownKeyring
	// noBounding empties the bounding set. Without SETPCAP that is not permitted, and the set then gives nothing by itself.
	noBounding
	// ownLimits keeps the agent from changing the resource limits of another process of its user, above all of its bridge.
	ownLimits
	// expendable has the kernel end the agent before the bridge when memory runs out.
	expendable

	// namespaces take SYS_ADMIN.
	namespaces = ownMounts | ownProc | ownIPC
	allGuards  = basics | ownMounts | ownProc | ownIPC | ownKeyring | noBounding | ownLimits | expendable
)

// guardNames has the guards as the log names them, in order.
var guardNames = []struct {
	name  string
	guard guard
}{
	{"basics", basics}, {"mounts", ownMounts}, {"proc", ownProc}, {"ipc", ownIPC}, {"keyring", ownKeyring},
	{"bounding", noBounding}, {"limits", ownLimits}, {"oom", expendable},
}

func (g guard) has(other guard) bool { return g&other == other }

// String names the guards.
func (g guard) String() string {
	var names []string
	for _, each := range guardNames {
		if g.has(each.guard) {
			names = append(names, each.name)
		}
	}
	return strings.Join(names, ",")
}
