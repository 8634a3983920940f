package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
	"hearth/messages/wire"
)

// What a task is given in its environment, by the wire contract. The gateway reads some of it back when it lists tasks.
const (
	envGateway = "GATEWAY_WS_URL"
	envTask    = "TASK_ID"
	envToken   = "TASK_TOKEN"
	envWarm    = "WARM_POOL_MODE"
	envUser    = "USER_ID"
	envSession = "SESSION_ID"
)

// maxClientToken is the longest clientToken that ECS takes, and the length of a SHA-256 in hexadecimal.
const maxClientToken = 64

// clientToken makes a start idempotent. It is the task's id, or for a longer id its hash.
func clientToken(task wire.TaskID) string {
	if len(task) <= maxClientToken {
		return string(task)
	}
	sum := sha256.Sum256([]byte(task))
	return hex.EncodeToString(sum[:])
}

// runInput is the call that starts a task of a definition. It depends on nothing but the Config and its arguments, because
// ECS compares the parameters of calls with the same clientToken.
func (c Config) runInput(run messages.RunTask, definition, token string) *awsecs.RunTaskInput {
	environment := []types.KeyValuePair{
		variable(envGateway, c.GatewayWSURL),
		variable(envTask, string(run.Task)),
		variable(envToken, token),
		variable(envWarm, strconv.FormatBool(!run.Dedicated())),
	}
	if run.Dedicated() {
		environment = append(environment, variable(envUser, string(run.User)), variable(envSession, string(run.Session)))
	}
	in, _ := c.Running.template() // its problems were New's
	in.Cluster, in.TaskDefinition, in.StartedBy = &c.Cluster, &definition, &c.StartedBy
	in.ClientToken = aws.String(clientToken(run.Task))
	in.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{
		{Name: &c.ContainerName, Environment: environment},
	}}
	return in
}

func variable(name, value string) types.KeyValuePair {
	return types.KeyValuePair{Name: &name, Value: &value}
}

// runTask makes the call and notes the task's ARN, what it runs, and its host if it was placed at once.
func (l *Launcher) runTask(ctx context.Context, in *awsecs.RunTaskInput, done *messages.RunDone) error {
	var earlier attempts
	out, err := l.cfg.Client.RunTask(ctx, in, earlier.record)
	if conflict, ok := errors.AsType[*types.ConflictException](err); ok && len(conflict.ResourceIds) == 1 {
		l.cfg.Log.Warn().Str("task", *in.ClientToken).Str("arn", conflict.ResourceIds[0]).
			Msg("task was started before with other parameters; it is kept")
		done.ARN = conflict.ResourceIds[0]
		return nil
	}
	switch {
	case err != nil:
		return earlier.ambiguity(err)
	case len(out.Tasks) > 0 && aws.ToString(out.Tasks[0].TaskArn) != "":
		t := out.Tasks[0]
		done.ARN, done.Host = *t.TaskArn, messages.HostID(aws.ToString(t.ContainerInstanceArn))
		done.Revision = l.revisionOf(t.TaskDefinitionArn)
		return nil
	case len(out.Failures) > 0:
		return placementError(out.Failures)
	default:
		return errBadAnswer
	}
}

// stopTask makes the call, and tells whether ECS knows the task. That it does not is no error.
func (l *Launcher) stopTask(ctx context.Context, arn, reason string) (isKnown bool, err error) {
	in := &awsecs.StopTaskInput{Cluster: &l.cfg.Cluster, Task: &arn}
	if reason = clip(oneLine(reason), maxStopReason); reason != "" {
		in.Reason = &reason
	}
	_, err = l.cfg.Client.StopTask(ctx, in)
	if isTaskNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
