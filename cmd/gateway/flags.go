package main

import (
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"

	"hearth/actors"
	"hearth/cmd/version"
	"hearth/infra/ecs"
	"hearth/infra/gateway"
)

// flags are the gateway's settings. Each is a flag and an environment variable. Secrets are environment variables only:
// a process's arguments can be read by everyone on the machine.
type flags struct {
	Serve       struct{}     `cmd:"" default:"1" hidden:"" help:"Run the gateway."`
	Healthcheck struct{}     `cmd:"" help:"Ask the gateway on this machine whether it is up; for container health checks."`
	Janitor     janitorFlags `cmd:"" help:"Delete users' access points and task definitions that nobody needs any more (with USE_SHARED_AP=false, or once it was)."`

	Version kong.VersionFlag  `help:"Print the version and exit."`
	Man     mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`

	ListenAddr         string   `env:"LISTEN_ADDR" default:"127.0.0.1:8080" help:"Where clients connect." group:"Listeners"`
	InternalListenAddr string   `env:"INTERNAL_LISTEN_ADDR" help:"Where bridges connect and /metrics and /api/* are served; empty: with the clients." group:"Listeners"`
	TLSCertFile        string   `name:"tls-cert-file" env:"TLS_CERT_FILE" placeholder:"FILE" help:"Certificate chain of LISTEN_ADDR, in PEM; read again when it changes. Without one clients connect without TLS." group:"Listeners"`
	TLSKeyFile         string   `name:"tls-key-file" env:"TLS_KEY_FILE" placeholder:"FILE" help:"Its private key." group:"Listeners"`
	InternalTLSCert    string   `name:"internal-tls-cert-file" env:"INTERNAL_TLS_CERT_FILE" placeholder:"FILE" help:"Certificate chain of INTERNAL_LISTEN_ADDR. Without one bridges connect without TLS." group:"Listeners"`
	InternalTLSKey     string   `name:"internal-tls-key-file" env:"INTERNAL_TLS_KEY_FILE" placeholder:"FILE" help:"Its private key." group:"Listeners"`
	GatewayWSURL       string   `name:"gateway-ws-url" env:"GATEWAY_WS_URL" placeholder:"ws://HOST:PORT" help:"Where tasks reach this gateway; auto: at the address of its own ECS task (awsvpc or host networking). With the local backend it is found by itself." group:"Listeners"`
	AllowedOrigins     []string `env:"ALLOWED_ORIGINS" help:"Browser origins that may connect beside the gateway's own." group:"Listeners"`
	MaxConnections     int      `env:"MAX_CONNECTIONS" default:"25000" help:"Sockets of clients and bridges in all." group:"Listeners"`
	MaxFrameBytes      int      `env:"MAX_FRAME_BYTES" default:"1048576" help:"Largest payload of a frame, in bytes." group:"Listeners"`

	Backend           string        `env:"BACKEND" enum:"local,ecs" default:"local" help:"What runs the tasks: local (processes of this machine) or ecs." group:"Backend"`
	ECSCluster        string        `name:"ecs-cluster" env:"ECS_CLUSTER" help:"Name or ARN of the cluster." group:"Backend"`
	ECSTaskDefinition string        `name:"ecs-task-definition" env:"ECS_TASK_DEFINITION" placeholder:"FAMILY[:REVISION]" help:"The tasks' definition: family:revision, an ARN, or a family, whose latest active revision is then followed." group:"Backend"`
	RevisionSweep     time.Duration `env:"REVISION_SWEEP" default:"1m" help:"How often a definition without a revision is looked at for a new one; idle tasks are then replaced." group:"Backend"`
	ECSContainerName  string        `name:"ecs-container-name" env:"ECS_CONTAINER_NAME" help:"The definition's container that runs the bridge." group:"Backend"`
	ECSStartedBy      string        `name:"ecs-started-by" env:"ECS_STARTED_BY" default:"hearth" help:"Marks this deployment's tasks in ECS; no two deployments in a cluster may share it." group:"Backend"`

	ECSLaunchType           string            `name:"ecs-launch-type" env:"ECS_LAUNCH_TYPE" enum:"EC2,FARGATE," default:"" help:"EC2 or FARGATE, instead of the cluster's default capacity provider strategy." group:"Tasks on ECS"`
	ECSCapacityProviders    []string          `name:"ecs-capacity-providers" env:"ECS_CAPACITY_PROVIDERS" placeholder:"NAME[=WEIGHT[:BASE]],..." help:"Capacity provider strategy of the tasks, instead of the cluster's default." group:"Tasks on ECS"`
	ECSSubnets              []string          `name:"ecs-subnets" env:"ECS_SUBNETS" placeholder:"ID,..." help:"Subnets of tasks with network mode awsvpc." group:"Tasks on ECS"`
	ECSSecurityGroups       []string          `name:"ecs-security-groups" env:"ECS_SECURITY_GROUPS" placeholder:"ID,..." help:"Their security groups." group:"Tasks on ECS"`
	ECSAssignPublicIP       bool              `name:"ecs-assign-public-ip" env:"ECS_ASSIGN_PUBLIC_IP" help:"Give them public addresses (Fargate)." group:"Tasks on ECS"`
	ECSPlacementStrategy    []string          `name:"ecs-placement-strategy" env:"ECS_PLACEMENT_STRATEGY" placeholder:"TYPE[:FIELD],..." help:"Placement strategy. Default: spread:attribute:ecs.availability-zone,binpack:memory; none on Fargate." group:"Tasks on ECS"`
	ECSPlacementConstraints []string          `name:"ecs-placement-constraints" env:"ECS_PLACEMENT_CONSTRAINTS" sep:";" placeholder:"EXPRESSION;..." help:"What hosts must meet: distinctInstance, or expressions such as attribute:ecs.instance-type =~ t3.*." group:"Tasks on ECS"`
	ECSEventsQueueURL       string            `name:"ecs-events-queue-url" env:"ECS_EVENTS_QUEUE_URL" placeholder:"URL" help:"SQS queue of this gateway's own with ECS's state changes from EventBridge: a task's death is known within a second." group:"Tasks on ECS"`
	ECSModifyRate           int               `name:"ecs-modify-rate" env:"ECS_MODIFY_RATE" default:"0" placeholder:"N" help:"RunTask and StopTask calls a second of this gateway: its share, where several gateways call for one account, or more, where AWS has granted more than its usual 40 (20 on Fargate); 0 is all of these." group:"Tasks on ECS"`
	AutoScalingGroups       []string          `name:"auto-scaling-groups" env:"AUTO_SCALING_GROUPS" placeholder:"NAME,..." help:"The hosts' Auto Scaling groups: what waits in their warm pools shortens what waiting clients are told." group:"Tasks on ECS"`
	ECSGroup                string            `name:"ecs-group" env:"ECS_GROUP" placeholder:"NAME" help:"Group of the tasks. Default: their family." group:"Tasks on ECS"`
	ECSTags                 map[string]string `name:"ecs-tags" env:"ECS_TAGS" mapsep:"," placeholder:"KEY=VALUE,..." help:"Tags of the tasks." group:"Tasks on ECS"`
	ECSPropagateTags        bool              `name:"ecs-propagate-tags" env:"ECS_PROPAGATE_TAGS" help:"Give tasks their definition's tags as well." group:"Tasks on ECS"`
	ECSExec                 bool              `name:"ecs-exec" env:"ECS_EXEC" help:"Let operators run commands in tasks (ECS Exec); the definition needs a task role." group:"Tasks on ECS"`

	USESharedAP     bool   `name:"use-shared-ap" env:"USE_SHARED_AP" default:"true" negatable:"" help:"One EFS access point for all users and one task definition; without it an access point and a definition are made for each user (docs/operations.md)." group:"Backend"`
	SharedAPID      string `name:"shared-access-point-id" env:"SHARED_ACCESS_POINT_ID" placeholder:"fsap-..." help:"That access point; the task definition mounts it." group:"Backend"`
	AccessPointRoot string `env:"ACCESS_POINT_ROOT" default:"/workspaces" placeholder:"DIRECTORY" help:"With USE_SHARED_AP=false: the directory on the file system that has the users' directories, such as /workspaces/prod." group:"Backend"`
	WorkspaceRoot   string `env:"WORKSPACE_ROOT" help:"Directory of all workspaces as the tasks see it. Default /mnt/efs; with the local backend a temporary directory." group:"Backend"`

	AgentCommand    string        `env:"AGENT_COMMAND" help:"The agent's command line. With BACKEND=ecs the task definition has it." group:"Local backend"`
	AgentIO         string        `name:"agent-io" env:"AGENT_IO" enum:"jsonl,text,pty" default:"jsonl" help:"The agent's lines are JSON (jsonl) or text, or it has a terminal (pty)." group:"Local backend"`
	AgentStderr     string        `env:"AGENT_STDERR" enum:"log,merge,output" default:"log" help:"The agent's standard error goes to the log, to the output (output), or to both (merge)." group:"Local backend"`
	Isolation       string        `env:"ISOLATION" default:"auto" help:"What keeps agents apart, as the bridge's ISOLATION. With BACKEND=ecs the task definition has it, and here it is what /readyz holds the tasks to." group:"Local backend"`
	LocalBridge     string        `env:"LOCAL_BRIDGE" placeholder:"FILE" help:"The bridge's binary. Default: the file bridge beside the gateway." group:"Local backend"`
	LocalInstances  int           `env:"LOCAL_INSTANCES" default:"1" help:"Container instances that tasks are spread over." group:"Local backend"`
	LocalStartDelay time.Duration `env:"LOCAL_START_DELAY" default:"0s" help:"Added to the start of every task, to feel what a cold start is like." group:"Local backend"`

	EnableWarmPool    bool          `env:"ENABLE_WARM_POOL" default:"${ENABLE_WARM_POOL}" negatable:"" help:"Keep tasks started and connected. Without it each session gets a task started for it." group:"Warm pool"`
	PoolMin           int           `name:"warm-pool-min-size" env:"WARM_POOL_MIN_SIZE" default:"${WARM_POOL_MIN_SIZE}" help:"Tasks that the pool is filled up to." group:"Warm pool"`
	PoolMax           int           `name:"warm-pool-max-size" env:"WARM_POOL_MAX_SIZE" default:"${WARM_POOL_MAX_SIZE}" help:"Most tasks that are ready or starting at once." group:"Warm pool"`
	PoolThreshold     *int          `name:"warm-pool-replenish-threshold" env:"WARM_POOL_REPLENISH_THRESHOLD" placeholder:"N" help:"Once ready + starting - waiting is at or below this, tasks are started until the minimum is ready. Without it the minimum less one." group:"Warm pool"`
	PoolPolicy        string        `name:"warm-pool-policy" env:"WARM_POOL_POLICY" enum:"fixed,schedule,slo" default:"${WARM_POOL_POLICY}" help:"What the pool is filled up to: its minimum (fixed), more by WARM_POOL_SCHEDULE, or more by the demand that it learns (slo), for WARM_POOL_SLO." group:"Warm pool"`
	PoolSchedule      poolSchedule  `name:"warm-pool-schedule" env:"WARM_POOL_SCHEDULE" placeholder:"JSON" help:"When the pool is to be larger than its minimum: a JSON array of periods with timezone, startCron, duration and bufferSize, as sim size --schedule writes it." group:"Warm pool"`
	PoolSLO           *share        `name:"warm-pool-slo" env:"WARM_POOL_SLO" placeholder:"SHARE" help:"With WARM_POOL_POLICY=slo, the share of sessions that are to find a task ready, such as 99.9%, its default." group:"Warm pool"`
	PoolTrace         poolTrace     `name:"warm-pool-trace" env:"WARM_POOL_TRACE" placeholder:"FILE" help:"With the policy slo, recorded arrivals to begin with what they teach: a file as sim replay reads it. Without it the demand is learned from nothing." group:"Warm pool"`
	PoolReadyTTL      time.Duration `name:"warm-pool-ready-ttl" env:"WARM_POOL_READY_TTL" default:"${WARM_POOL_READY_TTL}" help:"A ready task that is older is replaced; 0 for never." group:"Warm pool"`
	PoolSurplusTTL    time.Duration `name:"warm-pool-surplus-ttl" env:"WARM_POOL_SURPLUS_TTL" default:"${WARM_POOL_SURPLUS_TTL}" help:"Tasks above the minimum that nobody has needed for this long are stopped." group:"Warm pool"`
	LaunchConcurrency int           `env:"LAUNCH_CONCURRENCY" default:"${LAUNCH_CONCURRENCY}" help:"Most tasks that are starting at once." group:"Warm pool"`
	ClaimPlacement    string        `env:"CLAIM_PLACEMENT" enum:"oldest,pack,spread" default:"${CLAIM_PLACEMENT}" help:"Ready task that a claim takes: the oldest; one on the fullest host (pack), so that others empty; or on the emptiest (spread)." group:"Warm pool"`
	HostSweepInterval time.Duration `env:"HOST_SWEEP_INTERVAL" default:"${HOST_SWEEP_INTERVAL}" help:"How often the container instances are looked at. Two sweeps without a host mean that it is lost." group:"Warm pool"`

	PoolShadow         string       `name:"warm-pool-shadow" env:"WARM_POOL_SHADOW" enum:",fixed,schedule,slo" default:"" placeholder:"POLICY" help:"Try this policy beside the one in force: fixed, schedule or slo. It starts nothing; metrics and /api/status say what it would have started, had ready and cost." group:"Warm pool's shadow"`
	PoolShadowMin      *int         `name:"warm-pool-shadow-min-size" env:"WARM_POOL_SHADOW_MIN_SIZE" placeholder:"N" help:"Its minimum. Default: WARM_POOL_MIN_SIZE." group:"Warm pool's shadow"`
	PoolShadowMax      *int         `name:"warm-pool-shadow-max-size" env:"WARM_POOL_SHADOW_MAX_SIZE" placeholder:"N" help:"Its maximum. Default: WARM_POOL_MAX_SIZE." group:"Warm pool's shadow"`
	PoolShadowSchedule poolSchedule `name:"warm-pool-shadow-schedule" env:"WARM_POOL_SHADOW_SCHEDULE" placeholder:"JSON" help:"With WARM_POOL_SHADOW=schedule, its periods, as in WARM_POOL_SCHEDULE." group:"Warm pool's shadow"`
	PoolShadowSLO      *share       `name:"warm-pool-shadow-slo" env:"WARM_POOL_SHADOW_SLO" placeholder:"SHARE" help:"With WARM_POOL_SHADOW=slo, its objective, as WARM_POOL_SLO. It begins with WARM_POOL_TRACE as well." group:"Warm pool's shadow"`

	StartTimeout       time.Duration `name:"session-start-timeout" env:"SESSION_START_TIMEOUT" default:"${SESSION_START_TIMEOUT}" help:"Longest that a client waits for its agent. A cold host takes 81 s to boot." group:"Sessions"`
	IdleTimeout        time.Duration `name:"session-idle-timeout" env:"SESSION_IDLE_TIMEOUT" default:"${SESSION_IDLE_TIMEOUT}" help:"A session ends in which for this long there was no data in either direction and the agent did not ask for more time (HEARTH_KEEPALIVE)." group:"Sessions"`
	RequireToken       bool          `name:"session-requires-token" env:"SESSION_REQUIRES_TOKEN" default:"${SESSION_REQUIRES_TOKEN}" negatable:"" help:"End a session whose user's newest token has expired (AUTH=jwt)." group:"Sessions"`
	TokenGrace         time.Duration `env:"TOKEN_GRACE" default:"${TOKEN_GRACE}" help:"Time that a client then has to send another." group:"Sessions"`
	MaxLifetime        time.Duration `name:"max-session-lifetime" env:"MAX_SESSION_LIFETIME" default:"${MAX_SESSION_LIFETIME}" help:"A session that is older ends; 0 for never. A gateway that takes a session over counts anew." group:"Sessions"`
	AbandonGrace       time.Duration `name:"session-abandon-grace" env:"SESSION_ABANDON_GRACE" default:"${SESSION_ABANDON_GRACE}" help:"A session whose client left before its agent was ready ends after this long; until then it keeps its turn, and no place and no start." group:"Sessions"`
	StartAttempts      int           `name:"session-start-attempts" env:"SESSION_START_ATTEMPTS" default:"${SESSION_START_ATTEMPTS}" help:"Tasks that a session is given, one after the other, before it has failed." group:"Sessions"`
	MaxSessions        int           `env:"MAX_SESSIONS" default:"${MAX_SESSIONS}" help:"Most sessions in all." group:"Sessions"`
	MaxSessionsPerUser int           `env:"MAX_SESSIONS_PER_USER" default:"${MAX_SESSIONS_PER_USER}" help:"Most sessions of one user." group:"Sessions"`
	MaxSessionStarts   int           `name:"max-session-starts-per-second" env:"MAX_SESSION_STARTS_PER_SECOND" default:"${MAX_SESSION_STARTS_PER_SECOND}" help:"Most sessions that begin in a second, and at once, a quarter of it of one user; 0 for no bound." group:"Sessions"`
	AcceptTimeout      time.Duration `env:"ACCEPT_TIMEOUT" default:"${ACCEPT_TIMEOUT}" help:"A claimed task that has not answered by then is given up." group:"Sessions"`
	InitTimeout        time.Duration `env:"INIT_TIMEOUT" default:"${INIT_TIMEOUT}" help:"A claimed task whose agent is not ready by then is given up." group:"Sessions"`
	StopGrace          time.Duration `env:"STOP_GRACE" default:"${STOP_GRACE}" help:"Time between an agent's SIGTERM and SIGKILL." group:"Sessions"`
	TaskSweepInterval  time.Duration `env:"TASK_SWEEP_INTERVAL" default:"${TASK_SWEEP_INTERVAL}" help:"How often ECS's list of tasks is compared with what is known. A task that is seen to be nobody's for TASK_START_TIMEOUT is stopped." group:"Sessions"`
	TaskLease          time.Duration `env:"TASK_LEASE" default:"${TASK_LEASE}" help:"How long an agent runs on without a gateway. Then its bridge suspends it until a gateway has taken its session up again." group:"Sessions"`
	TaskOrphanTTL      time.Duration `name:"task-orphan-ttl" env:"TASK_ORPHAN_TTL" default:"${TASK_ORPHAN_TTL}" help:"How long a task with an agent outlives its gateway." group:"Sessions"`
	TaskStartTimeout   time.Duration `env:"TASK_START_TIMEOUT" default:"${TASK_START_TIMEOUT}" help:"A task whose bridge has not dialled by then is given up." group:"Sessions"`

	Auth        string `env:"AUTH" enum:"jwt,dev" default:"jwt" help:"How clients prove who they are: jwt, or dev (?user=NAME, on loopback only)." group:"Authentication"`
	JWKSURL     string `name:"jwks-url" env:"JWKS_URL" help:"Key set that clients' JWTs are checked with (RS256, ES256, EdDSA)." group:"Authentication"`
	JWTAudience string `name:"jwt-audience" env:"JWT_AUDIENCE" help:"Audience that a JWT must have." group:"Authentication"`
	JWTIssuer   string `name:"jwt-issuer" env:"JWT_ISSUER" help:"Issuer that a JWT must have." group:"Authentication"`

	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT" default:"25s" help:"Longest that SIGTERM waits for sessions and tasks to end." group:"Process"`
	LogLevel     string        `env:"LOG_LEVEL" enum:"trace,debug,info,warn,error" default:"info" help:"Least severe level that is logged." group:"Process"`
	// forecast and shadowForecast are made of the warm pool's flags, nil without any of them.
	forecast, shadowForecast func(time.Time) actors.Forecast

	LogFormat string `env:"LOG_FORMAT" enum:"console,json" default:"console" help:"How log lines look: for people, or as JSON, then also the first and the last, and what the local backend's tasks say." group:"Process"`
}

// secret is a setting that is an environment variable and never a flag.
type secret struct{ name, help string }

// janitorFlags are those of the command that clears away.
type janitorFlags struct {
	DryRun    bool          `help:"Say what would be deleted, and delete nothing."`
	UnusedFor time.Duration `default:"720h" help:"How long a user's access point and definition are kept after the definition was registered, when no task uses them."`
}

// secrets are listed for --help and docs/configuration.md.
var secrets = []secret{
	{"JWT_SECRET", "HS256 secret of at least 32 bytes that clients' JWTs are checked with."},
	{"JWT_SECRET_PREVIOUS", "The secret before it, whose JWTs are still good. For the time of a rotation."},
	{"TASK_TOKEN_SECRET", "Secret of at least 32 bytes that tasks' tokens are made with. Needed with BACKEND=ecs; else made at the start."},
	{"TASK_TOKEN_SECRET_PREVIOUS", "The secret before it, whose tasks still run. For the time of a rotation."},
	{"OPERATOR_TOKEN", "Bearer token of the operator, for /api/*. Without one of these they are closed, but for who has the DEV_TOKEN."},
	{"OPERATOR_TOKENS", "Those of several operators, NAME=TOKEN,...: the log says which of them has done what."},
	{"DEV_TOKEN", "With AUTH=dev, the bearer token of all users and of the operator. Without it one is made and printed; off leaves the gateway open to everything on this machine, agents too."},
}

// description is the head of --help.
func description() string {
	var b strings.Builder
	b.WriteString("Hearth's gateway: gives every user a task of their own, started ahead of time, and connects them.\n\n")
	b.WriteString("Try it on this machine:\n\n  gateway --auth=dev --agent-command='bash --norc -i' --agent-io=pty\n\n")
	b.WriteString("Secrets are environment variables only:\n\n")
	for _, s := range secrets {
		b.WriteString("  " + s.name + ": " + s.help + "\n")
	}
	return b.String()
}

// config is what the flags and the environment's secrets say.
func (f *flags) config() gateway.Config {
	bridge := f.LocalBridge
	if bridge == "" {
		bridge = gateway.BridgeBesideGateway()
	}
	return gateway.Config{
		ListenAddr: f.ListenAddr, InternalListenAddr: f.InternalListenAddr, GatewayWSURL: f.GatewayWSURL,
		TLS:         gateway.TLSFiles{CertFile: f.TLSCertFile, KeyFile: f.TLSKeyFile},
		InternalTLS: gateway.TLSFiles{CertFile: f.InternalTLSCert, KeyFile: f.InternalTLSKey},
		Isolation:   f.Isolation,
		Version:     version.String(),
		Backend:     f.Backend,
		ECS: gateway.ECSConfig{
			Cluster: f.ECSCluster, TaskDefinition: f.ECSTaskDefinition, ContainerName: f.ECSContainerName,
			StartedBy: f.ECSStartedBy, Running: f.running(), AutoScalingGroups: f.AutoScalingGroups, ModifyRate: f.ECSModifyRate, EventsQueueURL: f.ECSEventsQueueURL, RevisionSweep: f.RevisionSweep,
		},
		Local: gateway.LocalConfig{
			Bridge: bridge, Instances: f.LocalInstances, StartDelay: f.LocalStartDelay,
			AgentCommand: f.AgentCommand, AgentIO: f.AgentIO, AgentStderr: f.AgentStderr,
			LogLevel: f.LogLevel,
		},
		SharedAP: f.USESharedAP, SharedAPID: f.SharedAPID, AccessPointRoot: f.AccessPointRoot,
		Actors: f.settings(),
		Auth:   f.Auth, JWTSecret: os.Getenv("JWT_SECRET"), JWTSecretPrevious: os.Getenv("JWT_SECRET_PREVIOUS"), JWKSURL: f.JWKSURL,
		JWTAudience: f.JWTAudience, JWTIssuer: f.JWTIssuer, AllowedOrigins: f.AllowedOrigins,
		OperatorToken: os.Getenv("OPERATOR_TOKEN"), OperatorTokens: os.Getenv("OPERATOR_TOKENS"), DevToken: os.Getenv("DEV_TOKEN"), TaskTokenSecret: os.Getenv("TASK_TOKEN_SECRET"),
		TaskTokenSecretPrevious: os.Getenv("TASK_TOKEN_SECRET_PREVIOUS"),
		MaxFrameBytes:           f.MaxFrameBytes, MaxConnections: f.MaxConnections, DrainTimeout: f.DrainTimeout,
	}
}

// running is where and how tasks run on ECS.
func (f *flags) running() ecs.Running {
	return ecs.Running{
		LaunchType: f.ECSLaunchType, CapacityProviders: f.ECSCapacityProviders,
		Subnets: f.ECSSubnets, SecurityGroups: f.ECSSecurityGroups, AssignPublicIP: f.ECSAssignPublicIP,
		PlacementStrategy: f.ECSPlacementStrategy, PlacementConstraints: f.ECSPlacementConstraints,
		Group: f.ECSGroup, Tags: f.ECSTags, PropagateTags: f.ECSPropagateTags, Exec: f.ECSExec,
	}
}

// settings are the actors' numbers. What has no flag is the product's own figure.
func (f *flags) settings() actors.Settings {
	s := actors.DefaultSettings()
	s.WarmPool = f.EnableWarmPool
	s.Min, s.Max, s.Threshold = f.PoolMin, f.PoolMax, actors.DefaultThreshold(f.PoolMin)
	if f.PoolThreshold != nil {
		s.Threshold = *f.PoolThreshold
	}
	s.Policy = actors.Policy(f.PoolPolicy)
	if f.PoolSchedule.Schedule != nil {
		s.Schedule = f.PoolSchedule.Schedule
	}
	s.Forecast, s.Shadow = f.forecast, f.shadow(&s.Sizing)
	s.Placement, s.SweepInterval = actors.Placement(f.ClaimPlacement), f.HostSweepInterval
	s.ReadyTTL, s.SurplusTTL, s.LaunchConcurrency = f.PoolReadyTTL, f.PoolSurplusTTL, f.LaunchConcurrency
	s.StartTimeout, s.IdleTimeout, s.ClaimAttempts = f.StartTimeout, f.IdleTimeout, f.StartAttempts
	s.RequireToken, s.TokenGrace, s.MaxSessionLifetime = f.RequireToken, f.TokenGrace, f.MaxLifetime
	s.AbandonGrace = f.AbandonGrace
	s.MaxSessions, s.MaxSessionsPerUser = f.MaxSessions, f.MaxSessionsPerUser
	s.MaxSessionStartsPerSecond = f.MaxSessionStarts
	s.AcceptTimeout, s.InitTimeout, s.StopGrace = f.AcceptTimeout, f.InitTimeout, f.StopGrace
	s.TaskStartTimeout, s.TaskSweepInterval = f.TaskStartTimeout, f.TaskSweepInterval
	s.TaskLease, s.TaskOrphanTTL = f.TaskLease, f.TaskOrphanTTL
	if f.WorkspaceRoot != "" || f.Backend == gateway.BackendLocal {
		s.WorkspaceRoot = f.WorkspaceRoot
	}
	return s
}
