package ecs

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"hearth/messages"
)

// Queue is the part of the SDK's *sqs.Client that a feed calls.
type Queue interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

const (
	feedWait  = 20 // seconds that a receive waits for messages: the most that SQS takes
	feedBatch = 10 // messages of a receive, likewise
	// feedTimeout bounds a call, a receive's wait included.
	feedTimeout             = 30 * time.Second
	feedPause, feedMaxPause = time.Second, 30 * time.Second
	// feedKnown bounds the versions that are remembered, half of it at least.
	feedKnown = 20_000
)

// Feed tells the pool of tasks that have stopped, and has the hosts looked at when one changes, as soon as ECS says so through
// EventBridge and a queue of this gateway's own. It hurries what Describe and Sweep find out in any case: a message that is
// lost, late or doubled does no harm. Messages carry what tasks were started with, and so their tokens: none is ever logged.
type Feed struct {
	// Queue and URL are the queue. Nobody else may read it: each message comes once.
	Queue Queue
	URL   string
	// Launcher says which events are this deployment's.
	Launcher *Launcher
	// Stopped gets each task that has stopped, TaskDescribed as if the pool had asked. HostsChanged is called when a host has
	// changed, at most once for each receive. Both are called by Run, and must not block.
	Stopped      func(*messages.TaskDescribed)
	HostsChanged func()

	// versions are the latest that were seen, by ARN; before are those of the generation before.
	versions, before map[string]int64
}

// Run follows the queue until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	f.versions = map[string]int64{}
	pause := feedPause
	for ctx.Err() == nil {
		err := f.receive(ctx)
		if err == nil {
			pause = feedPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		f.Launcher.cfg.Log.Warn().Str("error", oneLine(err.Error())).Dur("againMs", pause).
			Msg("the queue of ECS's events cannot be read; what they would tell is asked for instead")
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, feedMaxPause)
	}
}

// receive takes what is in the queue, or waits for it, and deletes what was taken.
func (f *Feed) receive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedTimeout)
	defer cancel()
	out, err := f.Queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &f.URL, MaxNumberOfMessages: feedBatch, WaitTimeSeconds: feedWait})
	if err != nil || len(out.Messages) == 0 {
		return err
	}
	hosts := false
	done := make([]types.DeleteMessageBatchRequestEntry, 0, len(out.Messages))
	for _, m := range out.Messages {
		hosts = f.take(aws.ToString(m.Body)) || hosts
		done = append(done, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
	}
	if hosts {
		f.HostsChanged()
	}
	_, err = f.Queue.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &f.URL, Entries: done})
	return err
}

// event is what of an EventBridge message is read. Its times are text, which the SDK's types cannot take.
type event struct {
	Kind   string `json:"detail-type"`
	Source string `json:"source"`
	Detail struct {
		Version           int64                 `json:"version"`
		Cluster           string                `json:"clusterArn"`
		Task              string                `json:"taskArn"`
		Host              *string               `json:"containerInstanceArn"`
		StartedBy         string                `json:"startedBy"`
		LastStatus        *string               `json:"lastStatus"`
		StopCode          awstypes.TaskStopCode `json:"stopCode"`
		StoppedReason     *string               `json:"stoppedReason"`
		TaskDefinitionARN *string               `json:"taskDefinitionArn"`
		Containers        []struct {
			Name, Reason *string
			ExitCode     *int32
		} `json:"containers"`
		Overrides struct {
			Containers []struct {
				Name        *string
				Environment []struct{ Name, Value *string }
			} `json:"containerOverrides"`
		} `json:"overrides"`
	} `json:"detail"`
}

// take reads one message, and reports whether a host has changed. What is no event, another cluster's or another
// deployment's, older than what is known, or known already, is passed over.
func (f *Feed) take(body string) (host bool) {
	var e event
	if json.Unmarshal([]byte(body), &e) != nil || e.Source != "aws.ecs" ||
		nameIn(e.Detail.Cluster) != nameIn(f.Launcher.cfg.Cluster) {
		return false
	}
	switch e.Kind {
	case "ECS Container Instance State Change":
		return f.isNews(aws.ToString(e.Detail.Host), e.Detail.Version)
	case "ECS Task State Change":
		if e.Detail.StartedBy == f.Launcher.cfg.StartedBy && f.isNews(e.Detail.Task, e.Detail.Version) {
			f.taskChanged(e.task())
		}
	}
	return false
}

// isNews reports whether nothing as new was known of a task or host. Messages come doubled and out of order.
func (f *Feed) isNews(arn string, version int64) bool {
	if arn == "" || version <= max(f.versions[arn], f.before[arn]) {
		return false
	}
	if len(f.versions) >= feedKnown/2 {
		f.before, f.versions = f.versions, map[string]int64{}
	}
	f.versions[arn] = version
	return true
}

// taskChanged tells of a task that has stopped. All else is news that nobody waits for.
func (f *Feed) taskChanged(t awstypes.Task) {
	listed, ours := listedOf(t, f.Launcher.cfg.ContainerName)
	if !ours || listed.Phase != messages.PhaseStopped {
		return
	}
	f.Launcher.learn([]awstypes.Task{t})
	f.Stopped(&messages.TaskDescribed{
		Task: listed.Task, Phase: listed.Phase, Host: listed.Host, Reason: reasonOf(t), HostGone: hostGone(t)})
}

// task is the event's task as DescribeTasks would show it.
func (e event) task() awstypes.Task {
	d := e.Detail
	t := awstypes.Task{TaskArn: &d.Task, ContainerInstanceArn: d.Host, LastStatus: d.LastStatus, StopCode: d.StopCode,
		StoppedReason: d.StoppedReason, TaskDefinitionArn: d.TaskDefinitionARN, Overrides: &awstypes.TaskOverride{}}
	for _, c := range d.Containers {
		t.Containers = append(t.Containers, awstypes.Container{Name: c.Name, Reason: c.Reason, ExitCode: c.ExitCode})
	}
	for _, c := range d.Overrides.Containers {
		override := awstypes.ContainerOverride{Name: c.Name}
		for _, v := range c.Environment {
			override.Environment = append(override.Environment, awstypes.KeyValuePair{Name: v.Name, Value: v.Value})
		}
		t.Overrides.ContainerOverrides = append(t.Overrides.ContainerOverrides, override)
	}
	return t
}

// CheckQueueURL reports whether a text is the URL of a queue.
func CheckQueueURL(url string) bool {
	return (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")) && strings.Count(url, "/") >= 4 && !strings.HasSuffix(url, "/")
}
