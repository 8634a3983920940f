package ecs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// definition is the deployment's task definition as ECS has described it. It does not change.
type definition struct {
	// name is family:revision.
	name string
	task *types.TaskDefinition
	tags []types.Tag
	size taskSize
}

// nameOf is a definition's family:revision.
func nameOf(d *types.TaskDefinition) string {
	return fmt.Sprintf("%s:%d", aws.ToString(d.Family), d.Revision)
}

// describeDefinition asks ECS for the deployment's task definition and keeps it.
func (l *Launcher) describeDefinition(ctx context.Context) (*definition, error) {
	in := &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &l.cfg.TaskDefinition}
	if l.users != nil {
		in.Include = []types.TaskDefinitionField{types.TaskDefinitionFieldTags}
	}
	out, err := l.cfg.Client.DescribeTaskDefinition(ctx, in)
	if err != nil {
		return nil, err
	}
	if out.TaskDefinition == nil {
		return nil, errBadAnswer
	}
	d := &definition{name: nameIn(l.cfg.TaskDefinition), task: out.TaskDefinition, tags: out.Tags, size: sizeOf(out.TaskDefinition)}
	l.definition.Store(d)
	return d, nil
}

// definitionName is the task definition that tasks are started with.
func (l *Launcher) definitionName() string { return l.cfg.TaskDefinition }

// taskSize is what a task reserves of a host, nil as long as that is not known.
func (l *Launcher) taskSize() *taskSize {
	if d := l.definition.Load(); d != nil {
		return &d.size
	}
	return nil
}

// container is the definition's container of that name, nil if it has none.
func (d *definition) container(name string) *types.ContainerDefinition {
	i := slices.IndexFunc(d.task.ContainerDefinitions, func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == name })
	if i < 0 {
		return nil
	}
	return &d.task.ContainerDefinitions[i]
}

// check tells why a gateway's tasks cannot run a definition.
func (d *definition) check(container string, running Running) error {
	ownNetwork := d.task.NetworkMode == types.NetworkModeAwsvpc
	switch {
	case d.task.Status != types.TaskDefinitionStatusActive:
		return unusable("task definition %s is %s; use an active revision", d.name, d.task.Status)
	case d.container(container) == nil:
		return unusable("task definition %s has no container %s", d.name, container)
	case ownNetwork && len(running.Subnets) == 0:
		return unusable("task definition %s has network mode awsvpc, for which ECS_SUBNETS is needed", d.name)
	case !ownNetwork && len(running.Subnets) > 0:
		return unusable("task definition %s has not network mode awsvpc, so ECS takes no ECS_SUBNETS", d.name)
	case running.OnFargate() && len(d.task.Compatibilities) > 0 && !slices.Contains(d.task.Compatibilities, types.CompatibilityFargate):
		return unusable("task definition %s cannot run on Fargate, which needs cpu and memory of the whole task", d.name)
	case running.Exec && aws.ToString(d.task.TaskRoleArn) == "":
		return unusable("task definition %s has no task role, which ECS_EXEC needs", d.name)
	}
	return nil
}

// volume is the file system that a definition's tasks have their workspaces on.
type volume struct {
	// name is the volume's in the definition.
	name   string
	config *types.EFSVolumeConfiguration
}

// workspaces finds the EFS volume that the bridge's container has at the workspace root. The caller has checked d.
func (d *definition) workspaces(cfg Config) (volume, error) {
	var found volume
	for _, m := range d.container(cfg.ContainerName).MountPoints {
		if path.Clean(aws.ToString(m.ContainerPath)) != path.Clean(cfg.WorkspaceRoot) {
			continue
		}
		if aws.ToBool(m.ReadOnly) {
			return found, unusable("task definition %s mounts %s read-only", d.name, cfg.WorkspaceRoot)
		}
		found.name = aws.ToString(m.SourceVolume)
	}
	if found.name == "" {
		return found, unusable("task definition %s mounts nothing at %s in container %s: workspaces would be lost with each task",
			d.name, cfg.WorkspaceRoot, cfg.ContainerName)
	}
	for _, v := range d.task.Volumes {
		if aws.ToString(v.Name) == found.name {
			found.config = v.EfsVolumeConfiguration
		}
	}
	if found.config == nil || aws.ToString(found.config.FileSystemId) == "" {
		return found, unusable("task definition %s: what it mounts at %s, volume %s, is not an EFS file system",
			d.name, cfg.WorkspaceRoot, found.name)
	}
	return found, nil
}

// nameIn is a definition's name without what an ARN has before it.
func nameIn(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// familyOf is the family of a definition named as family, family:revision or ARN.
func familyOf(name string) string {
	family, _, _ := strings.Cut(nameIn(name), ":")
	return family
}
