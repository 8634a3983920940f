package ecs

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	awsefs "github.com/aws/aws-sdk-go-v2/service/efs"

	"hearth/infra/efs"
	"hearth/infra/localecs"
	"hearth/messages"
	"hearth/messages/wire"
)

const (
	aRoot       = "/data/spaces"
	aFileSystem = "fs-0abcdef0123456789"
	aDirectory  = "/people/test"
)

// oldWay is a launcher of the old way on the local endpoint, with what it made.
type oldWay struct {
	*world
	t       *testing.T
	server  *localecs.Server
	clients *Clients
	base    string
}

// baseDefinition is an operator's, with more in it than a gateway knows of.
func baseDefinition() *awsecs.RegisterTaskDefinitionInput {
	return &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("session"), TaskRoleArn: aws.String("arn:aws:iam::000000000000:role/session"),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shell")}},
		Volumes: []types.Volume{
			{Name: aws.String("scratch")},
			{Name: aws.String("spaces"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
				FileSystemId: aws.String(aFileSystem), RootDirectory: aws.String("/people/test"),
				AuthorizationConfig: &types.EFSAuthorizationConfig{Iam: types.EFSAuthorizationConfigIAMEnabled}}},
		},
		ContainerDefinitions: []types.ContainerDefinition{
			{Name: aws.String("log"), Image: aws.String("log"), Memory: aws.Int32(8), Essential: aws.Bool(false),
				Command: []string{"/bin/sleep", "60"}},
			{Name: aws.String(container), Image: aws.String("local"), Memory: aws.Int32(16), Essential: aws.Bool(true),
				User: aws.String("1000:1001"), DockerLabels: map[string]string{"owner": "us"}, Command: []string{"/bin/sleep", "60"},
				MountPoints: []types.MountPoint{
					{SourceVolume: aws.String("scratch"), ContainerPath: aws.String("/scratch")},
					{SourceVolume: aws.String("spaces"), ContainerPath: aws.String(aRoot)}}},
		},
	}
}

func startOldWay(t *testing.T) *oldWay {
	t.Helper()
	server, err := localecs.Start(localecs.Config{Cluster: aCluster, AccessKeyID: testKeys.AccessKeyID, SecretAccessKey: testKeys.SecretAccessKey, StopTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	o := &oldWay{t: t, server: server, clients: LocalClients(server.URL(), "us-east-1", testKeys)}
	o.clients.ECS = impatient(server.URL())
	o.register()
	o.gateway()
	return o
}

// register registers a revision of the deployment's definition.
func (o *oldWay) register() {
	o.t.Helper()
	out, err := o.clients.ECS.RegisterTaskDefinition(o.t.Context(), baseDefinition())
	if err != nil {
		o.t.Fatal(err)
	}
	o.base = nameOf(out.TaskDefinition)
}

func (o *oldWay) files() *efs.AccessPoints {
	return efs.New(efs.Config{Client: o.clients.EFS, Root: aDirectory, Deployment: "hearth/test"})
}

// gateway starts a launcher, as a gateway does that knows nothing yet.
func (o *oldWay) gateway() {
	o.t.Helper()
	o.world = launch(o.t, o.clients.ECS, func(c *Config) {
		c.TaskDefinition, c.WorkspaceRoot, c.AccessPoints = o.base, aRoot, o.files()
	})
	if problems, _ := o.Check(o.t.Context()); problems != nil {
		o.t.Fatal(problems)
	}
}

// start starts a task for a user and gives its definition.
func (o *oldWay) start(task wire.TaskID, user wire.UserID) *types.TaskDefinition {
	o.t.Helper()
	arn := o.mustRun(messages.RunTask{Task: task, Session: "s-" + wire.SessionID(task), User: user})
	out, err := o.clients.ECS.DescribeTasks(o.t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String(aCluster), Tasks: []string{arn}})
	if err != nil || len(out.Tasks) != 1 {
		o.t.Fatal(out, err)
	}
	d, err := o.clients.ECS.DescribeTaskDefinition(o.t.Context(), &awsecs.DescribeTaskDefinitionInput{
		TaskDefinition: out.Tasks[0].TaskDefinitionArn, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
	if err != nil {
		o.t.Fatal(err)
	}
	if len(d.Tags) != 1 || aws.ToString(d.Tags[0].Key) != "team" {
		o.t.Errorf("tags %v", d.Tags)
	}
	return d.TaskDefinition
}

// end stops all tasks and waits until they are over.
func (o *oldWay) end() {
	o.t.Helper()
	o.List(asker)
	for _, task := range next[*messages.TasksListed](o.inbox).Tasks {
		o.Stop(asker, task.Task, task.ARN, "")
		if done := next[*messages.StopDone](o.inbox); done.Err != nil {
			o.t.Fatal(done.Err)
		}
		o.until(task.ARN, messages.PhaseStopped)
	}
}

// points are the directories of all access points, in order.
func (o *oldWay) points() (paths []string) {
	o.t.Helper()
	out, err := o.clients.EFS.DescribeAccessPoints(o.t.Context(), &awsefs.DescribeAccessPointsInput{FileSystemId: aws.String(aFileSystem)})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, p := range out.AccessPoints {
		paths = append(paths, aws.ToString(p.RootDirectory.Path))
	}
	slices.Sort(paths)
	return paths
}

// registrations counts calls of an operation that went well.
func (o *oldWay) registrations(op string) (n int) {
	for _, c := range o.counted() {
		if c == (call{op, ""}) {
			n++
		}
	}
	return n
}

// A user's tasks run a copy of the deployment's definition that differs in what it mounts and in nothing else.
func TestUserHasAnAccessPointOfTheirOwn(t *testing.T) {
	o := startOldWay(t)
	d := o.start("task-1", "ann@example.com")
	want := baseDefinition()
	bridge := &want.ContainerDefinitions[1]
	workspace := wire.WorkspaceName("ann@example.com")
	bridge.MountPoints[1].ContainerPath = aws.String(aRoot + "/" + workspace)
	bridge.DockerLabels["hearth.base"] = o.base
	volume := want.Volumes[1].EfsVolumeConfiguration
	volume.RootDirectory, volume.TransitEncryption = nil, types.EFSTransitEncryptionEnabled
	volume.AuthorizationConfig.AccessPointId = d.Volumes[1].EfsVolumeConfiguration.AuthorizationConfig.AccessPointId
	for i, c := range d.ContainerDefinitions {
		w := want.ContainerDefinitions[i]
		if !reflect.DeepEqual(c.MountPoints, append([]types.MountPoint{}, w.MountPoints...)) || !reflect.DeepEqual(c.DockerLabels, w.DockerLabels) ||
			!reflect.DeepEqual(c.Command, w.Command) || aws.ToString(c.User) != aws.ToString(w.User) {
			t.Errorf("container %d: %+v, want %+v", i, c, w)
		}
	}
	if !reflect.DeepEqual(d.Volumes, want.Volumes) || aws.ToString(d.TaskRoleArn) != aws.ToString(want.TaskRoleArn) {
		t.Errorf("volumes %+v", d.Volumes)
	}
	out, err := o.clients.EFS.DescribeAccessPoints(t.Context(), &awsefs.DescribeAccessPointsInput{
		AccessPointId: volume.AuthorizationConfig.AccessPointId})
	if err != nil {
		t.Fatal(err)
	}
	p := out.AccessPoints[0]
	if made := p.RootDirectory.CreationInfo; aws.ToString(p.RootDirectory.Path) != aDirectory+"/"+workspace || p.PosixUser != nil ||
		aws.ToInt64(made.OwnerUid) != 1000 || aws.ToInt64(made.OwnerGid) != 1001 || aws.ToString(made.Permissions) != "0700" {
		t.Errorf("access point %+v", p)
	}
}

// Whatever a user does, and whichever gateway they come to: as long as the deployment's definition stays, one access point
// is made for them and one definition registered. Two of them never share anything.
func TestReturningUser(t *testing.T) {
	o := startOldWay(t)
	first := nameOf(o.start("task-1", "ann"))
	if again := nameOf(o.start("task-2", "ann")); again != first || o.registrations("RegisterTaskDefinition") != 1 {
		t.Errorf("%s, then %s", first, again)
	}
	if bob := nameOf(o.start("task-3", "bob")); familyOf(bob) == familyOf(first) {
		t.Errorf("ann and bob both have %s", bob)
	}
	o.gateway()
	if again := nameOf(o.start("task-4", "ann")); again != first || o.registrations("RegisterTaskDefinition") != 0 {
		t.Errorf("%s, at another gateway %s", first, again)
	}
	o.register()
	o.gateway()
	if revised := nameOf(o.start("task-5", "ann")); revised != familyOf(first)+":2" {
		t.Errorf("%s, with another revision of the deployment's %s", first, revised)
	}
	if got := o.points(); !slices.Equal(got, []string{aDirectory + "/ann", aDirectory + "/bob"}) {
		t.Errorf("access points of %v", got)
	}
}

// Sessions of one user that begin together share one preparation.
func TestSessionsOfAUserThatBeginTogether(t *testing.T) {
	o := startOldWay(t)
	const sessions = 8
	for i := range sessions {
		id := "task-" + string(rune('a'+i))
		o.Run(asker, messages.RunTask{Task: wire.TaskID(id), Session: wire.SessionID(id), User: "ann"})
	}
	for range sessions {
		if done := next[*messages.RunDone](o.inbox); done.Err != nil {
			t.Error(done.Err)
		}
	}
	if made, registered := o.registrations("CreateAccessPoint"), o.registrations("RegisterTaskDefinition"); made != 1 || registered != 1 {
		t.Errorf("%d access points made, %d definitions registered", made, registered)
	}
}

// The file system's limit is told as what it is, to one user; those who have an access point are served.
func TestAccessPointLimit(t *testing.T) {
	o := startOldWay(t)
	if err := o.server.SetFaults(localecs.Faults{Files: localecs.FileFault{AccessPointLimit: 1}}); err != nil {
		t.Fatal(err)
	}
	o.start("task-1", "ann")
	o.Run(asker, messages.RunTask{Task: "task-2", Session: "s-2", User: "bob"})
	failure := next[*messages.RunDone](o.inbox).Err
	if failure == nil || failure.Kind != messages.LaunchInvalid || failure.Op != "CreateAccessPoint" ||
		!strings.Contains(failure.Message, "AccessPointLimitExceeded") || !strings.Contains(failure.Message, "gateway janitor") {
		t.Errorf("%+v", failure)
	}
	o.start("task-3", "ann")
	o.Run(asker, messages.RunTask{Task: "task-4", Session: "s-4", User: wire.UserID(strings.Repeat("b", 100))})
	if failure := next[*messages.RunDone](o.inbox).Err; failure == nil || !strings.Contains(failure.Message, "at most 100 characters") {
		t.Errorf("%+v", failure)
	}
	o.Run(asker, messages.RunTask{Task: "task-5"})
	if failure := next[*messages.RunDone](o.inbox).Err; failure == nil || failure.Kind != messages.LaunchInvalid {
		t.Errorf("a task without a user: %+v", failure)
	}
}

// Definitions that cannot be changed to a user's own are refused at the start, with the reason.
func TestUnsuitableDefinitionOfTheOldWay(t *testing.T) {
	o := startOldWay(t)
	for name, test := range map[string]struct {
		change func(*awsecs.RegisterTaskDefinitionInput)
		says   string
	}{
		"nothing mounted": {func(in *awsecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[1].MountPoints = nil }, "mounts nothing at " + aRoot},
		"no file system": {func(in *awsecs.RegisterTaskDefinitionInput) { in.Volumes[1].EfsVolumeConfiguration = nil },
			"volume spaces, is not an EFS file system"},
		"read-only": {func(in *awsecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[1].MountPoints[1].ReadOnly = aws.Bool(true)
		}, "read-only"},
		"a named user": {func(in *awsecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[1].User = aws.String("app") }, `runs as "app"`},
	} {
		in := baseDefinition()
		test.change(in)
		out, err := o.clients.ECS.RegisterTaskDefinition(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		w := launch(t, o.clients.ECS, func(c *Config) {
			c.TaskDefinition, c.WorkspaceRoot, c.AccessPoints = nameOf(out.TaskDefinition), aRoot, o.files()
		})
		if problems, _ := w.Check(t.Context()); len(problems) != 1 || !strings.Contains(problems[0], test.says) {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

// No member that can be registered is lost on the way from a description.
func TestEveryMemberIsRegisteredAgain(t *testing.T) {
	var described types.TaskDefinition
	from := reflect.ValueOf(&described).Elem()
	for i := range from.NumField() {
		switch f := from.Field(i); f.Kind() {
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.String:
			f.SetString("x")
		}
	}
	to := reflect.ValueOf(again(&described)).Elem()
	for i := range to.NumField() {
		field := to.Type().Field(i)
		if field.PkgPath == "" && field.Name != "Tags" && to.Field(i).IsZero() {
			t.Errorf("%s is lost", field.Name)
		}
	}
}

// clean runs the janitor and gives what it did.
func (o *oldWay) clean(unusedFor time.Duration, dryRun bool) (did []string) {
	o.t.Helper()
	j := &Janitor{Client: o.clients.ECS, Files: o.files(), Cluster: aCluster, TaskDefinition: o.base, ContainerName: container,
		StartedBy: "hearth/test", WorkspaceRoot: aRoot, UnusedFor: unusedFor, DryRun: dryRun,
		Did: func(call, _ string) { did = append(did, call) }}
	if err := j.Clean(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	return did
}

// The janitor takes what nobody needs, leaves what a task uses, a dry run does nothing, and whoever comes afterwards is
// given new ones, also at a gateway that remembers the old.
func TestJanitor(t *testing.T) {
	o := startOldWay(t)
	first := nameOf(o.start("task-1", "ann"))
	o.end()
	o.start("task-2", "bob")
	foreign, err := o.clients.EFS.CreateAccessPoint(t.Context(), &awsefs.CreateAccessPointInput{
		ClientToken: aws.String("other"), FileSystemId: aws.String(aFileSystem)})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"DeregisterTaskDefinition", "DeleteTaskDefinitions", "DeleteAccessPoint"}
	if did := o.clean(time.Hour, false); did != nil {
		t.Errorf("ann was here a moment ago: %v", did)
	}
	if did := o.clean(0, true); !slices.Equal(did, all) || len(o.points()) != 3 {
		t.Errorf("dry run: %v, access points of %v", did, o.points())
	}
	if did := o.clean(0, false); !slices.Equal(did, all) {
		t.Errorf("did %v", did)
	}
	if got := o.points(); !slices.Equal(got, []string{"/", aDirectory + "/bob"}) {
		t.Errorf("access points of %v; %s is another's", got, *foreign.AccessPointId)
	}
	if did := o.clean(0, false); did != nil {
		t.Errorf("a second time: %v", did)
	}
	if again := nameOf(o.start("task-3", "ann")); again != familyOf(first)+":2" {
		t.Errorf("ann's definition was %s and is %s", first, again)
	}
	if got := o.points(); !slices.Equal(got, []string{"/", aDirectory + "/ann", aDirectory + "/bob"}) {
		t.Errorf("access points of %v", got)
	}
}

// Revisions that a later one has replaced go at once, whoever was here.
func TestJanitorTakesReplacedRevisions(t *testing.T) {
	o := startOldWay(t)
	o.start("task-1", "ann")
	o.end()
	o.register()
	o.gateway()
	o.start("task-2", "ann")
	if did := o.clean(time.Hour, false); !slices.Equal(did, []string{"DeregisterTaskDefinition", "DeleteTaskDefinitions"}) || len(o.points()) != 1 {
		t.Errorf("did %v, access points of %v", did, o.points())
	}
}
