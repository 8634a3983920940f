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
	def       *definition
	on        *instance
	need      resources
	over      overrides
	tags      []tag
	view      taskView
	endpoints []string      // metadata endpoint id of each container
	forgotten bool          // no longer among its cluster's tasks
	ending    chan struct{} // closed when the task has to end, see askToEnd
	killed    chan struct{} // closed when it has to end without grace, see kill
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
	ContainerArn      string   `json:"containerArn"`
	TaskArn           string   `json:"taskArn"`
	Name              string   `json:"name"`
	Image             string   `json:"image"`
	RuntimeID         string   `json:"runtimeId,omitempty"`
	LastStatus        string   `json:"lastStatus"`
	ExitCode          *int     `json:"exitCode,omitempty"`
	Reason            string   `json:"reason,omitempty"`
	HealthStatus      string   `json:"healthStatus"`
	CPU               string   `json:"cpu"`
	Memory            string   `json:"memory,omitempty"`
	MemoryReservation string   `json:"memoryReservation,omitempty"`
	NetworkBindings   []string `json:"networkBindings"`   // always empty: a process is on the host's network
	NetworkInterfaces []string `json:"networkInterfaces"` // likewise
}

// newTask makes a task in its first state and reserves its place. The caller holds s.mu.
func (s *Server) newTask(c *cluster, on *instance, d *definition, need resources, in runTaskIn, over overrides) *task {
	id := newID(32)
	created := now()
	t := &task{id: id, def: d, on: on, need: need, over: over, tags: tagsOf(c, d, in),
		ending: make(chan struct{}), killed: make(chan struct{})}
	t.view = taskView{
		TaskArn: s.arn("task", c.name+"/"+id), ClusterArn: c.arn, TaskDefinitionArn: d.arn, ContainerInstanceArn: on.arn,
		Overrides: in.Overrides, LastStatus: statusProvisioning, DesiredStatus: statusRunning,
		CPU: valueOr(over.CPU, d.parsed.CPU), Memory: valueOr(over.Memory, d.parsed.Memory),
		Group: in.group(d), StartedBy: in.StartedBy, LaunchType: "EC2", AvailabilityZone: on.zone,
		Connectivity: "CONNECTED", ConnectivityAt: created, HealthStatus: "UNKNOWN", Version: 1, CreatedAt: created,
	}
	if len(in.CapacityProviders) > 0 {
		t.view.LaunchType, t.view.CapacityProvider = "", in.CapacityProviders[0].CapacityProvider
	}
	for i, cd := range d.parsed.Containers {
		t.view.Containers = append(t.view.Containers, containerView{
			ContainerArn: s.arn("container", c.name+"/"+id+"/"+newUUID()), TaskArn: t.view.TaskArn,
			Name: cd.Name, Image: cd.Image, LastStatus: statusPending, HealthStatus: "UNKNOWN",
			CPU: strconv.Itoa(cd.CPU), Memory: sizeText(cd.Memory), MemoryReservation: sizeText(cd.MemoryReservation),
			NetworkBindings: []string{}, NetworkInterfaces: []string{},
		})
		endpoint := id + "-" + newID(10)
		t.endpoints = append(t.endpoints, endpoint)
		s.endpoints[endpoint] = slot{t, i}
	}
	on.tasks = append(on.tasks, t)
	on.free = on.free.minus(need)
	on.version++
	c.tasks = append(c.tasks, t)
	return t
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
	if t == nil {
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
			(instance == "" || instance == t.on.id) {
			found = append(found, listed{t.view.TaskArn, t.view.TaskArn})
		}
	}
	arns, next, err := page(found, false, in.MaxResults, in.NextToken)
	return listTasksOut{arns, next}, err
}
