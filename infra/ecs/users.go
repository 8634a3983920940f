package ecs

import (
	"context"
	"errors"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/efs"
	"hearth/messages"
	"hearth/messages/wire"
)

// AccessPoints are the users' own. Package efs has them.
type AccessPoints interface {
	// Ensure gives the id of a user's access point, which is then available.
	Ensure(ctx context.Context, fileSystem string, user wire.UserID, owner efs.Owner) (string, error)
	// Forget makes the next Ensure for a user look again.
	Forget(fileSystem string, user wire.UserID)
	// Check tries whether access points of the file system may be looked at.
	Check(ctx context.Context, fileSystem string) error
}

// The rates of what only the old way calls. EFS tells none.
const (
	registerPerSecond, registerBurst     = 1, 20
	definitionPerSecond, definitionBurst = 20, 50
	filePerSecond, fileBurst             = 10, 20
)

// maxUsers bounds what is remembered of users. When it is full it is emptied, and fills again.
const maxUsers = 1 << 15

// users starts tasks the old way: each user has an access point and a task definition that mounts it, a copy of the
// deployment's. A definition is registered once for each user and revision of the deployment's: it is looked for here,
// then in ECS, and only then registered.
type users struct {
	l                           *Launcher
	files, definition, register *lane

	mu sync.Mutex
	// known are the users whose definition stands.
	known map[wire.UserID]copied
	// preparing are the starts that wait for their user's definition; the first of them sees to it.
	preparing map[wire.UserID][]*start
}

// copied is a user's definition.
type copied struct {
	base, name, arn, fileSystem string
}

// start is a task that is to be started for its user.
type start struct {
	run  messages.RunTask
	done func(*messages.RunDone)
	// fresh says that the definition was not taken from memory, so that looking again would be no use.
	fresh bool
}

func newUsers(l *Launcher) *users {
	return &users{
		l: l, files: newLane(filePerSecond, fileBurst), definition: newLane(definitionPerSecond, definitionBurst),
		register: newLane(registerPerSecond, registerBurst),
		known:    map[wire.UserID]copied{}, preparing: map[wire.UserID][]*start{},
	}
}

func (u *users) lanes() []*lane { return []*lane{u.files, u.definition, u.register} }

func (u *users) start() {
	for _, each := range u.lanes() {
		each.start(u.l.cfg.Concurrency, func(r request) { u.l.perform(each, r) })
	}
}

func (u *users) shut() {
	for _, each := range u.lanes() {
		each.shut()
	}
}

func (u *users) wait() {
	for _, each := range u.lanes() {
		each.workers.Wait()
	}
}

var errNoUser = &known{messages.LaunchInvalid, "not tried: a task without a user has no access point to mount"}

// run starts one task; see actors.Launcher.
func (u *users) run(to *actor.PID, run messages.RunTask) {
	s := &start{run: run, done: func(done *messages.RunDone) { u.l.cfg.Deliver(to, done) }}
	if !run.Dedicated() {
		u.l.refuse(request{op: "RunTask", answer: func(failure *messages.LaunchError) { s.fail(failure) }}, errNoUser)
		return
	}
	u.begin(s)
}

func (s *start) fail(failure *messages.LaunchError) {
	s.done(&messages.RunDone{Task: s.run.Task, Err: failure})
}

// begin starts a task whose user's definition is known, and has it prepared otherwise, once for all who wait for it.
func (u *users) begin(s *start) {
	base := u.l.definition.Load()
	u.mu.Lock()
	c, ok := u.known[s.run.User]
	if ok && base != nil && c.base == base.name {
		u.mu.Unlock()
		u.launch(s, c)
		return
	}
	s.fresh = true
	waiting := append(u.preparing[s.run.User], s)
	u.preparing[s.run.User] = waiting
	u.mu.Unlock()
	if len(waiting) == 1 {
		p := &preparation{users: u, user: s.run.User, base: base}
		p.describeBase()
	}
}

// launch starts the task. A definition from memory that ECS does not take any more, since a janitor or an operator was
// there, is looked for once more.
func (u *users) launch(s *start, c copied) {
	u.l.launch(s.run, c.name, func(done *messages.RunDone) {
		if done.Err != nil && done.Err.Kind == messages.LaunchInvalid && !s.fresh {
			u.forget(c.arn)
			u.begin(s)
			return
		}
		done.Revision = messages.Revision(c.base)
		s.done(done)
	})
}

// forget drops what is known of the user whose definition that is: tasks of it do not start.
func (u *users) forget(arn string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for user, c := range u.known {
		if c.arn == arn {
			delete(u.known, user)
			u.l.cfg.AccessPoints.Forget(c.fileSystem, user)
		}
	}
}

// prepared ends a user's preparation: all who waited for it are started, or fail with it.
func (u *users) prepared(user wire.UserID, c copied, failure *messages.LaunchError) {
	u.mu.Lock()
	waiting := u.preparing[user]
	delete(u.preparing, user)
	if failure == nil {
		if len(u.known) >= maxUsers {
			clear(u.known)
		}
		u.known[user] = c
	}
	u.mu.Unlock()
	for _, s := range waiting {
		if failure != nil {
			s.fail(failure)
		} else {
			u.launch(s, c)
		}
	}
}

// check is Check's probe of the file system.
func (u *users) check(ctx context.Context) error {
	base := u.l.definition.Load()
	if base == nil {
		return nil // told already
	}
	mounted, err := base.workspaces(u.l.cfg)
	if err != nil {
		return err
	}
	if _, err := base.owner(u.l.cfg.ContainerName); err != nil {
		return err
	}
	return u.l.cfg.AccessPoints.Check(ctx, aws.ToString(mounted.config.FileSystemId))
}

// preparation sees to a user's access point and definition, call by call. Each has a turn and a timeout of its own, and
// all are safe to repeat.
type preparation struct {
	*users
	user        wire.UserID
	base        *definition
	mounted     volume
	accessPoint string
}

// step makes one call, and goes on if it went well.
func (p *preparation) step(in *lane, op string, call func(context.Context) error, then func()) {
	p.l.submit(in, request{op: op, call: call, answer: func(failure *messages.LaunchError) {
		if failure != nil {
			p.prepared(p.user, copied{}, failure)
			return
		}
		then()
	}})
}

// describeBase learns the deployment's definition, if the start-up check could not.
func (p *preparation) describeBase() {
	if p.base != nil {
		p.ensureAccessPoint()
		return
	}
	p.step(p.definition, "DescribeTaskDefinition", p.l.learnDefinition, func() {
		p.base = p.l.definition.Load()
		p.ensureAccessPoint()
	})
}

func (p *preparation) ensureAccessPoint() {
	p.step(p.files, "CreateAccessPoint", func(ctx context.Context) (err error) {
		if p.mounted, err = p.base.workspaces(p.l.cfg); err != nil {
			return err
		}
		owner, err := p.base.owner(p.l.cfg.ContainerName)
		if err != nil {
			return err
		}
		p.accessPoint, err = p.l.cfg.AccessPoints.Ensure(ctx, aws.ToString(p.mounted.config.FileSystemId), p.user, owner)
		return err
	}, p.findDefinition)
}

func (p *preparation) family() string {
	prefix := FamilyPrefix(p.l.cfg.TaskDefinition, p.l.cfg.Cluster, p.l.cfg.StartedBy)
	return UserFamily(prefix, wire.WorkspaceName(p.user))
}

// findDefinition looks whether an earlier gateway has registered what is needed. A family that is not there yet is an
// error of ECS's, and none here.
func (p *preparation) findDefinition() {
	family := p.family()
	var there *types.TaskDefinition
	p.step(p.definition, "DescribeTaskDefinition", func(ctx context.Context) error {
		out, err := p.l.cfg.Client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
		if _, unknown := errors.AsType[*types.ClientException](err); unknown {
			return nil
		}
		if err == nil {
			there = out.TaskDefinition
		}
		return err
	}, func() {
		if there != nil && p.base.isCopy(there, p.l.cfg, p.accessPoint, p.user) {
			p.finish(there)
			return
		}
		p.registerDefinition(family)
	})
}

func (p *preparation) registerDefinition(family string) {
	var registered *types.TaskDefinition
	p.step(p.register, "RegisterTaskDefinition", func(ctx context.Context) error {
		out, err := p.l.cfg.Client.RegisterTaskDefinition(ctx,
			p.base.forUser(p.l.cfg, p.mounted, family, p.accessPoint, p.user))
		if err != nil {
			return err
		}
		if registered = out.TaskDefinition; registered == nil {
			return errBadAnswer
		}
		return nil
	}, func() { p.finish(registered) })
}

func (p *preparation) finish(d *types.TaskDefinition) {
	p.prepared(p.user, copied{
		base: p.base.name, name: nameOf(d), arn: aws.ToString(d.TaskDefinitionArn),
		fileSystem: aws.ToString(p.mounted.config.FileSystemId),
	}, nil)
}
