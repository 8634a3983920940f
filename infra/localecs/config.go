package localecs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Config is what Start needs; the zero Config is a good one for tests.
type Config struct {
	// Listen is a loopback address to listen on; "127.0.0.1:0", the default, takes a free port.
	Listen string
	// Log gets what the endpoint has to say.
	Log zerolog.Logger
	// Output gets what tasks write to stdout and stderr, line by line, each behind "short task id/container stream ".
	// Without one the lines go to Log.
	Output io.Writer

	// AccessKeyID and SecretAccessKey are what calls must be signed with, and control paths show. Without them Start makes some.
	AccessKeyID, SecretAccessKey string
	// Region and Account are part of every ARN; default us-east-1 and 000000000000.
	Region, Account string
	// Cluster is made at the start and has the container instances; default "default".
	Cluster string
	// Instances is how many container instances there are, at least 1, the default.
	Instances int
	// Zones is how many availability zones they are spread over, at most 6; default 1.
	Zones int
	// CapacityProvider, if there is one, is the cluster's default strategy: a task that finds no room waits for it.
	CapacityProvider string
	// InstanceCPU (CPU units, 1024 to a core) and InstanceMemory (MiB) are what each of them has for tasks; default 4096, 8192.
	InstanceCPU, InstanceMemory int

	// StopTimeout is between SIGTERM and SIGKILL for containers whose definition has no stopTimeout; default 30 s.
	StopTimeout time.Duration
	// WorkDir is the working directory of containers whose definition has no workingDirectory; default the process's own.
	WorkDir string
	// Seed drives the faults and the random placement: the same seed and the same calls give the same faults.
	Seed uint64
	// Faults are those in force from the start; SetFaults replaces them.
	Faults Faults
}

func (c Config) withDefaults() Config {
	if c.AccessKeyID == "" && c.SecretAccessKey == "" {
		made := randomKeys()
		c.AccessKeyID, c.SecretAccessKey = made.AccessKeyID, made.SecretAccessKey
	}
	c.Listen = valueOr(c.Listen, "127.0.0.1:0")
	c.Region = valueOr(c.Region, "us-east-1")
	c.Account = valueOr(c.Account, "000000000000")
	c.Cluster = valueOr(c.Cluster, defaultCluster)
	c.Instances = valueOr(c.Instances, 1)
	c.Zones = valueOr(c.Zones, 1)
	c.InstanceCPU = valueOr(c.InstanceCPU, 4096)
	c.InstanceMemory = valueOr(c.InstanceMemory, 8192)
	c.StopTimeout = valueOr(c.StopTimeout, 30*time.Second)
	return c
}

func valueOr[T comparable](v, otherwise T) T {
	if v == *new(T) {
		return otherwise
	}
	return v
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

func (c Config) validate() error {
	capacity := Capacity{Count: c.Instances, CPU: c.InstanceCPU, Memory: c.InstanceMemory}
	if err := capacity.validate(); err != nil {
		return err
	}
	if c.Zones < 1 || c.Zones > maxZones {
		return fmt.Errorf("there are 1 to %d zones, not %d", maxZones, c.Zones)
	}
	if !clusterPattern.MatchString(c.Cluster) {
		return fmt.Errorf("bad cluster name %q", c.Cluster)
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" || strings.ContainsAny(c.AccessKeyID, ":/, ") {
		return errors.New("an access key id and a secret access key are needed, both or neither")
	}
	if !accountPattern.MatchString(c.Account) {
		return fmt.Errorf("bad account %q: it has 12 digits", c.Account)
	}
	if c.StopTimeout < 0 {
		return errors.New("the stop timeout is negative")
	}
	if c.WorkDir != "" {
		if info, err := os.Stat(c.WorkDir); err != nil {
			return fmt.Errorf("working directory: %w", err)
		} else if !info.IsDir() {
			return fmt.Errorf("working directory: %s is not a directory", c.WorkDir)
		}
	}
	return c.Faults.validate()
}
