package ecs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/messages"
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

// learnDefinition asks ECS for the deployment's task definition, and keeps it if tasks can run it.
func (l *Launcher) learnDefinition(ctx context.Context) error {
	in := &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &l.cfg.TaskDefinition}
	if l.users != nil {
		in.Include = []types.TaskDefinitionField{types.TaskDefinitionFieldTags}
	}
	out, err := l.cfg.Client.DescribeTaskDefinition(ctx, in)
	if err != nil {
		return err
	}
	if out.TaskDefinition == nil {
		return errBadAnswer
	}
	d := &definition{name: nameIn(l.cfg.TaskDefinition), task: out.TaskDefinition, tags: out.Tags, size: sizeOf(out.TaskDefinition)}
	if !l.pinned() {
		d.name = nameOf(out.TaskDefinition)
	}
	if err := d.check(l.cfg.ContainerName, l.cfg.Running); err != nil {
		return err
	}
	if err := l.checkWorkspaces(d); err != nil {
		return err
	}
	l.definition.Store(d)
	return nil
}

// pinned reports whether the deployment's definition is one revision for ever.
func (l *Launcher) pinned() bool { return strings.Contains(nameIn(l.cfg.TaskDefinition), ":") }

// definitionName is the task definition that tasks are started with: a revision, as soon as that is known. ECS itself would
// take a family for its latest, and so another one from one start to the next.
func (l *Launcher) definitionName() string {
	if d := l.definition.Load(); d != nil && !l.pinned() {
		return d.name
	}
	return l.cfg.TaskDefinition
}

// Revision is what tasks are started with, empty as long as ECS has not told.
func (l *Launcher) Revision() messages.Revision {
	if d := l.definition.Load(); d != nil {
		return messages.Revision(d.name)
	}
	return ""
}

// LookForRevision asks ECS whether a family has another latest revision. One that tasks could not run is an error, and the one
// before stays. For a definition with a revision there is nothing to ask once it is known.
func (l *Launcher) LookForRevision(ctx context.Context) error {
	if l.pinned() && l.definition.Load() != nil {
		return nil
	}
	if failure := l.attempt(ctx, request{op: "DescribeTaskDefinition", call: l.learnDefinition}); failure != nil {
		return failure
	}
	return nil
}

// revisionOf is the revision of a task with that definition. It is not known of users' own definitions, which are copies.
func (l *Launcher) revisionOf(arn *string) messages.Revision {
	name := nameIn(aws.ToString(arn))
	if familyOf(name) != familyOf(l.cfg.TaskDefinition) {
		return ""
	}
	return messages.Revision(name)
}

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

// setting is what a definition's container has in its environment under a name; empty when the definition does not say.
func (d *definition) setting(container, name string) string {
	for _, v := range d.container(container).Environment {
		if aws.ToString(v.Name) == name {
			return aws.ToString(v.Value)
		}
	}
	return ""
}

// workspaces finds the EFS volume that the bridge's container has at the workspace root, which is where its bridge looks. The caller
// has checked d.
func (d *definition) workspaces(cfg Config) (volume, error) {
	if root := d.setting(cfg.ContainerName, "WORKSPACE_ROOT"); root != "" && path.Clean(root) != path.Clean(cfg.WorkspaceRoot) {
		return volume{}, unusable("task definition %s gives container %s the WORKSPACE_ROOT %s, and the gateway's is %s: no workspace would be "+
			"where its bridge looks", d.name, cfg.ContainerName, root, cfg.WorkspaceRoot)
	}
	return d.volumeAt(cfg.ContainerName, cfg.WorkspaceRoot)
}

// volumeAt finds the EFS volume that a container has at a path.
func (d *definition) volumeAt(container, at string) (volume, error) {
	var found volume
	for _, m := range d.container(container).MountPoints {
		if path.Clean(aws.ToString(m.ContainerPath)) != path.Clean(at) {
			continue
		}
		if aws.ToBool(m.ReadOnly) {
			return found, unusable("task definition %s mounts %s read-only", d.name, at)
		}
		found.name = aws.ToString(m.SourceVolume)
	}
	if found.name == "" {
		return found, unusable("task definition %s mounts nothing at %s in container %s: workspaces would be lost with each task",
			d.name, at, container)
	}
	for _, v := range d.task.Volumes {
		if aws.ToString(v.Name) == found.name {
			found.config = v.EfsVolumeConfiguration
		}
	}
	if found.config == nil || aws.ToString(found.config.FileSystemId) == "" {
		return found, unusable("task definition %s: what it mounts at %s, volume %s, is not an EFS file system",
			d.name, at, found.name)
	}
	return found, nil
}

// Between a container's SIGTERM and its SIGKILL the agent has its grace, and the bridge then stopMargin to let its last output
// be taken. defaultStopTimeout is what ECS gives a container that says nothing.
const (
	stopMargin         = 5 * time.Second
	defaultStopTimeout = 30 * time.Second
)

// checkSharedAccessPoint tells why workspaces would not be on the shared access point, or not be safe there. The caller has
// checked d. Whether the access point has a POSIX user, EFS alone knows; a bridge that is to give users a UID says so at its
// start.
func (d *definition) checkSharedAccessPoint(cfg Config) error {
	mounted, err := d.workspaces(cfg)
	if err != nil {
		return err
	}
	authorization := mounted.config.AuthorizationConfig
	if authorization == nil {
		authorization = &types.EFSAuthorizationConfig{}
	}
	root := aws.ToString(mounted.config.RootDirectory)
	wrong := ""
	switch {
	case aws.ToString(authorization.AccessPointId) == "":
		wrong = "without an access point, so not through " + cfg.SharedAccessPoint
	case *authorization.AccessPointId != cfg.SharedAccessPoint:
		wrong = "through " + *authorization.AccessPointId + ", not " + cfg.SharedAccessPoint
	case root != "" && root != "/":
		wrong = "with a root directory, which an access point has itself"
	case mounted.config.TransitEncryption != types.EFSTransitEncryptionEnabled:
		wrong = "without transit encryption"
	case authorization.Iam != types.EFSAuthorizationConfigIAMEnabled:
		wrong = "without IAM authorization"
	}
	if wrong != "" {
		return unusable("task definition %s mounts volume %s at %s %s", d.name, mounted.name, cfg.WorkspaceRoot, wrong)
	}
	return d.checkStopTimeout(cfg)
}

// checkStopTimeout looks whether the container is killed before its agent's grace is over: the gateway's, which it tells the bridge,
// or the bridge's own.
func (d *definition) checkStopTimeout(cfg Config) error {
	c := d.container(cfg.ContainerName)
	grace, timeout := cfg.StopGrace, defaultStopTimeout
	if own, err := time.ParseDuration(d.setting(cfg.ContainerName, "STOP_GRACE")); err == nil {
		grace = max(grace, own)
	}
	if c.StopTimeout != nil {
		timeout = time.Duration(*c.StopTimeout) * time.Second
	}
	if timeout < grace+stopMargin {
		return unusable("task definition %s: container %s has a stopTimeout of %v; STOP_GRACE (%v) needs 5 s more than itself",
			d.name, cfg.ContainerName, timeout, grace)
	}
	return nil
}

// nameIn is a definition's name without what an ARN has before it.
func nameIn(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// familyOf is the family of a definition named as family, family:revision or ARN.
func familyOf(name string) string {
	family, _, _ := strings.Cut(nameIn(name), ":")
	return family
}
