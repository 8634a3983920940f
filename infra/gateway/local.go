package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/rs/zerolog"

	"hearth/infra/ecs"
	"hearth/infra/localecs"
)

// The embedded backend's names.
const (
	localRegion    = "us-east-1"
	localCluster   = "hearth"
	localFamily    = "agent"
	localContainer = "bridge"
	// The file system that users' own access points are on. The endpoint mounts nothing: workspaces are directories.
	localVolume     = "workspaces"
	localFileSystem = "fs-00000000"
)

// Room for tasks on an embedded container instance. The machine is the bound, not these figures: a task is a process and
// not a share of a host.
const (
	localInstanceMemory = 64 << 20 // MiB
	localInstanceCPU    = 64 << 20 // CPU units
	localTaskMemory     = 64       // MiB
	localTaskCPU        = 1        // CPU units
)

// localModifyRate is above what any machine starts: the embedded endpoint shares its rates with nobody.
const localModifyRate = 1000

// workspaceRootMode lets users' own UIDs through to their workspaces, and shows nobody who else has one.
const workspaceRootMode = 0o711

// localBackend is the embedded ECS-compatible endpoint with its task definition registered.
type localBackend struct {
	server    *localecs.Server
	clients   *ecs.Clients
	workspace string
	// temporary is the directory of what goes when the gateway does: agents' temporary directories, also those of tasks that
	// were killed, and the workspaces if nobody asked to keep them.
	temporary string
}

// startLocal starts the endpoint and registers the one task definition, through the same API calls as on AWS.
func startLocal(ctx context.Context, cfg *Config, log zerolog.Logger) (*localBackend, error) {
	server, err := localecs.Start(localecs.Config{
		AccessKeyID: cfg.Local.AccessKeyID, SecretAccessKey: cfg.Local.SecretAccessKey,
		Log: log, Region: localRegion, Cluster: localCluster,
		Instances: cfg.Local.Instances, InstanceCPU: localInstanceCPU, InstanceMemory: localInstanceMemory,
		Faults: localecs.Faults{Task: localecs.TaskFault{ProvisioningDelay: localecs.Duration(cfg.Local.StartDelay)}},
	})
	if err != nil {
		return nil, fmt.Errorf("start the local backend: %w", err)
	}
	b := &localBackend{server: server, clients: ecs.LocalClients(server.URL(), localRegion, server.Credentials())}
	if err := b.prepare(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("set up the local backend: %w", err), b.close(ctx))
	}
	return b, nil
}

func (b *localBackend) prepare(ctx context.Context, cfg *Config) error {
	temp, err := b.makeDirectories(cfg.Actors.WorkspaceRoot)
	if err != nil {
		return err
	}
	environment := map[string]string{
		"TMPDIR":         temp,
		"WORKSPACE_ROOT": b.workspace, "AGENT_COMMAND": cfg.Local.AgentCommand, "AGENT_IO": cfg.Local.AgentIO,
		"AGENT_STDERR": cfg.Local.AgentStderr, "MAX_FRAME_BYTES": strconv.Itoa(cfg.MaxFrameBytes),
		"LOG_LEVEL": cfg.Local.LogLevel, "ISOLATION": cfg.Isolation,
	}
	container := types.ContainerDefinition{
		Name: aws.String(localContainer), Image: aws.String("local"), Essential: aws.Bool(true),
		EntryPoint: []string{cfg.Local.Bridge}, Cpu: localTaskCPU, Memory: aws.Int32(localTaskMemory),
		StopTimeout: aws.Int32(stopTimeoutSeconds(cfg.Actors.StopGrace)),
		MountPoints: []types.MountPoint{{SourceVolume: aws.String(localVolume), ContainerPath: &b.workspace}},
	}
	for _, name := range []string{
		"WORKSPACE_ROOT", "AGENT_COMMAND", "AGENT_IO", "AGENT_STDERR", "MAX_FRAME_BYTES", "LOG_LEVEL",
		"ISOLATION", "TMPDIR",
	} {
		container.Environment = append(container.Environment, types.KeyValuePair{
			Name: aws.String(name), Value: aws.String(environment[name]),
		})
	}
	for _, name := range append(passedOn, agentVariables(os.Getenv("AGENT_ENV"), os.Environ())...) {
		if value := os.Getenv(name); value != "" && environment[name] == "" {
			container.Environment = append(container.Environment, types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)})
		}
	}
	registered, err := b.clients.ECS.RegisterTaskDefinition(ctx, &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String(localFamily), ContainerDefinitions: []types.ContainerDefinition{container},
		Volumes: []types.Volume{{Name: aws.String(localVolume), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
			FileSystemId: aws.String(localFileSystem)}}},
	})
	if err != nil {
		return err
	}
	definition := registered.TaskDefinition
	cfg.Actors.WorkspaceRoot = b.workspace
	cfg.ECS.Cluster, cfg.ECS.ContainerName, cfg.ECS.ModifyRate = localCluster, localContainer, localModifyRate
	cfg.ECS.TaskDefinition = fmt.Sprintf("%s:%d", aws.ToString(definition.Family), definition.Revision)
	return nil
}

// passedOn are the bridge's settings that are this process's environment's: here no task definition has them. Whom this process
// trusts, its tasks on the same machine may as well: a gateway with TLS can have a private issuer.
var passedOn = []string{
	"SSL_CERT_FILE", "SSL_CERT_DIR", "TOKEN_FILE", "AGENT_OVERFLOW", "AGENT_PRELOAD", "AGENT_PRELOAD_COMMAND", "AGENT_PRELOAD_TIMEOUT",
	"AGENT_ENV", "AGENT_READ_PATHS", "AGENT_ROOT", "AGENT_CONNECT_PORTS", "AGENT_MAX_PROCESSES", "AGENT_MAX_OPEN_FILES",
	"AGENT_MAX_FILE_BYTES", "AGENT_NICE", "UID_RANGE", "OUTPUT_BUFFER_BYTES", "WARM_ORPHAN_TTL",
}

// agentVariables are those of the environment that AGENT_ENV names for agents: names, and beginnings of names with *. A * alone
// names nothing here: this process's secrets would be among them.
func agentVariables(agentEnv string, environ []string) (names []string) {
	for _, pattern := range strings.Split(agentEnv, ",") {
		beginning, isBeginning := strings.CutSuffix(strings.TrimSpace(pattern), "*")
		for _, each := range environ {
			name, _, _ := strings.Cut(each, "=")
			if name == beginning || isBeginning && beginning != "" && strings.HasPrefix(name, beginning) {
				names = append(names, name)
			}
		}
	}
	return names
}

// makeDirectories makes the workspace root, if there is none, and the directory of temporary directories, which it returns.
func (b *localBackend) makeDirectories(workspaces string) (temp string, err error) {
	if b.temporary, err = os.MkdirTemp("", "hearth-local-"); err != nil {
		return "", err
	}
	if err := os.Chmod(b.temporary, workspaceRootMode); err != nil {
		return "", err
	}
	b.workspace = workspaces
	if b.workspace == "" {
		b.workspace = filepath.Join(b.temporary, "workspaces")
	}
	if err := os.MkdirAll(b.workspace, workspaceRootMode); err != nil {
		return "", err
	}
	temp = filepath.Join(b.temporary, "tmp")
	return temp, os.Mkdir(temp, workspaceRootMode)
}

// keepsNothing reports whether the workspaces go when the gateway does.
func (b *localBackend) keepsNothing() bool { return filepath.Dir(b.workspace) == b.temporary }

// stopTimeoutSeconds leaves the bridge time to end its agent and to say so before it is killed.
func stopTimeoutSeconds(grace time.Duration) int32 {
	return int32((grace + 2*time.Second + time.Second - 1) / time.Second)
}

// close stops every task and removes what is temporary.
func (b *localBackend) close(ctx context.Context) error {
	err := b.server.Close(ctx)
	if b.temporary != "" {
		err = errors.Join(err, os.RemoveAll(b.temporary))
	}
	return err
}

// dialURL is where tasks on this machine reach a listener: its address, or loopback when it listens everywhere.
func dialURL(scheme string, addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
