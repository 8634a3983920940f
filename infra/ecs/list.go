package ecs

import (
	"context"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"hearth/messages"
)

// maxListed bounds a list, and thereby its calls. It is far above what a gateway can serve.
const maxListed = 10_000

// maxPages bounds the pages of an answer: ECS may leave them half empty.
const maxPages = 2 * maxListed / maxDescribed

// List asks for all tasks that were started in this gateway's name and are not meant to be stopped, answered by
// *messages.TasksListed. It takes one call for each 100 tasks to find them and one to describe them, each with a turn and
// a timeout of its own; any one's failure fails the list.
func (l *Launcher) List(to *actor.PID) {
	(&listing{launcher: l, to: to, pages: pages{}}).find(nil)
}

// pages remembers the tokens of an answer that comes in pages. One that comes again would lead round and round.
type pages map[string]bool

// turn takes in a page's token of the next, which is empty after the last.
func (p pages) turn(next *string) error {
	token := aws.ToString(next)
	if p[token] || len(p) > maxPages {
		return errBadAnswer
	}
	if token != "" {
		p[token] = true
	}
	return nil
}

// listing is a list in the making. Its calls are made one after the other.
type listing struct {
	launcher *Launcher
	to       *actor.PID
	pages    pages
	arns     []string // found and not yet described
	tasks    []messages.ListedTask
}

// find asks for the next page of ARNs. startedBy must be the only filter.
func (s *listing) find(page *string) {
	l := s.launcher
	var out *awsecs.ListTasksOutput
	l.submit(l.read, request{
		op: "ListTasks",
		call: func(ctx context.Context) (err error) {
			out, err = l.cfg.Client.ListTasks(ctx, &awsecs.ListTasksInput{
				Cluster: &l.cfg.Cluster, StartedBy: &l.cfg.StartedBy, NextToken: page})
			if err == nil {
				err = s.pages.turn(out.NextToken)
			}
			return err
		},
		answer: func(failure *messages.LaunchError) {
			if failure != nil {
				s.done(failure)
				return
			}
			s.arns = append(s.arns, out.TaskArns...)
			switch {
			case len(s.arns) > maxListed:
				s.done(&messages.LaunchError{Kind: messages.LaunchInvalid, Op: "ListTasks",
					Message: fmt.Sprintf("more than %d tasks are startedBy %s", maxListed, l.cfg.StartedBy)})
			case aws.ToString(out.NextToken) != "":
				s.find(out.NextToken)
			default:
				s.describe()
			}
		},
	})
}

// describe asks who the next tasks are. One that ECS no longer knows is left out.
func (s *listing) describe() {
	if len(s.arns) == 0 {
		s.done(nil)
		return
	}
	l := s.launcher
	batch := s.arns[:min(len(s.arns), maxDescribed)]
	s.arns = s.arns[len(batch):]
	l.submit(l.read, request{
		op: "DescribeTasks",
		call: func(ctx context.Context) error {
			tasks, _, err := l.describeTasks(ctx, batch)
			for _, t := range tasks {
				listed, ours := listedOf(t, l.cfg.ContainerName)
				listed.Revision = l.revisionOf(t.TaskDefinitionArn)
				if ours {
					s.tasks = append(s.tasks, listed)
				} else {
					l.cfg.Log.Warn().Str("arn", listed.ARN).Msg("a task bears the gateway's startedBy and no TASK_ID, or one that is none; left alone")
				}
			}
			return err
		},
		answer: func(failure *messages.LaunchError) {
			if failure != nil {
				s.done(failure)
				return
			}
			s.describe()
		},
	})
}

func (s *listing) done(failure *messages.LaunchError) {
	if failure != nil {
		s.tasks = nil
	}
	s.launcher.cfg.Deliver(s.to, &messages.TasksListed{Tasks: s.tasks, Err: failure})
}
