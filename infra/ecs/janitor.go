package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/time/rate"

	"hearth/infra/efs"
)

const (
	maxDeleted = 10 // revisions of one DeleteTaskDefinitions call
	// youngest is how old an access point is at least that is deleted: a gateway may be about to use one that it has just made.
	youngest = time.Hour
)

// Janitor clears away what the old way leaves: users' task definitions and access points that nobody needs any more. A
// user's access point and latest definition are needed as long as a task uses them, and for UnusedFor after the definition
// was registered; a user who comes later is given new ones, which takes some seconds. What is in workspaces is not touched,
// and neither is anything that another deployment or another program has made.
type Janitor struct {
	Client *awsecs.Client
	Files  *efs.AccessPoints
	// Cluster, TaskDefinition, ContainerName, StartedBy and WorkspaceRoot are those of the gateway's Config.
	Cluster, TaskDefinition, ContainerName, StartedBy, WorkspaceRoot string
	UnusedFor                                                        time.Duration
	// DryRun finds, and does nothing.
	DryRun bool
	// Did is told of each thing that is done, or with DryRun would be: the call, and what it is about.
	Did func(call, what string)

	read, modify *rate.Limiter
}

// survey is what there is.
type survey struct {
	// active and inactive are revisions, as family:revision.
	active, inactive []string
	// used are the revisions that tasks have, and the families of these.
	used, usedFamilies map[string]bool
}

// Clean finds what nobody needs and clears it away. It keeps to AWS's rates, which for 1,000 definitions means a quarter of
// an hour. It ends with the first error; what it has not done the next run does.
func (j *Janitor) Clean(ctx context.Context) error {
	j.read, j.modify = rate.NewLimiter(definitionPerSecond, definitionBurst), rate.NewLimiter(registerPerSecond, registerBurst)
	fileSystem, err := j.fileSystem(ctx)
	if err != nil {
		return err
	}
	there, err := j.survey(ctx)
	if err != nil {
		return err
	}
	unneeded, err := j.unneeded(ctx, there)
	if err != nil {
		return err
	}
	for _, revision := range unneeded {
		if err := j.deregister(ctx, revision); err != nil {
			return err
		}
	}
	for _, revision := range there.inactive {
		if !there.used[revision] {
			unneeded = append(unneeded, revision)
		}
	}
	for batch := range slices.Chunk(unneeded, maxDeleted) {
		if err := j.delete(ctx, batch); err != nil {
			return err
		}
	}
	return j.cleanFiles(ctx, fileSystem, unneeded)
}

// fileSystem is where the users' access points are, which the deployment's own definition says.
func (j *Janitor) fileSystem(ctx context.Context) (string, error) {
	d, err := j.describe(ctx, j.TaskDefinition)
	if err != nil {
		return "", err
	}
	base := &definition{name: nameOf(d), task: d}
	if base.container(j.ContainerName) == nil {
		return "", unusable("task definition %s has no container %s", base.name, j.ContainerName)
	}
	mounted, err := base.workspaces(Config{ContainerName: j.ContainerName, WorkspaceRoot: j.WorkspaceRoot})
	if err != nil {
		return "", err
	}
	return aws.ToString(mounted.config.FileSystemId), nil
}

func (j *Janitor) describe(ctx context.Context, name string) (*types.TaskDefinition, error) {
	if err := j.read.Wait(ctx); err != nil {
		return nil, err
	}
	out, err := j.Client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &name})
	if err != nil {
		return nil, fmt.Errorf("describe task definition %s: %w", name, err)
	}
	if out.TaskDefinition == nil {
		return nil, errBadAnswer
	}
	return out.TaskDefinition, nil
}

// survey looks at all tasks and at all users' definitions. Tasks come last: one that starts meanwhile has a definition that
// is known by then.
func (j *Janitor) survey(ctx context.Context) (*survey, error) {
	s := &survey{used: map[string]bool{}, usedFamilies: map[string]bool{}}
	var err error
	if s.active, err = j.revisions(ctx, types.TaskDefinitionStatusActive); err != nil {
		return nil, err
	}
	if s.inactive, err = j.revisions(ctx, types.TaskDefinitionStatusInactive); err != nil {
		return nil, err
	}
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		if err := j.findUsed(ctx, desired, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// revisions lists the users' definitions of this deployment. ECS's own filter takes whole families only.
func (j *Janitor) revisions(ctx context.Context, status types.TaskDefinitionStatus) (all []string, err error) {
	prefix := FamilyPrefix(j.TaskDefinition, j.Cluster, j.StartedBy)
	list, seen := awsecs.NewListTaskDefinitionsPaginator(j.Client, &awsecs.ListTaskDefinitionsInput{Status: status}), pages{}
	for list.HasMorePages() {
		if err := j.read.Wait(ctx); err != nil {
			return nil, err
		}
		page, err := list.NextPage(ctx)
		if err == nil {
			err = seen.turn(page.NextToken)
		}
		if err != nil {
			return nil, fmt.Errorf("list task definitions: %w", err)
		}
		for _, arn := range page.TaskDefinitionArns {
			if name := nameIn(arn); strings.HasPrefix(name, prefix) {
				all = append(all, name)
			}
		}
	}
	return all, nil
}

// latestOf is the highest revision of each family.
func latestOf(revisions []string) map[string]int {
	latest := map[string]int{}
	for _, name := range revisions {
		family, number, _ := strings.Cut(name, ":")
		if n, err := strconv.Atoi(number); err == nil {
			latest[family] = max(latest[family], n)
		}
	}
	return latest
}

// findUsed adds what tasks of the cluster have that are not over yet.
func (j *Janitor) findUsed(ctx context.Context, desired types.DesiredStatus, s *survey) error {
	list, seen := awsecs.NewListTasksPaginator(j.Client, &awsecs.ListTasksInput{Cluster: &j.Cluster, DesiredStatus: desired}), pages{}
	for list.HasMorePages() {
		if err := j.read.Wait(ctx); err != nil {
			return err
		}
		page, err := list.NextPage(ctx)
		if err == nil {
			err = seen.turn(page.NextToken)
		}
		if err != nil {
			return fmt.Errorf("list tasks: %w", err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := j.Client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: &j.Cluster, Tasks: page.TaskArns})
		if err != nil {
			return fmt.Errorf("describe tasks: %w", err)
		}
		for _, t := range out.Tasks {
			if phaseOf(t) != "stopped" {
				name := nameIn(aws.ToString(t.TaskDefinitionArn))
				s.used[name], s.usedFamilies[familyOf(name)] = true, true
			}
		}
	}
	return nil
}

// unneeded are active revisions without a task: those that a later one has replaced, and the latest ones of users who have
// no task and were not here for long. Only of the latter it has to be asked when they were registered.
func (j *Janitor) unneeded(ctx context.Context, s *survey) (unneeded []string, err error) {
	before, latest := time.Now().Add(-j.UnusedFor), latestOf(s.active)
	for _, name := range s.active {
		family := familyOf(name)
		isLatest := name == family+":"+strconv.Itoa(latest[family])
		if s.used[name] || isLatest && s.usedFamilies[family] {
			continue
		}
		if isLatest {
			d, err := j.describe(ctx, name)
			if err != nil {
				return nil, err
			}
			if aws.ToTime(d.RegisteredAt).After(before) {
				continue
			}
		}
		unneeded = append(unneeded, name)
	}
	return unneeded, nil
}

// act does one thing, at AWS's pace, and says so.
func (j *Janitor) act(ctx context.Context, call, what string, do func() error) error {
	if !j.DryRun {
		if err := j.modify.Wait(ctx); err != nil {
			return err
		}
		if err := do(); err != nil {
			return fmt.Errorf("%s %s: %w", call, what, err)
		}
	}
	j.Did(call, what)
	return nil
}

func (j *Janitor) deregister(ctx context.Context, revision string) error {
	return j.act(ctx, "DeregisterTaskDefinition", revision, func() error {
		_, err := j.Client.DeregisterTaskDefinition(ctx, &awsecs.DeregisterTaskDefinitionInput{TaskDefinition: &revision})
		return err
	})
}

func (j *Janitor) delete(ctx context.Context, revisions []string) error {
	return j.act(ctx, "DeleteTaskDefinitions", strings.Join(revisions, " "), func() error {
		out, err := j.Client.DeleteTaskDefinitions(ctx, &awsecs.DeleteTaskDefinitionsInput{TaskDefinitions: revisions})
		if err != nil {
			return err
		}
		for _, f := range out.Failures {
			err = errors.Join(err, fmt.Errorf("%s: %s %s", aws.ToString(f.Arn), aws.ToString(f.Reason), aws.ToString(f.Detail)))
		}
		return err
	})
}

// cleanFiles deletes the access points of users who have neither an active definition nor a task. It looks again first: a
// user may have come meanwhile. Cleared are the revisions that have gone, or with DryRun would have.
func (j *Janitor) cleanFiles(ctx context.Context, fileSystem string, cleared []string) error {
	points, err := j.Files.List(ctx, fileSystem)
	if err != nil {
		return fmt.Errorf("list access points: %w", err)
	}
	there, err := j.survey(ctx)
	if err != nil {
		return err
	}
	active := latestOf(slices.DeleteFunc(there.active, func(name string) bool { return slices.Contains(cleared, name) }))
	prefix := FamilyPrefix(j.TaskDefinition, j.Cluster, j.StartedBy)
	for _, p := range points {
		family := UserFamily(prefix, p.Workspace)
		if _, defined := active[family]; defined || there.usedFamilies[family] || time.Since(p.Created) < min(youngest, j.UnusedFor) {
			continue
		}
		if err := j.act(ctx, "DeleteAccessPoint", p.ID+" "+p.Path, func() error { return j.Files.Delete(ctx, p.ID) }); err != nil {
			return err
		}
	}
	return nil
}
