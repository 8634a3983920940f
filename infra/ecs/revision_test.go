package ecs

import (
	"crypto/rand"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/localecs"
	"hearth/messages"
	"hearth/messages/wire"
)

// A definition is followed where only its family is named: tasks run the latest active revision that they can run, also when
// it is taken back. One that is named stays.
func TestRevisions(t *testing.T) {
	_, first := local(t, "sleep 60", localecs.Faults{})
	client := first.cfg.Client.(*awsecs.Client)
	register := func(name string) {
		t.Helper()
		if _, err := client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
			Family: aws.String("session"), ContainerDefinitions: []types.ContainerDefinition{{Name: &name, Image: aws.String("local"),
				Memory: aws.Int32(16), Command: []string{"/bin/sleep", "60"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	const arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/session"
	var following []*world
	for _, name := range []string{"session", arn} {
		following = append(following, launch(t, client, func(c *Config) { c.TaskDefinition = name }))
	}
	pinned := launch(t, client, func(c *Config) { c.TaskDefinition = "session:1" })
	// expect looks for a revision everywhere; refused says that the latest is one that tasks cannot run.
	expect := func(want messages.Revision, refused bool) {
		t.Helper()
		for _, w := range following {
			if err := w.LookForRevision(t.Context()); (err != nil) != refused || w.Revision() != want {
				t.Errorf("%s: revision %s, want %s; %v", w.cfg.TaskDefinition, w.Revision(), want, err)
			}
		}
		if err := pinned.LookForRevision(t.Context()); err != nil || pinned.Revision() != "session:1" {
			t.Errorf("revision %s; %v", pinned.Revision(), err)
		}
	}
	expect("session:1", false)
	register(container)
	expect("session:2", false)
	register("other")
	expect("session:2", true)
	for _, w := range append(following, pinned) {
		w.Run(asker, messages.RunTask{Task: wire.TaskID(rand.Text())})
		if done := next[*messages.RunDone](w.inbox); done.Err != nil || done.Revision != w.Revision() {
			t.Errorf("%+v, want revision %s", done, w.Revision())
		}
	}
	for _, revision := range []string{"session:3", "session:2"} {
		if _, err := client.DeregisterTaskDefinition(t.Context(), &awsecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision}); err != nil {
			t.Fatal(err)
		}
	}
	expect("session:1", false)
	pinned.List(asker)
	runs := map[messages.Revision]int{}
	for _, listed := range next[*messages.TasksListed](pinned.inbox).Tasks {
		runs[listed.Revision]++
	}
	if runs["session:1"] != 1 || runs["session:2"] != 2 {
		t.Errorf("%v", runs)
	}
}
