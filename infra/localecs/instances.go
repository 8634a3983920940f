package localecs

import (
	"errors"
	"fmt"
	"slices"
)

const (
	statusActive   = "ACTIVE"
	statusDraining = "DRAINING"
	maxInstances   = 1000 // in a cluster
	maxZones       = 6
)

// resources are CPU units (1024 to a core) and MiB of memory.
type resources struct{ cpu, memory int }

func (r resources) plus(o resources) resources  { return resources{r.cpu + o.cpu, r.memory + o.memory} }
func (r resources) minus(o resources) resources { return resources{r.cpu - o.cpu, r.memory - o.memory} }

// instance is a container instance. Guarded by Server.mu.
type instance struct {
	id           string
	arn          string
	ec2ID        string
	zone         string
	status       string
	connected    bool // its agent is there; without it nothing is placed
	off          bool // see StopInstance
	provider     string
	size         resources
	free         resources // size less what the tasks on it hold until they are STOPPED
	tasks        []*task   // those that are not STOPPED
	version      int64
	registeredAt timestamp
}

type resourceView struct {
	Name         string `json:"name"`
	Type         string `json:"type"`
	IntegerValue int    `json:"integerValue"`
}

func (r resources) view() []resourceView {
	return []resourceView{{"CPU", "INTEGER", r.cpu}, {"MEMORY", "INTEGER", r.memory}}
}

type attribute struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// instanceView is a container instance as the API shows it.
type instanceView struct {
	Arn                 string         `json:"containerInstanceArn"`
	EC2InstanceID       string         `json:"ec2InstanceId"`
	Status              string         `json:"status"`
	AgentConnected      bool           `json:"agentConnected"`
	RegisteredResources []resourceView `json:"registeredResources"`
	RemainingResources  []resourceView `json:"remainingResources"`
	RunningTasksCount   int            `json:"runningTasksCount"`
	PendingTasksCount   int            `json:"pendingTasksCount"`
	Attributes          []attribute    `json:"attributes"`
	Attachments         []attachment   `json:"attachments"`
	CapacityProvider    string         `json:"capacityProviderName,omitempty"`
	Version             int64          `json:"version"`
	RegisteredAt        timestamp      `json:"registeredAt"`
}

func (i *instance) view() instanceView {
	running, pending := countTasks(i.tasks)
	return instanceView{
		Arn: i.arn, EC2InstanceID: i.ec2ID, Status: i.status, AgentConnected: i.connected,
		RegisteredResources: i.size.view(), RemainingResources: i.free.view(),
		RunningTasksCount: running, PendingTasksCount: pending,
		Attributes: i.attributes(), Attachments: []attachment{}, CapacityProvider: i.provider,
		Version: i.version, RegisteredAt: i.registeredAt,
	}
}

// attributes are those that placement constraints and strategies can name.
func (i *instance) attributes() []attribute {
	return []attribute{{zoneAttribute, i.zone}, {"ecs.os-type", "linux"}, {"ecs.instance-type", "local"}}
}

func (s *Server) addInstances(c *cluster, n int, size resources) {
	for range n {
		id := newID(32)
		c.instances = append(c.instances, &instance{
			id: id, arn: s.arn("container-instance", c.name+"/"+id), ec2ID: newEC2ID(), zone: s.cfg.Region + zone(len(c.instances), s.cfg.Zones),
			status: statusActive, connected: true, size: size, free: size, provider: s.cfg.CapacityProvider, version: 1, registeredAt: now(),
		})
	}
	s.capacityChanged()
}

// zone is the letter of the zone of a cluster's n-th instance: they take turns.
func zone(n, zones int) string { return string(rune('a' + n%zones)) }

// Capacity says how many container instances a cluster has, and the CPU units and MiB of those that are still to register.
type Capacity struct {
	Cluster string `json:"cluster"` // default: Config.Cluster
	Count   int    `json:"count"`
	CPU     int    `json:"cpu"`    // default: Config.InstanceCPU
	Memory  int    `json:"memory"` // default: Config.InstanceMemory
}

func (c Capacity) validate() error {
	if c.Count < 0 || c.Count > maxInstances {
		return fmt.Errorf("a cluster has 0 to %d container instances, not %d", maxInstances, c.Count)
	}
	if c.CPU < 1 || c.Memory < 1 {
		return errors.New("an instance's CPU and memory are positive numbers")
	}
	return nil
}

// SetInstances brings a cluster to that many container instances. New ones get the size given, those there are keep
// theirs; when there are too many, those with the fewest tasks are lost, as by LoseInstance.
func (s *Server) SetInstances(want Capacity) error {
	want.CPU = valueOr(want.CPU, s.cfg.InstanceCPU)
	want.Memory = valueOr(want.Memory, s.cfg.InstanceMemory)
	if err := want.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(valueOr(want.Cluster, s.cfg.Cluster))
	if err != nil {
		return err
	}
	if missing := want.Count - len(c.instances); missing > 0 {
		s.addInstances(c, missing, resources{want.CPU, want.Memory})
		return nil
	}
	leaving := slices.Clone(c.instances)
	slices.SortStableFunc(leaving, func(a, b *instance) int { return len(a.tasks) - len(b.tasks) })
	for _, i := range leaving[:len(leaving)-want.Count] {
		s.lose(c, i)
	}
	return nil
}

// LoseInstance terminates the container instance of that ARN, as a failing host or a Spot interruption does: its tasks'
// processes get SIGKILL, the tasks become STOPPED with stopCode TerminationNotice, and the instance is gone.
func (s *Server) LoseInstance(arn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, i := s.instanceByARN(arn)
	if i == nil {
		return fmt.Errorf("there is no container instance %s", arn)
	}
	s.lose(c, i)
	return nil
}

// StopInstance switches a container instance off, as somebody does in the EC2 console: its tasks' processes are gone at once,
// and ECS does not know. It goes on listing the instance, whose agent is away, and its tasks as they were, until the
// instance is lost or deregistered.
func (s *Server) StopInstance(arn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, i := s.instanceByARN(arn)
	if i == nil {
		return fmt.Errorf("there is no container instance %s", arn)
	}
	i.connected, i.off = false, true
	i.version++
	for _, t := range i.tasks {
		t.silent = true
		for _, p := range t.processes {
			p.kill()
		}
	}
	return nil
}

// SetAgentConnected says whether an instance's agent is connected. While it is not, nothing is placed there (failure
// AGENT), and what runs goes on, whatever StopTask is told: nobody tells the instance.
func (s *Server) SetAgentConnected(arn string, connected bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, i := s.instanceByARN(arn)
	if i == nil {
		return fmt.Errorf("there is no container instance %s", arn)
	}
	if i.off && connected {
		return fmt.Errorf("container instance %s is stopped; its agent does not come back", arn)
	}
	i.connected = connected
	i.version++
	s.publishInstance(c, i)
	s.capacityChanged()
	return nil
}

func (s *Server) instanceByARN(arn string) (*cluster, *instance) {
	for _, c := range s.clusters {
		for _, i := range c.instances {
			if i.arn == arn {
				return c, i
			}
		}
	}
	return nil, nil
}

// lose takes an instance away, and its tasks with it. The caller holds s.mu.
func (s *Server) lose(c *cluster, lost *instance) {
	s.log.Info().Str("instance", lost.ec2ID).Int("tasks", len(lost.tasks)).Msg("container instance lost")
	s.remove(c, lost, stopTerminated, fmt.Sprintf("Host EC2 (instance %s) terminated.", lost.ec2ID))
}

// remove takes an instance out of its cluster and ends its tasks without grace. The caller holds s.mu.
func (s *Server) remove(c *cluster, lost *instance, code, reason string) {
	c.instances = slices.DeleteFunc(c.instances, func(i *instance) bool { return i == lost })
	lost.status, lost.connected = statusInactive, false
	lost.version++
	s.publishInstance(c, lost)
	s.capacityChanged()
	for _, t := range lost.tasks {
		t.askToEnd(code, reason)
		t.kill()
	}
}

type listInstancesIn struct {
	Cluster    string `json:"cluster"`
	Status     string `json:"status"`
	Filter     string `json:"filter"`
	MaxResults *int   `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

type listInstancesOut struct {
	Arns      []string `json:"containerInstanceArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

func (s *Server) listContainerInstances(in listInstancesIn) (listInstancesOut, *apiError) {
	if in.Filter != "" {
		return listInstancesOut{}, invalidParameter("localecs knows no cluster query language: filter is not supported.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return listInstancesOut{}, err
	}
	var found []listed
	for _, i := range c.instances {
		if in.Status == "" || in.Status == i.status {
			found = append(found, listed{i.arn, i.arn})
		}
	}
	arns, next, err := page(found, false, in.MaxResults, in.NextToken)
	return listInstancesOut{arns, next}, err
}

type instancesIn struct {
	Cluster            string   `json:"cluster"`
	ContainerInstances []string `json:"containerInstances"`
	Status             string   `json:"status"`
}

type instancesOut struct {
	ContainerInstances []instanceView `json:"containerInstances"`
	Failures           []failure      `json:"failures"`
}

func (s *Server) describeContainerInstances(in instancesIn) (instancesOut, *apiError) {
	return s.eachInstance(in, maxPage, func(*instance) {})
}

// updateContainerInstancesState drains instances and takes them into service again. Draining places nothing new; what
// RunTask started runs on.
func (s *Server) updateContainerInstancesState(in instancesIn) (instancesOut, *apiError) {
	if in.Status != statusActive && in.Status != statusDraining {
		return instancesOut{}, invalidParameter("Container instance status must be ACTIVE or DRAINING.")
	}
	return s.eachInstance(in, 10, func(i *instance) {
		i.status = in.Status
		i.version++
		s.capacityChanged()
	})
}

// eachInstance does something with up to limit instances that are named, and shows them as they are then.
func (s *Server) eachInstance(in instancesIn, limit int, do func(*instance)) (instancesOut, *apiError) {
	out := instancesOut{ContainerInstances: []instanceView{}, Failures: []failure{}}
	if len(in.ContainerInstances) == 0 {
		return out, invalidParameter("Container instance cannot be empty.")
	}
	if len(in.ContainerInstances) > limit {
		return out, invalidParameter("Container instances cannot have more than %d elements.", limit)
	}
	if err := s.strictly("container-instance", in.ContainerInstances...); err != nil {
		return out, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	for _, ref := range in.ContainerInstances {
		id, err := memberID("container-instance", c.name, ref)
		if err != nil {
			return out, err
		}
		at := slices.IndexFunc(c.instances, func(i *instance) bool { return i.id == id })
		if at < 0 {
			arn := s.arn("container-instance", c.name+"/"+id)
			out.Failures = append(out.Failures, failure{Arn: arn, Reason: reasonMissing})
			continue
		}
		do(c.instances[at])
		out.ContainerInstances = append(out.ContainerInstances, c.instances[at].view())
	}
	return out, nil
}
