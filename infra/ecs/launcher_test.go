package ecs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
)

func runs(context.Context, *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
	return &awsecs.RunTaskOutput{Tasks: []types.Task{{TaskArn: aws.String("arn")}}}, nil
}

// hangs is ECS when it does not answer.
func hangs(ctx context.Context, _ *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A burst of a hundred goes through at once, and forty a second after it; reads have a budget of their own.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var early, all atomic.Int64
		w := launch(t, &fake{
			run: func(ctx context.Context, in *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
				all.Add(1)
				if time.Since(began) == 0 {
					early.Add(1)
				}
				return runs(ctx, in)
			},
			describe: running,
		})
		for range 300 {
			w.Run(asker, messages.RunTask{Task: "a"})
		}
		for range 100 {
			next[*messages.RunDone](w.inbox)
		}
		w.Describe(asker, "a", "arn")
		synctest.Wait()
		if early.Load() != modifyBurst {
			t.Errorf("%d calls at once", early.Load())
		}
		time.Sleep(describeWindow)
		synctest.Wait()
		if len(w.messages) != 3 { // the describe, and two starts that had their turn meanwhile
			t.Errorf("%d answers: reads wait for starts", len(w.messages))
		}
		time.Sleep(5*time.Second - describeWindow)
		synctest.Wait()
		if all.Load() != 300 {
			t.Errorf("%d calls after 5 s", all.Load())
		}
	})
}

// An account that was granted more has as much more of everything: the burst, the rate, and room to wait.
func TestGrantedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The last one's turn comes well before its time is up, which is after 10 s.
		const granted, requests = 400, 4600
		began := time.Now()
		var early atomic.Int64
		w := launch(t, &fake{run: func(ctx context.Context, in *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
			if time.Since(began) == 0 {
				early.Add(1)
			}
			return runs(ctx, in)
		}}, func(c *Config) { c.ModifyRate = granted })
		for range requests {
			w.Run(asker, messages.RunTask{Task: "a"})
		}
		for range requests {
			if done := next[*messages.RunDone](w.inbox); done.Err != nil {
				t.Fatal(done.Err)
			}
		}
		if took := time.Since(began); early.Load() != 1000 || took != 9*time.Second {
			t.Errorf("%d calls at once, %d within %v", early.Load(), requests, took)
		}
	})
}

// However many ask and whatever ECS does, each gets an answer within twice the timeout, and what was not tried says so.
func TestEveryRequestIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{run: hangs})
		began := time.Now()
		const requests = 1000
		for range requests {
			w.Run(asker, messages.RunTask{Task: "a"})
		}
		kinds := map[messages.LaunchErrorKind]int{}
		for range requests {
			done := next[*messages.RunDone](w.inbox)
			kinds[done.Err.Kind]++
			if tried := done.Err.Kind == messages.LaunchTimeout; tried == strings.Contains(done.Err.Message, "not tried") {
				t.Errorf("%s", done.Err)
			}
		}
		if took := time.Since(began); took > 2*defaultTimeout {
			t.Errorf("took %v", took)
		}
		if kinds[messages.LaunchTimeout] < defaultConcurrency || kinds[messages.LaunchUnavailable] < requests-queueLength-2*defaultConcurrency {
			t.Errorf("%v", kinds)
		}
		if counted := len(w.counted()); counted != requests {
			t.Errorf("%d of %d counted", counted, requests)
		}
	})
}

// A turn that would come too late is given up at once, as throttled: the caller may wait and try again.
func TestOwnLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{run: runs}, func(c *Config) { c.Timeout = time.Second })
		for range 150 {
			w.Run(asker, messages.RunTask{Task: "a"})
		}
		throttled := 0
		for range 150 {
			if done := next[*messages.RunDone](w.inbox); done.Err != nil {
				throttled++
				if done.Err.Kind != messages.LaunchThrottled || !done.Err.Shortage() {
					t.Errorf("%s", done.Err)
				}
			}
		}
		if throttled != 10 { // 100 at once, 40 in the second
			t.Errorf("%d were throttled", throttled)
		}
	})
}

func TestRefusedBeforeStartAndAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newInbox(t)
		l, err := New(validConfig(&fake{}, box.deliver))
		if err != nil {
			t.Fatal(err)
		}
		ask := func() {
			t.Helper()
			l.Run(asker, messages.RunTask{Task: "a"})
			l.Stop(asker, "a", "arn", "")
			l.List(asker)
			l.Describe(asker, "a", "arn")
			for _, err := range []*messages.LaunchError{next[*messages.RunDone](box).Err, next[*messages.StopDone](box).Err,
				next[*messages.TasksListed](box).Err, next[*messages.TaskDescribed](box).Err} {
				if err == nil || err.Kind != messages.LaunchUnavailable {
					t.Errorf("%v", err)
				}
			}
		}
		ask()
		l.Start()
		for range 2 { // closing twice is closing once
			if err := l.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		ask()
	})
}

// Close waits for what was asked before it, also for a describe that is still being gathered.
func TestCloseFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := launch(t, &fake{run: runs, describe: running})
		for range 120 {
			w.Run(asker, messages.RunTask{Task: "a"})
		}
		w.Describe(asker, "a", "arn")
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if len(w.messages) != 121 {
			t.Errorf("%d answers", len(w.messages))
		}
		for range len(w.messages) {
			if done, ok := (<-w.messages).(*messages.RunDone); ok && done.Err != nil {
				t.Error(done.Err)
			}
		}
	})
}

// When Close's patience ends, calls are cut short, and still everybody is answered.
func TestCloseCutsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newInbox(t)
		l, err := New(validConfig(&fake{run: hangs}, box.deliver))
		if err != nil {
			t.Fatal(err)
		}
		l.Start()
		for range 200 {
			l.Run(asker, messages.RunTask{Task: "a"})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
		cut := 0
		for range 200 {
			if done := next[*messages.RunDone](box); done.Err.Kind == messages.LaunchTimeout {
				cut++
			} else if done.Err.Kind != messages.LaunchUnavailable {
				t.Errorf("%v", done.Err)
			}
		}
		if cut != defaultConcurrency {
			t.Errorf("%d calls were cut short", cut)
		}
	})
}

func TestStopWithoutARN(t *testing.T) {
	w := launch(t, &fake{})
	w.Stop(asker, "a", "", "")
	if done := next[*messages.StopDone](w.inbox); done.Err == nil || done.Err.Kind != messages.LaunchInvalid {
		t.Errorf("%+v", done)
	}
}

func TestConfig(t *testing.T) {
	good := validConfig(&fake{}, func(*actor.PID, any) {})
	for _, definition := range []string{"session", "session:7", "arn:aws:ecs:us-east-1:000000000000:task-definition/session:7"} {
		cfg := good
		cfg.TaskDefinition = definition
		if _, err := New(cfg); err != nil {
			t.Error(err)
		}
	}
	for wrong, change := range map[string]func(*Config){
		"no client":              func(c *Config) { c.Client = nil },
		"no maker of task":       func(c *Config) { c.TaskToken = nil },
		"no way to deliver":      func(c *Config) { c.Deliver = nil },
		"no cluster":             func(c *Config) { c.Cluster = "" },
		"no container name":      func(c *Config) { c.ContainerName = "" },
		`definition "a session"`: func(c *Config) { c.TaskDefinition = "a session" },
		`startedBy "a.b"`:        func(c *Config) { c.StartedBy = "a.b" },
		"is not a ws:// or wss":  func(c *Config) { c.GatewayWSURL = "http://host" },
		"negative timeout":       func(c *Config) { c.Timeout = -1 },
		"negative concurrency":   func(c *Config) { c.Concurrency = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := New(Config{}); err == nil || strings.Count(err.Error(), "\n") < 7 {
		t.Errorf("not everything that is wrong: %v", err)
	}
}
