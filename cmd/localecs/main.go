// Command localecs serves an ECS-compatible endpoint on loopback that runs tasks as local processes, for the AWS CLI, for
// SDKs and for the gateway. Package infra/localecs says what it does and what it does not.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/rs/zerolog"
	"golang.org/x/term"

	"hearth/cmd/version"
	"hearth/infra/localecs"
)

const description = `An ECS-compatible endpoint on loopback that runs tasks as local processes.

A container definition's entryPoint and command run as this user, with the definition's environment and RunTask's
overrides. The AWS CLI and SDKs drive it with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or with those that it
prints: whoever has them runs programs as this user. Tasks end with this program, however it ends.`

const controlHelp = `
Control paths, to practise for bad days (JSON, Content-Type application/json, and the keys:
curl --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"):

  GET  /_localecs/faults            the faults in force
  POST /_localecs/faults            replaces them; {} lifts them
  GET  /_localecs/instances         container instances by cluster
  POST /_localecs/instances         {"cluster":"default","count":3,"cpu":4096,"memory":8192}
  POST /_localecs/instances/lose    {"containerInstance":"arn:..."}: it and its tasks are gone
  POST /_localecs/instances/stop    {"containerInstance":"arn:..."}: off, and ECS does not know
  POST /_localecs/instances/agent   {"containerInstance":"arn:...","connected":false}
  POST /_localecs/groups            {"name":"hosts","max":2,"warmState":"Stopped","warm":2}: what Auto Scaling shows
  POST /_localecs/tasks/end         {"task":"arn:...","as":"outOfMemory"} or "spotInterruption"

Faults: {"api":{"RunTask":{...},"*":{...}},"task":{...},"files":{...},"strict":false,"rateLimits":false}, of an operation
delay, hang, denied, error and message, throttleRate, failureRate, lostAnswerRate; of tasks visibilityDelay,
stopVisibilityDelay, placementTimeout, provisioningDelay, pullDelay, startDelay, pullFailureRate, failureRate,
deactivatingDelay, deprovisioningDelay; of EFS creationDelay, accessPointLimit. strict rejects malformed ids and foreign
ARNs, rateLimits throttles by AWS's token buckets. Delays are like "1.5s", rates from 0 to 1.`

type flags struct {
	Version kong.VersionFlag  `help:"Print the version and exit."`
	Man     mangokong.ManFlag `hidden:"" help:"Print the manual page and exit."`

	Listen          string `default:"127.0.0.1:8085" env:"LOCALECS_LISTEN" help:"Loopback address to listen on; port 0 takes a free one."`
	AccessKeyID     string `env:"AWS_ACCESS_KEY_ID" help:"Access key that calls must be signed with. Without it a pair is made, and printed."`
	SecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY" help:"Its secret."`

	Region    string `default:"us-east-1" env:"LOCALECS_REGION" help:"Region in ARNs."`
	Account   string `default:"000000000000" env:"LOCALECS_ACCOUNT" help:"Account in ARNs, 12 digits."`
	Cluster   string `default:"default" env:"LOCALECS_CLUSTER" help:"Cluster that has the container instances."`
	Instances int    `default:"1" env:"LOCALECS_INSTANCES" help:"Container instances at the start, at least 1."`
	Zones     int    `default:"1" env:"LOCALECS_ZONES" help:"Availability zones that they are spread over, at most 6."`
	Provider  string `name:"capacity-provider" env:"LOCALECS_CAPACITY_PROVIDER" placeholder:"NAME" help:"Capacity provider that is the cluster's default strategy: tasks that find no room wait for it."`
	CPU       int    `name:"cpu" default:"4096" env:"LOCALECS_CPU" help:"CPU units of each instance (1024 to a core). They are accounted for, not enforced."`
	Memory    int    `default:"8192" env:"LOCALECS_MEMORY" help:"Memory of each instance in MiB. It is accounted for, not enforced."`

	StopTimeout time.Duration `default:"30s" env:"LOCALECS_STOP_TIMEOUT" help:"From SIGTERM to SIGKILL for containers that define no stopTimeout."`
	WorkDir     string        `default:"." type:"existingdir" env:"LOCALECS_WORK_DIR" help:"Working directory of containers that define none."`

	VisibilityDelay     time.Duration `default:"0s" env:"LOCALECS_VISIBILITY_DELAY" help:"How long reads don't know of a new task."`
	ProvisioningDelay   time.Duration `default:"0s" env:"LOCALECS_PROVISIONING_DELAY" help:"A task's time in PROVISIONING."`
	PullDelay           time.Duration `default:"0s" env:"LOCALECS_PULL_DELAY" help:"A task's time in PENDING for the image's pull."`
	StartDelay          time.Duration `default:"0s" env:"LOCALECS_START_DELAY" help:"A task's time in PENDING after the pull."`
	DeactivatingDelay   time.Duration `default:"0s" env:"LOCALECS_DEACTIVATING_DELAY" help:"A task's time in DEACTIVATING, before SIGTERM."`
	DeprovisioningDelay time.Duration `default:"0s" env:"LOCALECS_DEPROVISIONING_DELAY" help:"A task's time in DEPROVISIONING, after its processes' end."`
	StartFailureRate    float64       `default:"0" env:"LOCALECS_START_FAILURE_RATE" help:"Share of tasks, 0 to 1, that fail to start."`
	Seed                uint64        `default:"1" env:"LOCALECS_SEED" help:"Seed of injected faults and of random placement."`

	ShutdownTimeout time.Duration `default:"35s" env:"LOCALECS_SHUTDOWN_TIMEOUT" help:"How long tasks have when this program is asked to end (SIGTERM, SIGINT). A second signal kills them at once."`
	LogLevel        string        `default:"info" enum:"trace,debug,info,warn,error" env:"LOCALECS_LOG_LEVEL" help:"trace, debug, info, warn or error. What tasks write is logged at info."`
	LogFormat       string        `default:"console" enum:"console,json" env:"LOCALECS_LOG_FORMAT" help:"console or json; the log goes to standard error."`
}

func (f flags) config(log zerolog.Logger) localecs.Config {
	return localecs.Config{
		Listen: f.Listen, Log: log, AccessKeyID: f.AccessKeyID, SecretAccessKey: f.SecretAccessKey,
		Region: f.Region, Account: f.Account, Cluster: f.Cluster, Zones: f.Zones, CapacityProvider: f.Provider,
		Instances: f.Instances, InstanceCPU: f.CPU, InstanceMemory: f.Memory,
		StopTimeout: f.StopTimeout, WorkDir: f.WorkDir, Seed: f.Seed,
		Faults: localecs.Faults{Task: localecs.TaskFault{
			VisibilityDelay:     localecs.Duration(f.VisibilityDelay),
			ProvisioningDelay:   localecs.Duration(f.ProvisioningDelay),
			PullDelay:           localecs.Duration(f.PullDelay),
			StartDelay:          localecs.Duration(f.StartDelay),
			DeactivatingDelay:   localecs.Duration(f.DeactivatingDelay),
			DeprovisioningDelay: localecs.Duration(f.DeprovisioningDelay),
			FailureRate:         f.StartFailureRate,
		}},
	}
}

// logger writes to standard error.
func (f flags) logger() (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(f.LogLevel)
	if err != nil {
		return zerolog.Nop(), err
	}
	var w io.Writer = os.Stderr
	if f.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !term.IsTerminal(int(os.Stderr.Fd()))}
	}
	return zerolog.New(zerolog.SyncWriter(w)).Level(level).With().Timestamp().Logger(), nil
}

// What localecs exits with beside 0, as the other programs do.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	var f flags
	parser := kong.Must(&f, kong.Name("localecs"), kong.Description(description+"\n"+controlHelp),
		kong.Vars{"version": version.String()})
	if _, err := parser.Parse(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "localecs:", err, "(--help lists the flags)")
		os.Exit(exitUsage)
	}
	if err := serve(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errUsage) {
			os.Exit(exitUsage)
		}
		os.Exit(exitFailed)
	}
}

// errUsage is a flag that is not right.
var errUsage = errors.New("localecs: instances, zones, cpu, memory and stop-timeout are positive")

// serve runs the endpoint until SIGTERM or SIGINT, then stops its tasks.
func serve(f flags) error {
	log, err := f.logger()
	if err != nil {
		return err
	}
	if f.Instances < 1 || f.Zones < 1 || f.CPU < 1 || f.Memory < 1 || f.StopTimeout <= 0 {
		return errUsage
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	server, err := localecs.Start(f.config(log))
	if err != nil {
		return err
	}
	fmt.Printf("export AWS_ENDPOINT_URL_ECS=%[1]s\nexport AWS_ENDPOINT_URL_EFS=%[1]s AWS_ENDPOINT_URL_AUTO_SCALING=%[1]s AWS_ENDPOINT_URL_SQS=%[1]s\n", server.URL())
	if f.AccessKeyID == "" {
		keys := server.Credentials()
		fmt.Printf("export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", keys.AccessKeyID, keys.SecretAccessKey)
	}

	log.Info().Stringer("signal", <-signals).Msg("stopping the tasks; another signal kills them")
	ctx, cancel := context.WithTimeout(context.Background(), f.ShutdownTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- server.Close(ctx) }()
	select {
	case err = <-closed:
	case <-signals:
		cancel()
		err = <-closed
	}
	return err
}
