package ecs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
)

// placementError sums up why no host took the task: RunTask succeeds also when nothing was started. ECS gives a reason for each host it tried. One host that is only full
// is enough to make it a shortage, which passes; when every host is of the wrong kind, an operator has to see to it.
// The reasons are at https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html.
func placementError(failures []types.Failure) error {
	kind := messages.LaunchInvalid
	count := map[string]int{}
	var reasons []string
	for _, f := range failures {
		reason := aws.ToString(f.Reason)
		if isShortage(reason) {
			kind = messages.LaunchNoCapacity
		}
		if detail := aws.ToString(f.Detail); detail != "" {
			reason += " (" + detail + ")"
		}
		if count[reason]++; count[reason] == 1 {
			reasons = append(reasons, reason)
		}
	}
	for i, reason := range reasons {
		if n := count[reason]; n > 1 {
			reasons[i] = fmt.Sprintf("%s on %d hosts", reason, n)
		}
	}
	text := "no host can take the task: " + strings.Join(reasons, ", ")
	if kind == messages.LaunchInvalid {
		text += "; compare the task definition's requirements with the hosts'"
	}
	return &known{kind, text}
}

// isShortage tells reasons that pass when tasks end, hosts are added or agents come back, from those that don't
// (ATTRIBUTE, LOCATION, MemberOf placement constraint unsatisfied, and what we don't know).
func isShortage(reason string) bool {
	switch reason {
	case "AGENT", "NO ACTIVE INSTANCES", "EMPTY CAPACITY PROVIDER":
		return true
	}
	return strings.HasPrefix(reason, "RESOURCE:")
}
