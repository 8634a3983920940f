package localecs

// maxDeletions is how many revisions one DeleteTaskDefinitions call takes.
const maxDeletions = 10

const (
	statusInactive         = "INACTIVE"
	statusDeleteInProgress = "DELETE_IN_PROGRESS"
)

type deleteDefinitionsIn struct {
	TaskDefinitions []string `json:"taskDefinitions"`
}

type deleteDefinitionsOut struct {
	TaskDefinitions []map[string]any `json:"taskDefinitions"`
	Failures        []failure        `json:"failures"`
}

// deleteTaskDefinitions marks inactive revisions as on their way out. As on ECS they can still be described and listed in
// that state; here they stay in it.
func (s *Server) deleteTaskDefinitions(in deleteDefinitionsIn) (deleteDefinitionsOut, *apiError) {
	out := deleteDefinitionsOut{TaskDefinitions: []map[string]any{}, Failures: []failure{}}
	if n := len(in.TaskDefinitions); n == 0 || n > maxDeletions {
		return out, invalidParameter("TaskDefinitions must have 1 to %d elements.", maxDeletions)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range in.TaskDefinitions {
		d := s.findDefinition(ref)
		switch {
		case d == nil:
			out.Failures = append(out.Failures, failure{Arn: ref, Reason: reasonMissing,
				Detail: "The specified task definition does not exist. Specify a valid account, family, revision and try again."})
		case d.status == statusActive:
			out.Failures = append(out.Failures, failure{Arn: d.arn, Reason: "INVALID_STATUS",
				Detail: "The specified task definition is still in ACTIVE status. Please deregister the target and try again."})
		default:
			if d.status == statusInactive {
				d.status, d.deleteRequestedAt = statusDeleteInProgress, now()
			}
			out.TaskDefinitions = append(out.TaskDefinitions, d.view())
		}
	}
	return out, nil
}
