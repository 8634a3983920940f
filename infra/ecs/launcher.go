package ecs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/time/rate"

	"hearth/actors"
	"hearth/messages"
	"hearth/messages/wire"
)

// AWS's limits for an account and Region (see Rates in the package's documentation).
const (
	modifyPerSecond, modifyBurst   = 40, 100
	readPerSecond, readBurst       = 20, 100
	fargatePerSecond, fargateBurst = 20, 20
)

// Launcher carries out the actors' requests on ECS. None of its methods but Close and Check blocks, and all may be called
// from any goroutine. Every request gets exactly one answer, also one that is refused.
type Launcher struct {
	cfg       Config
	modify    *lane // RunTask and StopTask
	read      *lane // DescribeTasks, ListTasks and the sweeps
	describes batcher
	// definition is the deployment's task definition, nil until Check has described it.
	definition atomic.Pointer[definition]
	// users has what the old way needs, nil where all users share one definition.
	users *users

	// ctx ends when Close loses its patience, and with it the calls that are under way.
	ctx    context.Context
	cancel context.CancelFunc
}

var (
	_ actors.Launcher = (*Launcher)(nil)
	_ actors.Fleet    = (*Launcher)(nil)
)

// New makes a launcher. Its error names everything that is wrong with the Config. Until Start it refuses every request.
func New(cfg Config) (*Launcher, error) {
	cfg, err := cfg.prepared()
	if err != nil {
		return nil, err
	}
	l := &Launcher{
		cfg:    cfg,
		modify: modifyLane(cfg),
		read:   newLane(readPerSecond, readBurst),
	}
	l.describes.flush = l.describeBatch
	if cfg.AccessPoints != nil {
		l.users = newUsers(l)
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// modifyLane is that of RunTask and StopTask.
func modifyLane(cfg Config) *lane {
	switch {
	case cfg.ModifyRate > 0:
		return newLane(rate.Limit(cfg.ModifyRate), cfg.ModifyRate*modifyBurst/modifyPerSecond)
	case cfg.Running.OnFargate():
		return newLane(fargatePerSecond, fargateBurst)
	}
	return newLane(modifyPerSecond, modifyBurst)
}

// Start starts the workers. It is called once.
func (l *Launcher) Start() {
	l.modify.start(l.cfg.Concurrency, func(r request) { l.perform(l.modify, r) })
	l.read.start(l.cfg.Concurrency, func(r request) { l.perform(l.read, r) })
	if l.users != nil {
		l.users.start()
	}
}

// Close refuses new requests and waits for those that were taken. When ctx ends first, calls under way are cut short and
// the rest is answered with errors; Close then returns ctx's error. No goroutine of the launcher outlives it.
func (l *Launcher) Close(ctx context.Context) error {
	l.describes.close()
	l.modify.shut()
	l.read.shut()
	if l.users != nil {
		l.users.shut()
	}
	cut := context.AfterFunc(ctx, l.cancel)
	l.modify.workers.Wait()
	l.read.workers.Wait()
	if l.users != nil {
		l.users.wait()
	}
	l.cancel()
	if cut() {
		return nil
	}
	return fmt.Errorf("ecs: calls were cut short: %w", ctx.Err())
}

// Reasons why a request was not even tried.
var (
	errRefused = &known{messages.LaunchUnavailable,
		"not tried: the gateway has as many ECS calls waiting as it allows, or is closing"}
	errTooLate = &known{messages.LaunchUnavailable,
		"not tried: earlier ECS calls took so long that this one could not begin in time"}
	errOwnLimit = &known{messages.LaunchThrottled,
		"not tried: at the account's rate of ECS calls, this one's turn would come too late"}
	errNoARN = &known{messages.LaunchInvalid, "not tried: the task has no ARN"}
)

// submit queues a request for a lane, or answers that it cannot.
func (l *Launcher) submit(to *lane, r request) {
	r.due = time.Now().Add(l.cfg.Timeout)
	if !to.submit(r) {
		l.refuse(r, errRefused)
	}
}

// refuse ends a request that no call was made for.
func (l *Launcher) refuse(r request, why error) { r.answer(l.report(r, 0, why)) }

// perform waits for a request's turn and carries it out.
func (l *Launcher) perform(in *lane, r request) {
	if err := l.turn(in, r.due); err != nil {
		l.refuse(r, err)
		return
	}
	r.answer(l.attempt(l.ctx, r))
}

// turn waits until the lane's rate allows a call.
func (l *Launcher) turn(in *lane, due time.Time) error {
	ctx, cancel := context.WithDeadline(l.ctx, due)
	defer cancel()
	switch err := in.limiter.Wait(ctx); {
	case err == nil:
		return nil
	case l.ctx.Err() != nil:
		return errRefused
	case ctx.Err() != nil:
		return errTooLate
	default: // the limiter knows beforehand
		return errOwnLimit
	}
}

// attempt makes one API call with its retries, and reports it.
func (l *Launcher) attempt(ctx context.Context, r request) *messages.LaunchError {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	began := time.Now()
	err := r.call(ctx)
	return l.report(r, time.Since(began), err)
}

// report brings a call to the metrics and the log, and says what its error means.
func (l *Launcher) report(r request, took time.Duration, err error) *messages.LaunchError {
	if err == nil {
		l.cfg.OnCall(r.op, took, "")
		l.cfg.Log.Debug().Str("op", r.op).Dur("tookMs", took).Msg("ECS call")
		return nil
	}
	failure := subject{r.op, l.cfg.Cluster, l.cfg.TaskDefinition, r.secret}.explain(err)
	l.cfg.OnCall(r.op, took, failure.Kind)
	l.cfg.Log.Warn().Str("op", r.op).Str("kind", string(failure.Kind)).Dur("tookMs", took).
		Str("error", redact(oneLine(err.Error()), r.secret)).Msg("ECS call failed: " + failure.Message)
	return failure
}

// Run starts one task; see actors.Launcher.
func (l *Launcher) Run(to *actor.PID, run messages.RunTask) {
	if l.users != nil {
		l.users.run(to, run)
		return
	}
	l.launch(run, l.definitionName(), func(done *messages.RunDone) { l.cfg.Deliver(to, done) })
}

// launch starts one task of a definition.
func (l *Launcher) launch(run messages.RunTask, definition string, answer func(*messages.RunDone)) {
	token := l.cfg.TaskToken(run.Task)
	in := l.cfg.runInput(run, definition, token)
	done := &messages.RunDone{Task: run.Task}
	l.submit(l.modify, request{
		op:     "RunTask",
		secret: token,
		call:   func(ctx context.Context) error { return l.runTask(ctx, in, done) },
		answer: func(failure *messages.LaunchError) {
			done.Err = failure
			answer(done)
		},
	})
}

// Stop stops one task; see actors.Launcher.
func (l *Launcher) Stop(to *actor.PID, task wire.TaskID, arn, reason string) {
	done := &messages.StopDone{Task: task}
	r := request{
		op: "StopTask",
		call: func(ctx context.Context) error {
			isKnown, err := l.stopTask(ctx, arn, reason)
			done.Missing = err == nil && !isKnown
			return err
		},
		answer: func(failure *messages.LaunchError) {
			done.Err = failure
			l.cfg.Deliver(to, done)
		},
	}
	if arn == "" {
		l.refuse(r, errNoARN)
		return
	}
	l.submit(l.modify, r)
}
