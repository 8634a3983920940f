package localecs

import (
	"crypto/sha256"
	"encoding/json"
	"regexp"
	"time"
	"unicode/utf8"
)

const (
	maxCount     = 10   // tasks of one RunTask call
	maxOverrides = 8192 // characters of overrides, JSON formatting included
)

var (
	tokenPattern     = regexp.MustCompile(`^[!-~]{1,64}$`)
	startedByPattern = regexp.MustCompile(`^[a-zA-Z0-9/_-]{0,128}$`)
)

// runTaskIn is a RunTask call; of members without fields only the presence matters.
type runTaskIn struct {
	Cluster              string          `json:"cluster"`
	TaskDefinition       string          `json:"taskDefinition"`
	Count                *int            `json:"count"`
	ClientToken          string          `json:"clientToken"`
	StartedBy            string          `json:"startedBy"`
	Group                string          `json:"group"`
	LaunchType           string          `json:"launchType"`
	CapacityProviders    []providerItem  `json:"capacityProviderStrategy"`
	PlacementStrategy    []strategy      `json:"placementStrategy"`
	PlacementConstraints []constraint    `json:"placementConstraints"`
	NetworkConfiguration *network        `json:"networkConfiguration"`
	Overrides            json.RawMessage `json:"overrides"`
	Tags                 []tag           `json:"tags"`
	PropagateTags        string          `json:"propagateTags"`
	ManagedTags          bool            `json:"enableECSManagedTags"`
	ExecuteCommand       bool            `json:"enableExecuteCommand"`
}

// network is what a task in network mode awsvpc is to have.
type network struct {
	Awsvpc *struct {
		Subnets []string `json:"subnets"`
	} `json:"awsvpcConfiguration"`
}

func (n *network) subnets() []string {
	if n == nil || n.Awsvpc == nil {
		return nil
	}
	return n.Awsvpc.Subnets
}

type providerItem struct {
	CapacityProvider string `json:"capacityProvider"`
	Weight           int    `json:"weight"`
	Base             int    `json:"base"`
}

// overrides of a task definition; the pointers tell "not given" from a zero.
type overrides struct {
	Containers []containerOverride `json:"containerOverrides"`
	CPU        string              `json:"cpu"`
	Memory     string              `json:"memory"`
}

type containerOverride struct {
	Name              string     `json:"name"`
	Command           []string   `json:"command"`
	Environment       []variable `json:"environment"`
	CPU               *int       `json:"cpu"`
	Memory            *int       `json:"memory"`
	MemoryReservation *int       `json:"memoryReservation"`
}

func (in runTaskIn) group(d *definition) string { return valueOr(in.Group, "family:"+d.family) }

// of finds the override of the container with that name, nil if there is none.
func (o overrides) of(container string) *containerOverride {
	for i := range o.Containers {
		if o.Containers[i].Name == container {
			return &o.Containers[i]
		}
	}
	return nil
}

type runTaskOut struct {
	Tasks    []taskView `json:"tasks"`
	Failures []failure  `json:"failures"`
}

// tokenLife bounds how long a clientToken is remembered, whatever becomes of its tasks.
const tokenLife = 24 * time.Hour

// runRecord is what a clientToken stands for: a call and its outcome. It lives as long as one of its tasks is remembered.
// The call itself is kept as a hash only, because its environment may hold secrets.
type runRecord struct {
	at       time.Time
	call     [sha256.Size]byte
	tasks    []*task
	failures []failure
}

// runTask places and starts tasks, or gives those of an earlier call with the same clientToken. It is one step under the
// lock, so that two calls with the same token, however close, start one set of tasks.
func (s *Server) runTask(raw json.RawMessage) (runTaskOut, *apiError) {
	var in runTaskIn
	if err := json.Unmarshal(raw, &in); err != nil {
		return runTaskOut{}, fault("SerializationException", "%v", err)
	}
	over, err := in.validate()
	if err != nil {
		return runTaskOut{}, err
	}
	call, err := callHash(raw)
	if err != nil {
		return runTaskOut{}, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return runTaskOut{}, serverException("The endpoint is shutting down.")
	}
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return runTaskOut{}, err
	}
	if earlier, ok := c.runs[in.ClientToken]; ok {
		return earlier.again(call)
	}
	d, err := s.runnable(in, over)
	if err != nil {
		return runTaskOut{}, err
	}
	tasks, failures, err := s.launch(c, d, in, over)
	if err != nil {
		return runTaskOut{}, err
	}
	if in.ClientToken != "" && len(tasks) > 0 {
		c.runs[in.ClientToken] = runRecord{time.Now(), call, tasks, failures}
	}
	return runTaskOut{viewTasks(tasks), failures}, nil
}

// callHash is the same for calls that differ in nothing but the order of their members and the clientToken.
func callHash(raw []byte) (hash [sha256.Size]byte, fail *apiError) {
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return hash, fault("SerializationException", "%v", err)
	}
	delete(members, "clientToken")
	canonical, err := json.Marshal(members) // sorts the members
	if err != nil {
		return hash, serverException("%v", err)
	}
	return sha256.Sum256(canonical), nil
}

// again answers a repeated call: its tasks as they are now, or a ConflictException if the call is another one.
func (r runRecord) again(call [sha256.Size]byte) (runTaskOut, *apiError) {
	if r.call != call {
		err := fault("ConflictException", "The clientToken was used for a call with other parameters.")
		for _, t := range r.tasks {
			err.ResourceIDs = append(err.ResourceIDs, t.view.TaskArn)
		}
		return runTaskOut{}, err
	}
	views := viewTasks(r.tasks)
	for i, v := range views {
		if v.LastStatus == statusStopped { // of a stopped task ECS gives this much
			views[i] = taskView{TaskArn: v.TaskArn, LastStatus: v.LastStatus, DesiredStatus: v.DesiredStatus}
		}
	}
	return runTaskOut{views, r.failures}, nil
}

// validate checks what can be checked without looking at the cluster.
func (in runTaskIn) validate() (overrides, *apiError) {
	var over overrides
	switch {
	case in.TaskDefinition == "":
		return over, clientException("TaskDefinition cannot be null.")
	case in.Count != nil && (*in.Count < 1 || *in.Count > maxCount):
		return over, invalidParameter("Count must be between 1 and %d.", maxCount)
	case in.ClientToken != "" && !tokenPattern.MatchString(in.ClientToken):
		return over, invalidParameter("clientToken must have 1 to 64 characters of printable ASCII.")
	case !startedByPattern.MatchString(in.StartedBy):
		return over, invalidParameter("startedBy must have at most 128 letters, digits, '-', '/' and '_'.")
	case in.LaunchType != "" && len(in.CapacityProviders) > 0:
		return over, invalidParameter("Specify either launchType or capacityProviderStrategy, not both.")
	case in.LaunchType != "" && in.LaunchType != launchEC2 && in.LaunchType != launchFargate:
		return over, invalidParameter("localecs does not support launch type %s.", in.LaunchType)
	case in.PropagateTags != "" && in.PropagateTags != "TASK_DEFINITION" && in.PropagateTags != "NONE":
		return over, invalidParameter("propagateTags can only be TASK_DEFINITION for RunTask, not %s.", in.PropagateTags)
	case utf8.RuneCount(in.Overrides) > maxOverrides:
		return over, invalidParameter("Container Overrides length must be at most %d", maxOverrides)
	}
	if err := checkStrategies(in.PlacementStrategy); err != nil {
		return over, err
	}
	if err := checkConstraints(in.PlacementConstraints); err != nil {
		return over, err
	}
	if err := checkTags(in.Tags); err != nil {
		return over, err
	}
	if len(in.Overrides) > 0 {
		if err := json.Unmarshal(in.Overrides, &over); err != nil {
			return over, fault("SerializationException", "%v", err)
		}
	}
	return over, nil
}

// runnable finds the call's task definition and checks the call against it. The caller holds s.mu.
func (s *Server) runnable(in runTaskIn, over overrides) (*definition, *apiError) {
	d := s.findDefinition(in.TaskDefinition)
	if d == nil {
		return nil, clientException("TaskDefinition not found.")
	}
	if d.status != statusActive {
		return nil, clientException("TaskDefinition is inactive")
	}
	if awsvpc := d.parsed.NetworkMode == networkAwsvpc; awsvpc != (len(in.NetworkConfiguration.subnets()) > 0) {
		if awsvpc {
			return nil, invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
		}
		return nil, invalidParameter("Network Configuration is not valid for the given networkMode of this task definition.")
	}
	if in.ExecuteCommand && d.parsed.TaskRoleArn == "" {
		return nil, invalidParameter("The execute command functionality requires a task role.")
	}
	known := map[string]bool{}
	for _, c := range d.parsed.Containers {
		known[c.Name] = true
	}
	for _, o := range over.Containers {
		if !known[o.Name] {
			return nil, invalidParameter("Override for container named %s is not a container in the TaskDefinition.", o.Name)
		}
		for _, v := range o.Environment {
			if err := v.validate(); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}
