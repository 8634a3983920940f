package localecs

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Stopped tasks stay visible for stoppedLife, as on ECS, but no more than maxStopped of them in a cluster.
const (
	stoppedLife = time.Hour
	maxStopped  = 1000
)

// task is one task. Server.mu guards view, tags and forgotten; the rest does not change. Its life is in life.go.
type task struct {
	id        string
	cluster   *cluster
	def       *definition
	venue     venue
	on        *instance // nil until the task is placed, and always on Fargate; guarded by Server.mu
	need      resources
	over      overrides
	placement placement
	tags      []tag
	view      taskView
	endpoints []string   // metadata endpoint id of each container
	forgotten bool       // no longer among its cluster's tasks
	processes []*process // guarded by Server.mu, like what follows
	silent    bool       // its host is off: its processes are gone, and ECS has not heard of it
	// outOfMemory says that the kernel killed it for want of memory.
	outOfMemory bool
	ending      chan struct{} // closed when the task has to end, see askToEnd
	killed      chan struct{} // closed when it has to end without grace, see kill
}

// slot names one container of a task.
type slot struct {
	task  *task
	index int
}

// taskView is a task as the API shows it. cpu and memory are strings there: the SDK refuses numbers.
type taskView struct {
	TaskArn              string          `json:"taskArn"`
	ClusterArn           string          `json:"clusterArn,omitempty"`
	TaskDefinitionArn    string          `json:"taskDefinitionArn,omitempty"`
	ContainerInstanceArn string          `json:"containerInstanceArn,omitempty"`
	Containers           []containerView `json:"containers,omitempty"`
	Overrides            json.RawMessage `json:"overrides,omitempty"`
	LastStatus           string          `json:"lastStatus"`
	DesiredStatus        string          `json:"desiredStatus"`
	CPU                  string          `json:"cpu,omitempty"`
	Memory               string          `json:"memory,omitempty"`
	Group                string          `json:"group,omitempty"`
	StartedBy            string          `json:"startedBy,omitempty"`
	LaunchType           string          `json:"launchType,omitempty"`
	CapacityProvider     string          `json:"capacityProviderName,omitempty"`
	AvailabilityZone     string          `json:"availabilityZone,omitempty"`
	PlatformVersion      string          `json:"platformVersion,omitempty"`
	PlatformFamily       string          `json:"platformFamily,omitempty"`
	Attributes           []attribute     `json:"attributes"`
	Attachments          []attachment    `json:"attachments"`
	ExecuteCommand       bool            `json:"enableExecuteCommand"`
	Connectivity         string          `json:"connectivity,omitempty"`
	HealthStatus         string          `json:"healthStatus,omitempty"`
	Version              int64           `json:"version,omitempty"`
	StopCode             string          `json:"stopCode,omitempty"`
	StoppedReason        string          `json:"stoppedReason,omitempty"`
	Tags                 []tag           `json:"tags,omitempty"`
	CreatedAt            timestamp       `json:"createdAt,omitzero"`
	ConnectivityAt       timestamp       `json:"connectivityAt,omitzero"`
	PullStartedAt        timestamp       `json:"pullStartedAt,omitzero"`
	PullStoppedAt        timestamp       `json:"pullStoppedAt,omitzero"`
	StartedAt            timestamp       `json:"startedAt,omitzero"`
	StoppingAt           timestamp       `json:"stoppingAt,omitzero"`
	ExecutionStoppedAt   timestamp       `json:"executionStoppedAt,omitzero"`
	StoppedAt            timestamp       `json:"stoppedAt,omitzero"`
}

type containerView struct {
	ContainerArn      string             `json:"containerArn"`
	TaskArn           string             `json:"taskArn"`
	Name              string             `json:"name"`
	Image             string             `json:"image"`
	RuntimeID         string             `json:"runtimeId,omitempty"`
	LastStatus        string             `json:"lastStatus"`
	ExitCode          *int               `json:"exitCode,omitempty"`
	Reason            string             `json:"reason,omitempty"`
	HealthStatus      string             `json:"healthStatus"`
	CPU               string             `json:"cpu"`
	Memory            string             `json:"memory,omitempty"`
	MemoryReservation string             `json:"memoryReservation,omitempty"`
	NetworkBindings   []string           `json:"networkBindings"` // always empty: a process is on the host's network
	NetworkInterfaces []networkInterface `json:"networkInterfaces"`
}

// newTask makes a task in its first state, which is not among its cluster's yet. The caller holds s.mu.
func (s *Server) newTask(c *cluster, d *definition, need resources, in runTaskIn, over overrides, at venue) *task {
	id := newID(32)
	created := now()
	t := &task{id: id, cluster: c, def: d, venue: at, need: need, over: over, tags: tagsOf(c, d, in),
		placement: placement{in.group(d), in.PlacementStrategy, in.PlacementConstraints},
		ending:    make(chan struct{}), killed: make(chan struct{})}
	t.view = taskView{
		TaskArn: s.arn("task", c.name+"/"+id), ClusterArn: c.arn, TaskDefinitionArn: d.arn,
		Overrides: in.Overrides, LastStatus: statusProvisioning, DesiredStatus: statusRunning,
		CPU: valueOr(over.CPU, d.parsed.CPU), Memory: valueOr(over.Memory, d.parsed.Memory),
		Group: t.placement.group, StartedBy: in.StartedBy, LaunchType: launchEC2,
		Attributes: []attribute{{"ecs.cpu-architecture", "x86_64"}}, Attachments: s.attachments(in, d), ExecuteCommand: in.ExecuteCommand,
		Connectivity: "CONNECTED", ConnectivityAt: created, HealthStatus: "UNKNOWN", Version: 1, CreatedAt: created,
	}
	if at.provider != "" {
		t.view.LaunchType, t.view.CapacityProvider = "", at.provider
	}
	if at.fargate {
		t.view.LaunchType, t.view.AvailabilityZone = launchFargate, s.cfg.Region+"a"
		t.view.PlatformVersion, t.view.PlatformFamily = "1.4.0", "Linux"
	}
	for _, cd := range d.parsed.Containers {
		t.view.Containers = append(t.view.Containers, containerView{
			ContainerArn: s.arn("container", c.name+"/"+id+"/"+newUUID()), TaskArn: t.view.TaskArn,
			Name: cd.Name, Image: cd.Image, LastStatus: statusPending, HealthStatus: "UNKNOWN",
			CPU: strconv.Itoa(cd.CPU), Memory: sizeText(cd.Memory), MemoryReservation: sizeText(cd.MemoryReservation),
			NetworkBindings: []string{}, NetworkInterfaces: interfacesOf(d),
		})
		t.endpoints = append(t.endpoints, id+"-"+newID(10))
	}
	return t
}

// enlist takes a new task up among its cluster's. The caller holds s.mu.
func (s *Server) enlist(t *task) {
	for i, endpoint := range t.endpoints {
		s.endpoints[endpoint] = slot{t, i}
	}
	t.cluster.tasks = append(t.cluster.tasks, t)
}

// attachment is what a task has of a network of its own.
type attachment struct {
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Status  string      `json:"status"`
	Details []attribute `json:"details"`
}

// taskAddress is where a process of this machine is reached.
const taskAddress = "127.0.0.1"

// attachments are a network interface for a task in network mode awsvpc, in the first of its subnets.
func (s *Server) attachments(in runTaskIn, d *definition) []attachment {
	if d.parsed.NetworkMode != networkAwsvpc {
		return []attachment{}
	}
	return []attachment{{ID: newUUID(), Type: "ElasticNetworkInterface", Status: "ATTACHED", Details: []attribute{
		{"subnetId", in.NetworkConfiguration.subnets()[0]}, {"networkInterfaceId", "eni-" + newID(18)[:17]},
		{"privateIPv4Address", taskAddress}}}}
}

type networkInterface struct {
	PrivateIPv4Address string `json:"privateIpv4Address"`
}

func interfacesOf(d *definition) []networkInterface {
	if d.parsed.NetworkMode != networkAwsvpc {
		return []networkInterface{}
	}
	return []networkInterface{{taskAddress}}
}

func sizeText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// snapshot is a copy of the view that later changes don't reach. The caller holds s.mu.
func (t *task) snapshot() taskView {
	v := t.view
	v.Containers = slices.Clone(v.Containers)
	return v
}

func viewTasks(tasks []*task) []taskView {
	views := make([]taskView, len(tasks))
	for i, t := range tasks {
		views[i] = t.snapshot()
	}
	return views
}

// countTasks counts as container instances and clusters do: running, and on the way there.
func countTasks(tasks []*task) (running, pending int) {
	for _, t := range tasks {
		switch t.view.LastStatus {
		case statusRunning:
			running++
		case statusProvisioning, statusPending:
			pending++
		}
	}
	return running, pending
}

// forget drops stopped tasks that are too old or too many, the oldest first, and the client tokens that have no task left.
func (c *cluster) forget(at time.Time) {
	var stopped []*task
	for _, t := range c.tasks {
		if t.view.LastStatus == statusStopped {
			stopped = append(stopped, t)
		}
	}
	slices.SortFunc(stopped, func(a, b *task) int { return a.view.StoppedAt.Compare(b.view.StoppedAt.Time) })
	for i, t := range stopped {
		t.forgotten = len(stopped)-i > maxStopped || at.Sub(t.view.StoppedAt.Time) > stoppedLife
	}
	c.tasks = slices.DeleteFunc(c.tasks, func(t *task) bool { return t.forgotten })
	for token, run := range c.runs {
		remembered := slices.ContainsFunc(run.tasks, func(t *task) bool { return !t.forgotten })
		if !remembered || at.Sub(run.at) > tokenLife {
			delete(c.runs, token)
		}
	}
}

// task finds a task by id or ARN, nil if there is none. The caller holds s.mu.
func (c *cluster) task(ref string) (*task, *apiError) {
	id, err := memberID("task", c.name, ref)
	if err != nil {
		return nil, err
	}
	for _, t := range c.tasks {
		if t.id == id {
			return t, nil
		}
	}
	return nil, nil
}

// unseen reports whether a task is too young for reads to know of it, by the fault for that.
func (s *Server) unseen(t *task) bool {
	return time.Since(t.view.CreatedAt.Time) < time.Duration(s.faults.task().VisibilityDelay)
}

type stopTaskIn struct {
	Cluster string `json:"cluster"`
	Task    string `json:"task"`
	Reason  string `json:"reason"`
}

type stopTaskOut struct {
	Task taskView `json:"task"`
}

// stopTask asks a task to end and answers at once. For one that is ending already it changes nothing.
func (s *Server) stopTask(in stopTaskIn) (stopTaskOut, *apiError) {
	if err := s.strictly("task", in.Task); err != nil {
		return stopTaskOut{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return stopTaskOut{}, err
	}
	t, err := c.task(in.Task)
	if err != nil {
		return stopTaskOut{}, err
	}
	if t == nil || time.Since(t.view.CreatedAt.Time) < time.Duration(s.faults.task().StopVisibilityDelay) {
		return stopTaskOut{}, invalidParameter("The referenced task was not found.")
	}
	t.tags = nil // ECS deletes a task's tags here
	t.askToEnd(stopByUser, valueOr(in.Reason, "Task stopped by user"))
	return stopTaskOut{t.snapshot()}, nil
}

type describeTasksIn struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Include []string `json:"include"`
}

func (s *Server) describeTasks(in describeTasksIn) (runTaskOut, *apiError) {
	out := runTaskOut{Tasks: []taskView{}, Failures: []failure{}}
	tags, err := includesTags(in.Include)
	if err != nil {
		return out, err
	}
	if len(in.Tasks) == 0 {
		return out, invalidParameter("Tasks cannot be empty.")
	}
	if len(in.Tasks) > maxPage {
		return out, invalidParameter("Tasks cannot have more than %d elements.", maxPage)
	}
	if err := s.strictly("task", in.Tasks...); err != nil {
		return out, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return out, err
	}
	for _, ref := range in.Tasks {
		t, err := c.task(ref)
		if err != nil {
			return out, err
		}
		if t == nil || s.unseen(t) {
			id, _ := memberID("task", c.name, ref)
			out.Failures = append(out.Failures, failure{Arn: s.arn("task", c.name+"/"+id), Reason: reasonMissing})
			continue
		}
		v := t.snapshot()
		if tags {
			v.Tags = slices.Clone(t.tags)
		}
		out.Tasks = append(out.Tasks, v)
	}
	return out, nil
}

type listTasksIn struct {
	Cluster           string `json:"cluster"`
	ContainerInstance string `json:"containerInstance"`
	Family            string `json:"family"`
	ServiceName       string `json:"serviceName"`
	DesiredStatus     string `json:"desiredStatus"`
	LaunchType        string `json:"launchType"`
	StartedBy         string `json:"startedBy"`
	MaxResults        *int   `json:"maxResults"`
	NextToken         string `json:"nextToken"`
}

type listTasksOut struct {
	TaskArns  []string `json:"taskArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

// listTasks lists tasks by what they are meant to be (desiredStatus, RUNNING if not given). startedBy must be the only
// filter: that is how ECS documents it, and code that keeps to it works on both.
func (s *Server) listTasks(in listTasksIn) (listTasksOut, *apiError) {
	others := in.ContainerInstance + in.Family + in.ServiceName + in.DesiredStatus + in.LaunchType
	if in.StartedBy != "" && others != "" {
		return listTasksOut{}, invalidParameter("startedBy must be the only filter.")
	}
	desired := valueOr(in.DesiredStatus, statusRunning)
	if desired != statusRunning && desired != statusPending && desired != statusStopped {
		return listTasksOut{}, invalidParameter("desiredStatus must be RUNNING, PENDING or STOPPED.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return listTasksOut{}, err
	}
	instance, err := memberID("container-instance", c.name, in.ContainerInstance)
	if err != nil {
		return listTasksOut{}, err
	}
	var found []listed
	for _, t := range c.tasks {
		if t.view.DesiredStatus == desired && in.ServiceName == "" && !s.unseen(t) &&
			(in.StartedBy == "" || in.StartedBy == t.view.StartedBy) &&
			(in.Family == "" || in.Family == t.def.family) &&
			(in.LaunchType == "" || in.LaunchType == t.view.LaunchType) &&
			(instance == "" || t.on != nil && instance == t.on.id) {
			found = append(found, listed{t.view.TaskArn, t.view.TaskArn})
		}
	}
	arns, next, err := page(found, false, in.MaxResults, in.NextToken)
	return listTasksOut{arns, next}, err
}
