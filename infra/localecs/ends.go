package localecs

import "fmt"

// End is a way in which a task ends that nobody asked for.
type End string

// The ends that EndTask can bring about.
const (
	// EndOutOfMemory has the kernel kill the essential container: exit code 137, OutOfMemoryError.
	EndOutOfMemory End = "outOfMemory"
	// EndSpotInterruption takes the capacity back: SIGTERM, and the stop code SpotInterruption.
	EndSpotInterruption End = "spotInterruption"
)

const stopSpot = "SpotInterruption"

// EndTask ends the running task of that ARN.
func (s *Server) EndTask(arn string, as End) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.taskByARN(arn)
	if t == nil || t.view.LastStatus != statusRunning {
		return fmt.Errorf("there is no running task %s", arn)
	}
	switch as {
	case EndOutOfMemory:
		t.outOfMemory = true
		for _, p := range t.processes {
			p.kill()
		}
	case EndSpotInterruption:
		t.askToEnd(stopSpot, "Your Spot Task was interrupted.")
	default:
		return fmt.Errorf("a task ends as %s or %s, not as %q", EndOutOfMemory, EndSpotInterruption, as)
	}
	return nil
}

func (s *Server) taskByARN(arn string) *task {
	for _, c := range s.clusters {
		for _, t := range c.tasks {
			if t.view.TaskArn == arn {
				return t
			}
		}
	}
	return nil
}
