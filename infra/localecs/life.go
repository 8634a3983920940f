package localecs

import (
	"slices"
	"syscall"
	"time"
)

// A task's statuses in their order. A task that cannot start, or is stopped first, skips those between.
const (
	statusProvisioning   = "PROVISIONING"
	statusPending        = "PENDING"
	statusRunning        = "RUNNING"
	statusDeactivating   = "DEACTIVATING"
	statusStopping       = "STOPPING"
	statusDeprovisioning = "DEPROVISIONING"
	statusStopped        = "STOPPED"
)

// Why a task ended.
const (
	stopNotStarted = "TaskFailedToStart"
	stopExited     = "EssentialContainerExited"
	stopByUser     = "UserInitiated"
	stopTerminated = "TerminationNotice"
)

// live takes a task from PROVISIONING to STOPPED. It is the task's only goroutine and the only one that changes its
// lastStatus; everyone else can but ask it to end.
func (s *Server) live(t *task) {
	defer s.living.Done()
	running := s.bringUp(t)
	<-t.ending
	s.awaitAgent(t)
	s.takeDown(t, running)
}

// askToEnd says that a task has to end, and why; the first reason stands. The caller holds s.mu.
func (t *task) askToEnd(code, reason string) {
	if t.view.DesiredStatus == statusStopped {
		return
	}
	t.view.DesiredStatus = statusStopped
	t.view.StopCode, t.view.StoppedReason = code, reason
	t.view.StoppingAt = now()
	t.view.Version++
	close(t.ending)
}

// kill takes a task's grace away. askToEnd comes before it, and the caller holds s.mu.
func (t *task) kill() {
	select {
	case <-t.killed:
	default:
		close(t.killed)
	}
}

func (t *task) isKilled() bool {
	select {
	case <-t.killed:
		return true
	default:
		return false
	}
}

// move changes what a task shows.
func (s *Server) move(t *task, change func(v *taskView)) {
	s.mu.Lock()
	change(&t.view)
	t.view.Version++
	s.publishTask(t)
	status, code := t.view.LastStatus, t.view.StopCode
	s.mu.Unlock()
	s.log.Debug().Str("task", shortID(t.id)).Str("status", status).Str("stopCode", code).Msg("task")
}

// failStart ends a task that could not start; the reason goes to container i, if i is not negative.
func (s *Server) failStart(t *task, i int, stoppedReason, reason string) {
	s.log.Warn().Str("task", shortID(t.id)).Str("reason", valueOr(reason, stoppedReason)).Msg("task failed to start")
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= 0 {
		t.view.Containers[i].LastStatus, t.view.Containers[i].Reason = statusStopped, reason
	}
	t.askToEnd(stopNotStarted, stoppedReason)
}

// pause waits for d, or less when the task has to end; false says so.
func pause(d time.Duration, end <-chan struct{}) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-end:
		}
	}
	select {
	case <-end:
		return false
	default:
		return true
	}
}

// bringUp takes a task to RUNNING, if nothing comes between, and returns the processes that it has by then.
func (s *Server) bringUp(t *task) []*process {
	if !s.settle(t) {
		return nil
	}
	faults := s.faults.task()
	if !pause(time.Duration(faults.ProvisioningDelay), t.ending) {
		return nil
	}
	s.move(t, func(v *taskView) { v.LastStatus, v.PullStartedAt = statusPending, now() })
	if !pause(time.Duration(faults.PullDelay), t.ending) {
		return nil
	}
	if s.faults.roll(faults.PullFailureRate) {
		s.failStart(t, 0, "Task failed to start", "CannotPullContainerError: pull image manifest has been retried 5 time(s): "+
			"failed to resolve ref "+t.def.parsed.Containers[0].Image+": not found")
		return nil
	}
	s.move(t, func(v *taskView) { v.PullStoppedAt = now() })
	if !pause(time.Duration(faults.StartDelay), t.ending) {
		return nil
	}
	if s.faults.roll(faults.FailureRate) {
		s.failStart(t, -1, "Task failed to start (injected fault)", "")
		return nil
	}
	var running []*process
	for i := range t.def.parsed.Containers {
		p, err := s.startContainer(t, i)
		if err != nil {
			s.failStart(t, i, "Task failed to start", "CannotStartContainerError: "+err.Error())
			return running
		}
		running = append(running, p)
		s.mu.Lock()
		t.processes = append(t.processes, p)
		s.mu.Unlock()
	}
	s.move(t, func(v *taskView) { v.LastStatus, v.StartedAt = statusRunning, now() })
	return running
}

// startContainer starts one container's process. What follows from its end is in containerExited.
func (s *Server) startContainer(t *task, i int) (*process, error) {
	s.mu.Lock()
	c := &t.view.Containers[i]
	c.LastStatus, c.RuntimeID = statusRunning, t.endpoints[i]
	s.mu.Unlock()
	return s.processes.start(s.containerSpec(t, i), func(code int) { s.containerExited(t, i, code) })
}

// containerExited notes a container's end, which is the task's when the container is essential, or the last.
func (s *Server) containerExited(t *task, i, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.silent {
		return // nobody is left to tell
	}
	c := &t.view.Containers[i]
	c.LastStatus, c.ExitCode = statusStopped, &code
	if t.outOfMemory {
		c.Reason = "OutOfMemoryError: Container killed due to memory usage"
	}
	t.view.Version++
	last := !slices.ContainsFunc(t.view.Containers, func(o containerView) bool { return o.LastStatus != statusStopped })
	if last || t.def.parsed.Containers[i].essential() {
		t.askToEnd(stopExited, "Essential container in task exited")
	}
}

// takeDown takes a task that has to end to STOPPED: SIGTERM, after each container's stop timeout SIGKILL, and when every
// process is gone, the release of what the task held.
func (s *Server) takeDown(t *task, running []*process) {
	faults := s.faults.task()
	if len(running) > 0 {
		s.move(t, func(v *taskView) { v.LastStatus = statusDeactivating })
		pause(time.Duration(faults.DeactivatingDelay), t.killed)
		s.move(t, func(v *taskView) { v.LastStatus = statusStopping })
		s.stopProcesses(t, running)
	}
	s.move(t, func(v *taskView) {
		v.LastStatus, v.ExecutionStoppedAt = statusDeprovisioning, now()
		for i := range v.Containers {
			v.Containers[i].LastStatus = statusStopped
		}
	})
	pause(time.Duration(faults.DeprovisioningDelay), t.killed)
	s.move(t, func(v *taskView) {
		v.LastStatus, v.StoppedAt = statusStopped, now()
		s.release(t)
	})
}

func (s *Server) stopProcesses(t *task, running []*process) {
	for i, p := range running {
		if t.isKilled() {
			p.kill() // a host that is lost sends no SIGTERM first
			continue
		}
		p.signal(syscall.SIGTERM)
		grace := t.def.parsed.Containers[i].stopTimeout(s.cfg.StopTimeout)
		defer time.AfterFunc(grace, p.kill).Stop()
	}
	for _, p := range running {
		select {
		case <-p.gone:
		case <-t.killed:
			p.kill()
			<-p.gone
		}
	}
}

// release gives back what a task held. The caller holds s.mu.
func (s *Server) release(t *task) {
	if t.on != nil {
		t.on.free = t.on.free.plus(t.need)
		t.on.tasks = slices.DeleteFunc(t.on.tasks, func(o *task) bool { return o == t })
		t.on.version++
	}
	s.capacityChanged()
	for _, endpoint := range t.endpoints {
		delete(s.endpoints, endpoint)
	}
}

// endAll refuses new tasks from here on and asks those there are to end.
func (s *Server) endAll(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.closing)
	for _, c := range s.clusters {
		for _, t := range c.tasks {
			t.askToEnd(stopByUser, reason)
		}
	}
}

func (s *Server) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clusters {
		for _, t := range c.tasks {
			t.kill()
		}
	}
}
