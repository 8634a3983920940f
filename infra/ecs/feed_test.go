package ecs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"hearth/infra/localecs"
	"hearth/infra/testkit"
	"hearth/messages"
)

// follow runs a feed on the local endpoint's queue until the test ends, and gives what it tells.
func follow(t *testing.T, server *localecs.Server, w *world) (queue *sqs.Client, url string, stopped chan *messages.TaskDescribed, hosts chan struct{}) {
	t.Helper()
	queue, url = LocalClients(server.URL(), "us-east-1", testKeys).SQS, server.URL()+"/000000000000/events"
	if _, err := queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url}); err != nil { // the queue is there from now on
		t.Fatal(err)
	}
	stopped, hosts = make(chan *messages.TaskDescribed, 100), make(chan struct{}, 100)
	feed := &Feed{Queue: queue, URL: url, Launcher: w.Launcher,
		Stopped: func(m *messages.TaskDescribed) { stopped <- m }, HostsChanged: func() { hosts <- struct{}{} }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		feed.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return queue, url, stopped, hosts
}

// A task's death and a host's are told within a second, although nobody has asked, and no token is logged.
func TestFeed(t *testing.T) {
	server, w := local(t, "sleep 60", localecs.Faults{})
	_, _, stopped, hosts := follow(t, server, w)
	arn := w.mustRun(messages.RunTask{Task: "task-1"})
	host := w.until(arn, messages.PhaseRunning).Host
	if err := server.EndTask(arn, localecs.EndOutOfMemory); err != nil {
		t.Fatal(err)
	}
	told := testkit.Receive(t, stopped)
	if told.Task != "task-1" || told.Phase != messages.PhaseStopped || told.Host != host || !strings.Contains(told.Reason, "exited with 137") {
		t.Errorf("%+v", told)
	}
	w.mustRun(messages.RunTask{Task: "task-2"})
	if err := server.LoseInstance(string(host)); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, hosts)
	for {
		told := testkit.Receive(t, stopped)
		if told.Task == "task-2" {
			if !told.HostGone {
				t.Errorf("%+v", told)
			}
			break
		}
	}
	if strings.Contains(w.log.String(), aToken) {
		t.Error("a token is in the log")
	}
}

// Messages that come doubled, out of order, or from elsewhere, tell nothing.
func TestFeedTakesNewsOnly(t *testing.T) {
	server, w := local(t, "sleep 60", localecs.Faults{})
	queue, url, stopped, hosts := follow(t, server, w)
	send := func(format string, args ...any) {
		t.Helper()
		if _, err := queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(fmt.Sprintf(format, args...))}); err != nil {
			t.Fatal(err)
		}
	}
	task := func(id string, version int, status, cluster, startedBy string) {
		t.Helper()
		send(`{"source":"aws.ecs","detail-type":"ECS Task State Change","detail":{"version":%d,"taskArn":"arn:%s","clusterArn":"arn:aws:ecs:r:a:cluster/%s",
			"startedBy":%q,"lastStatus":%q,"createdAt":"2026-01-01T00:00:00Z","overrides":{"containerOverrides":[{"name":"session","environment":[
			{"name":"TASK_ID","value":%q},{"name":"TASK_TOKEN","value":%q}]}]}}}`, version, id, cluster, startedBy, status, id, aToken)
	}
	const ours = "hearth/test"
	send("no JSON at all %s", aToken)
	send(`{"source":"aws.ec2","detail-type":"ECS Task State Change","detail":{}}`)
	send(`{"source":"aws.ecs","detail-type":"ECS Container Instance State Change","detail":{"version":3,"containerInstanceArn":"h","clusterArn":"x/other"}}`)
	task("foreign", 9, "STOPPED", aCluster, "somebody")
	task("elsewhere", 9, "STOPPED", "other", ours)
	task("late", 7, "RUNNING", aCluster, ours)
	task("late", 5, "STOPPED", aCluster, ours)
	task("twice", 4, "STOPPED", aCluster, ours)
	task("twice", 4, "STOPPED", aCluster, ours)
	task("last", 1, "STOPPED", aCluster, ours)
	for _, want := range []string{"twice", "last"} {
		if told := testkit.Receive(t, stopped); string(told.Task) != want {
			t.Errorf("told of %s, want %s", told.Task, want)
		}
	}
	if len(stopped)+len(hosts) > 0 {
		t.Errorf("it tells more: %d tasks, %d times of hosts", len(stopped), len(hosts))
	}
	if strings.Contains(w.log.String(), aToken) {
		t.Error("a token is in the log")
	}
}

// A queue that cannot be read is no reason to stop, and is read again.
func TestFeedOutlivesAQueueThatFails(t *testing.T) {
	server, w := local(t, "exit 3", localecs.Faults{})
	_, _, stopped, _ := follow(t, server, w)
	if err := server.SetFaults(localecs.Faults{API: map[string]localecs.APIFault{"ReceiveMessage": {FailureRate: 1}, "DeleteMessageBatch": {FailureRate: 1}}}); err != nil {
		t.Fatal(err)
	}
	w.mustRun(messages.RunTask{Task: "task-1"})
	deadline := time.Now().Add(patience)
	for !strings.Contains(w.log.String(), "cannot be read") {
		if time.Now().After(deadline) {
			t.Fatal("nothing says so")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := server.SetFaults(localecs.Faults{}); err != nil {
		t.Fatal(err)
	}
	if told := testkit.Receive(t, stopped); told.Task != "task-1" {
		t.Errorf("%+v", told)
	}
}
