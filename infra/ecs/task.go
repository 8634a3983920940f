package ecs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
	"hearth/messages/wire"
)

// phaseOf makes ECS's state of a task coarser. A task that is being stopped counts as running as long as its containers
// may be: "stopped" promises that nothing of it touches the user's workspace any more. A state that AWS adds one day counts
// as pending, which proves neither life nor death.
func phaseOf(t types.Task) messages.TaskPhase {
	switch aws.ToString(t.LastStatus) {
	case "RUNNING", "DEACTIVATING", "STOPPING":
		return messages.PhaseRunning
	case "DEPROVISIONING", "STOPPED", "DELETED":
		return messages.PhaseStopped
	default: // PROVISIONING, PENDING, ACTIVATING
		return messages.PhasePending
	}
}

// hostGone reports whether a task has stopped because its host did. ECS has no code that says so and nothing else: it says
// "Host EC2 (instance i-…) terminated" or "stopped".
func hostGone(t types.Task) bool {
	return aws.ToString(t.ContainerInstanceArn) != "" && phaseOf(t) == messages.PhaseStopped &&
		strings.HasPrefix(aws.ToString(t.StoppedReason), "Host EC2 (instance ")
}

// reasonOf says in one line why a task stopped or is being stopped; it is empty for others.
func reasonOf(t types.Task) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	reason, code := aws.ToString(t.StoppedReason), string(t.StopCode)
	if !strings.HasPrefix(reason, code) { // "TaskFailedToStart: RESOURCE:MEMORY" has it already
		add(code)
	}
	add(reason)
	for _, c := range t.Containers {
		add(exitOf(c))
	}
	return clip(oneLine(strings.Join(parts, "; ")), maxReason)
}

// exitOf says how a container ended; it is empty for one that has not.
func exitOf(c types.Container) string {
	reason := aws.ToString(c.Reason)
	switch {
	case c.ExitCode != nil && reason != "":
		return fmt.Sprintf("container %s exited with %d: %s", aws.ToString(c.Name), *c.ExitCode, reason)
	case c.ExitCode != nil:
		return fmt.Sprintf("container %s exited with %d", aws.ToString(c.Name), *c.ExitCode)
	case reason != "":
		return fmt.Sprintf("container %s: %s", aws.ToString(c.Name), reason)
	default:
		return ""
	}
}

// listedOf reads back who a task is from the environment that it was started with. It reports false for a task that no
// gateway started.
func listedOf(t types.Task, container string) (messages.ListedTask, bool) {
	listed := messages.ListedTask{
		ARN:   aws.ToString(t.TaskArn),
		Phase: phaseOf(t),
		Host:  messages.HostID(aws.ToString(t.ContainerInstanceArn)),
	}
	listed.Unhealthy = listed.Phase == messages.PhaseRunning && t.HealthStatus == types.HealthStatusUnhealthy
	if t.Overrides == nil {
		return listed, false
	}
	for _, override := range t.Overrides.ContainerOverrides {
		if aws.ToString(override.Name) != container {
			continue
		}
		for _, v := range override.Environment {
			switch value := aws.ToString(v.Value); aws.ToString(v.Name) {
			case envTask:
				listed.Task = wire.TaskID(value)
			case envSession:
				listed.Session = wire.SessionID(value)
			case envUser:
				listed.User = wire.UserID(value)
			}
		}
	}
	dedicated := messages.RunTask{Session: listed.Session}.Dedicated()
	whose := !dedicated || wire.ValidID(string(listed.Session)) && wire.ValidUserID(string(listed.User))
	return listed, whose && wire.ValidID(string(listed.Task))
}
