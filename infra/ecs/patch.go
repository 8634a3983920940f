package ecs

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/efs"
	"hearth/messages/wire"
)

// baseLabel is the docker label of the bridge's container in a user's definition. It says of which revision of the
// deployment's definition that is a copy.
const baseLabel = "hearth.base"

// maxFamily is the longest name of a family that ECS takes.
const maxFamily = 255

// digits is so many hexadecimal digits of a hash.
func digits(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:n]
}

// FamilyPrefix is what the families of all users' definitions of a deployment begin with. It differs for each cluster and
// startedBy, so that no deployment's janitor takes another's.
func FamilyPrefix(base, cluster, startedBy string) string {
	rest := "-" + digits(8, cluster[strings.LastIndex(cluster, "/")+1:], startedBy) + "-"
	family := familyOf(base)
	return family[:min(len(family), maxFamily-len(rest)-userDigits)] + rest
}

// userDigits is enough of a hash for no two users to share a family.
const userDigits = 32

// UserFamily is the family of one user's definitions, below a prefix, by the name of the user's workspace.
func UserFamily(prefix, workspace string) string { return prefix + digits(userDigits, workspace) }

// again is the call that registers a described definition once more. What a description has beside, and what no
// registration takes, is ECS's: the ARN, revision, status, times, who registered it, required attributes, compatibilities.
func again(d *types.TaskDefinition) *awsecs.RegisterTaskDefinitionInput {
	return &awsecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: d.ContainerDefinitions, Cpu: d.Cpu, Memory: d.Memory,
		EnableFaultInjection: d.EnableFaultInjection, EphemeralStorage: d.EphemeralStorage,
		ExecutionRoleArn: d.ExecutionRoleArn, TaskRoleArn: d.TaskRoleArn,
		//lint:ignore SA1019 ECS takes none any more, and says so itself about a definition that has some
		InferenceAccelerators: d.InferenceAccelerators,
		IpcMode:               d.IpcMode, PidMode: d.PidMode, NetworkMode: d.NetworkMode, PlacementConstraints: d.PlacementConstraints,
		ProxyConfiguration: d.ProxyConfiguration, RequiresCompatibilities: d.RequiresCompatibilities,
		RuntimePlatform: d.RuntimePlatform, Volumes: d.Volumes,
	}
}

// forUser is the call that registers a copy of the base for one user. It mounts the user's own access point, and nothing
// else of the file system, where that user's workspace is: the path is the same as with a shared access point.
func (d *definition) forUser(cfg Config, mounted volume, family, accessPoint string, user wire.UserID) *awsecs.RegisterTaskDefinitionInput {
	in := again(d.task)
	in.Family = &family
	for _, t := range d.tags {
		if !strings.HasPrefix(strings.ToLower(aws.ToString(t.Key)), "aws:") { // AWS's own, which nobody may set
			in.Tags = append(in.Tags, t)
		}
	}
	own := *mounted.config
	own.RootDirectory = nil // the access point has one
	own.TransitEncryption = types.EFSTransitEncryptionEnabled
	authorization := types.EFSAuthorizationConfig{}
	if own.AuthorizationConfig != nil {
		authorization = *own.AuthorizationConfig
	}
	authorization.AccessPointId = &accessPoint
	own.AuthorizationConfig = &authorization
	in.Volumes = slices.Clone(in.Volumes)
	for i := range in.Volumes {
		if aws.ToString(in.Volumes[i].Name) == mounted.name {
			in.Volumes[i].EfsVolumeConfiguration = &own
		}
	}
	in.ContainerDefinitions = slices.Clone(in.ContainerDefinitions)
	for i := range in.ContainerDefinitions {
		c := &in.ContainerDefinitions[i]
		c.MountPoints = slices.Clone(c.MountPoints)
		for j := range c.MountPoints {
			m := &c.MountPoints[j]
			if aws.ToString(m.SourceVolume) == mounted.name && path.Clean(aws.ToString(m.ContainerPath)) == path.Clean(cfg.WorkspaceRoot) {
				m.ContainerPath = aws.String(workspaceOf(cfg, user))
			}
		}
		if aws.ToString(c.Name) == cfg.ContainerName {
			c.DockerLabels = maps.Clone(c.DockerLabels)
			if c.DockerLabels == nil {
				c.DockerLabels = map[string]string{}
			}
			c.DockerLabels[baseLabel] = d.name
		}
	}
	return in
}

func workspaceOf(cfg Config, user wire.UserID) string {
	return path.Join(cfg.WorkspaceRoot, wire.WorkspaceName(user))
}

// isCopy reports whether a registered definition is what forUser would register now.
func (d *definition) isCopy(of *types.TaskDefinition, cfg Config, accessPoint string, user wire.UserID) bool {
	registered := &definition{name: nameOf(of), task: of}
	if registered.check(cfg.ContainerName, cfg.Running) != nil || registered.container(cfg.ContainerName).DockerLabels[baseLabel] != d.name {
		return false
	}
	mounted, err := registered.volumeAt(cfg.ContainerName, workspaceOf(cfg, user))
	return err == nil && mounted.config.AuthorizationConfig != nil &&
		aws.ToString(mounted.config.AuthorizationConfig.AccessPointId) == accessPoint
}

// owner is whose a user's directory is to be that is not there yet: the bridge's. A container without a user runs as root.
func (d *definition) owner(container string) (efs.Owner, error) {
	user := aws.ToString(d.container(container).User)
	if user == "" || user == "root" {
		return efs.Owner{}, nil
	}
	name, group, grouped := strings.Cut(user, ":")
	uid, err := strconv.ParseUint(name, 10, 32)
	gid := uid
	if err == nil && grouped {
		gid, err = strconv.ParseUint(group, 10, 32)
	}
	if err != nil {
		return efs.Owner{}, unusable("task definition %s: container %s runs as %q; give its user by number, "+
			"so that users' directories can be made for it", d.name, container, user)
	}
	return efs.Owner{UID: int64(uid), GID: int64(gid)}, nil
}
