package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/ecs"
	"hearth/infra/gateway"
	"hearth/messages"
	"hearth/messages/wire"
)

// hosts is the option for so many container instances, looked at ten times a second.
func hosts(n int) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Local.Instances, c.Actors.SweepInterval = n, 100*time.Millisecond
	}
}

// setHostState drains a container instance or takes it into service again, as an operator does.
func (s *site) setHostState(host messages.HostID, state types.ContainerInstanceStatus) {
	s.t.Helper()
	client := ecs.LocalClients(s.log.await(s.t, "local ECS endpoint is up").URL, "us-east-1", localKeys).ECS
	out, err := client.UpdateContainerInstancesState(s.t.Context(), &awsecs.UpdateContainerInstancesStateInput{
		Cluster: aws.String("hearth"), ContainerInstances: []string{string(host)}, Status: state,
	})
	if err != nil || len(out.Failures) > 0 {
		s.t.Fatalf("%s of %s: %v %+v", state, host, err, out)
	}
}

// loseHost terminates a container instance, with everything on it.
func (s *site) loseHost(host messages.HostID) {
	s.t.Helper()
	s.backend("/_localecs/instances/lose", fmt.Sprintf(`{"containerInstance":%q}`, host))
}

// hostOf is where a user's task runs, once the gateway knows.
func (s *site) hostOf(u *user) messages.HostID {
	s.t.Helper()
	var host messages.HostID
	s.awaitStatus(u.name+"'s task has a host", func(p messages.PoolStatus) bool {
		for _, session := range p.Sessions {
			for _, task := range p.Tasks {
				if session.User == wire.UserID(u.name) && task.ID == session.Task {
					host = task.Host
				}
			}
		}
		return host != ""
	})
	return host
}

// hostIn is a host in a status, nil when it is not there.
func hostIn(p messages.PoolStatus, id messages.HostID) *messages.HostStatus {
	for i := range p.Hosts {
		if p.Hosts[i].ID == id {
			return &p.Hosts[i]
		}
	}
	return nil
}

// tasksIn counts a host's tasks that are in a state.
func tasksIn(p messages.PoolStatus, host messages.HostID, state messages.TaskState) int {
	n := 0
	for _, task := range p.Tasks {
		if task.Host == host && task.State == state {
			n++
		}
	}
	return n
}

// A host is drained through ECS's API. Its session is told and runs on; the pool moves to the other hosts and so does
// whoever comes. When it is terminated in the end, the session goes on elsewhere.
func TestHostDrains(t *testing.T) {
	s := openSite(t, hosts(3), pool(2, 4))
	s.awaitStatus("three hosts with room", func(p messages.PoolStatus) bool {
		for _, h := range p.Hosts {
			if h.State != messages.HostInService || h.Slots == 0 {
				return false
			}
		}
		return len(p.Hosts) == 3 && p.Pool.Ready == 2
	})
	ann := s.visit("ann")
	ann.ready()
	ann.echoes("before")
	going := s.hostOf(ann)
	s.awaitStatus("the pool is full again", func(p messages.PoolStatus) bool { return p.Pool.Ready == 2 })

	s.setHostState(going, types.ContainerInstanceStatusDraining)
	ann.failure(wire.CodeTaskLost)
	s.awaitStatus("the pool has moved", func(p messages.PoolStatus) bool {
		h := hostIn(p, going)
		return h != nil && h.State == messages.HostDraining && p.Pool.Ready == 2 && tasksIn(p, going, messages.TaskStateReady) == 0
	})
	ann.echoes("while it drains")
	bob := s.visit("bob")
	bob.ready()
	if host := s.hostOf(bob); host == going {
		t.Error("a claim took a task of the draining host")
	}

	s.loseHost(going)
	ann.state(wire.StateRestarting)
	if again := ann.ready(); again.Path == wire.PathResumed {
		t.Errorf("ready again: %+v", again)
	}
	ann.echoes("after")
	bob.echoes("undisturbed")
	s.awaitStatus("the host is gone", func(p messages.PoolStatus) bool { return hostIn(p, going) == nil && len(p.Hosts) == 2 })
	s.usedTasks()
}

// A host that drains is taken into service again. Its ready task was there all the time.
func TestHostIsBackFromDraining(t *testing.T) {
	s := openSite(t, hosts(1), pool(1, 2))
	s.awaitReady(1)
	only := s.awaitStatus("a host", func(p messages.PoolStatus) bool { return len(p.Hosts) == 1 }).Hosts[0].ID
	s.setHostState(only, types.ContainerInstanceStatusDraining)
	s.awaitStatus("its task stays, as its replacement fails for want of room", func(p messages.PoolStatus) bool {
		return hostIn(p, only).State == messages.HostDraining && p.Pool.Ready == 1 && p.LastFailure != ""
	})
	s.setHostState(only, types.ContainerInstanceStatusActive)
	ann := s.visit("ann")
	ann.ready()
	ann.echoes("hello")
}

// A host goes at once, with three sessions and the whole pool on it. Each session goes on in a task elsewhere, its lines
// and its workspace with it, and the pool is filled there.
func TestHostIsLost(t *testing.T) {
	bothWays(t, func(t *testing.T, warm bool) {
		s := openSite(t, hosts(2), warmPool(warm), pool(2, 6))
		if warm {
			s.awaitReady(2)
		}
		users := s.together(3)
		for _, u := range users {
			u.ready()
			u.echoes("I am " + u.name)
		}
		lost := s.hostOf(users[0])
		for _, u := range users[1:] {
			if host := s.hostOf(u); host != lost {
				t.Fatalf("%s is on another host: a pool of this size is packed onto one", u.name)
			}
		}
		s.loseHost(lost)
		for _, u := range users {
			u.state(wire.StateRestarting)
			u.ready()
			u.echoes("still " + u.name)
			if host := s.hostOf(u); host == lost {
				t.Errorf("%s was given a task on the host that is gone", u.name)
			}
		}
		s.awaitStatus("what is left is on the other host", func(p messages.PoolStatus) bool {
			return hostIn(p, lost) == nil && len(p.Hosts) == 1 && p.Hosts[0].Tasks == len(p.Tasks) && p.Pool.Ready == p.Pool.Target
		})
		s.usedTasks()
	})
}
