package ecs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
	"hearth/messages/wire"
)

const (
	maxDescribed   = 100                   // tasks of one DescribeTasks call
	describeWindow = 50 * time.Millisecond // how long a describe waits for others to share a call with
)

// inquiry is one actor's wish to know where a task stands.
type inquiry struct {
	to   *actor.PID
	task wire.TaskID
	arn  string
}

// batcher gathers inquiries for a window of time, or until a call is full.
type batcher struct {
	flush func([]inquiry)

	mu      sync.Mutex
	waiting []inquiry
	timer   *time.Timer
	closed  bool // later inquiries don't wait for others
}

func (b *batcher) add(i inquiry) {
	b.mu.Lock()
	b.waiting = append(b.waiting, i)
	var full []inquiry
	switch {
	case len(b.waiting) == maxDescribed || b.closed:
		full = b.take()
	case len(b.waiting) == 1:
		b.timer = time.AfterFunc(describeWindow, b.flushWaiting)
	}
	b.mu.Unlock()
	if full != nil {
		b.flush(full)
	}
}

// take empties the batch. The caller holds mu. A timer that can no longer be stopped flushes the next batch early, which
// does no harm.
func (b *batcher) take() []inquiry {
	if b.timer != nil {
		b.timer.Stop()
	}
	taken := b.waiting
	b.waiting = nil
	return taken
}

func (b *batcher) flushWaiting() {
	b.mu.Lock()
	taken := b.take()
	b.mu.Unlock()
	if taken != nil {
		b.flush(taken)
	}
}

func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.flushWaiting()
}

// Describe asks where a task stands; see actors.Launcher. Inquiries that come close together share one call.
func (l *Launcher) Describe(to *actor.PID, task wire.TaskID, arn string) {
	i := inquiry{to, task, arn}
	if arn == "" {
		l.refuse(request{op: "DescribeTasks", answer: func(failure *messages.LaunchError) {
			l.answer(i, messages.TaskDescribed{Err: failure})
		}}, errNoARN)
		return
	}
	l.describes.add(i)
}

func (l *Launcher) answer(i inquiry, described messages.TaskDescribed) {
	described.Task = i.task
	l.cfg.Deliver(i.to, &described)
}

// describeBatch makes one call for up to maxDescribed inquiries.
func (l *Launcher) describeBatch(batch []inquiry) {
	var found map[string]messages.TaskDescribed
	var rejected bool
	l.submit(l.read, request{
		op: "DescribeTasks",
		call: func(ctx context.Context) error {
			tasks, failures, err := l.describeTasks(ctx, arnsOf(batch))
			_, rejected = errors.AsType[*types.InvalidParameterException](err)
			found = describedOf(tasks, failures)
			l.learn(tasks)
			return err
		},
		answer: func(failure *messages.LaunchError) {
			if half := len(batch) / 2; rejected && half > 0 && failure.Kind == messages.LaunchInvalid {
				// ECS rejects a call as a whole for one ARN that it does not like: the others must not suffer.
				l.describeBatch(batch[:half])
				l.describeBatch(batch[half:])
				return
			}
			for _, i := range batch {
				l.answer(i, outcomeOf(found, i.arn, failure))
			}
		},
	})
}

// learn has the definition of a task that did not start looked at again, when it is a user's own: what it mounts may be
// gone.
func (l *Launcher) learn(tasks []types.Task) {
	for _, t := range tasks {
		if l.users != nil && t.StopCode == types.TaskStopCodeTaskFailedToStart {
			l.users.forget(aws.ToString(t.TaskDefinitionArn))
		}
	}
}

// arnsOf are the tasks that a batch asks about, each once.
func arnsOf(batch []inquiry) []string {
	seen := make(map[string]bool, len(batch))
	arns := make([]string, 0, len(batch))
	for _, i := range batch {
		if !seen[i.arn] {
			seen[i.arn] = true
			arns = append(arns, i.arn)
		}
	}
	return arns
}

// describeTasks makes the call.
func (l *Launcher) describeTasks(ctx context.Context, arns []string) ([]types.Task, []types.Failure, error) {
	out, err := l.cfg.Client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: &l.cfg.Cluster, Tasks: arns})
	if err != nil {
		return nil, nil, err
	}
	return out.Tasks, out.Failures, nil
}

// missing is ECS's reason for a task that it does not know.
const missing = "MISSING"

// describedOf sorts an answer of ECS by ARN.
func describedOf(tasks []types.Task, failures []types.Failure) map[string]messages.TaskDescribed {
	found := make(map[string]messages.TaskDescribed, len(tasks)+len(failures))
	for _, t := range tasks {
		found[aws.ToString(t.TaskArn)] = messages.TaskDescribed{
			Phase:  phaseOf(t),
			Host:   messages.HostID(aws.ToString(t.ContainerInstanceArn)),
			Reason: reasonOf(t), HostGone: hostGone(t),
		}
	}
	for _, f := range failures {
		if _, there := found[aws.ToString(f.Arn)]; there {
			continue // a task that ECS shows is there, whatever else it says
		}
		described := messages.TaskDescribed{Phase: messages.PhaseMissing}
		if reason := aws.ToString(f.Reason); reason != missing {
			described = messages.TaskDescribed{Err: &messages.LaunchError{
				Kind: messages.LaunchInvalid, Op: "DescribeTasks", Message: oneLine(reason + " " + aws.ToString(f.Detail)),
			}}
		}
		found[aws.ToString(f.Arn)] = described
	}
	return found
}

// outcomeOf is one inquiry's part of a call's outcome.
func outcomeOf(found map[string]messages.TaskDescribed, arn string, failure *messages.LaunchError) messages.TaskDescribed {
	if failure != nil {
		return messages.TaskDescribed{Err: failure}
	}
	described, ok := found[arn]
	if !ok {
		described.Err = &messages.LaunchError{Kind: messages.LaunchUnavailable, Op: "DescribeTasks",
			Message: fmt.Sprintf("ECS's answer does not mention task %s", arn)}
	}
	return described
}
