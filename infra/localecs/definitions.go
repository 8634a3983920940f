package localecs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxDefinitions bounds the revisions kept, inactive ones included: none is ever forgotten, as on ECS.
const maxDefinitions = 10_000

// maxStopTimeout, in seconds, is a day. ECS states no maximum for EC2; this one keeps a typing error from holding a task.
const maxStopTimeout = 24 * 60 * 60

var (
	familyPattern    = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)
	containerPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)
)

// family holds the revisions of one family; revision n is at index n-1. Guarded by Server.mu.
type family struct{ revisions []*definition }

// definition is a registered task definition. Only its status ever changes, and with it the times of that.
type definition struct {
	family         string
	revision       int
	arn            string
	status         string                     // ACTIVE, INACTIVE or DELETE_IN_PROGRESS
	members        map[string]json.RawMessage // what was registered, member by member, with ECS's defaults: echoed as it came
	parsed         definitionBody
	tags           []tag
	registeredAt   timestamp
	registeredBy   string
	deregisteredAt timestamp
	// deleteRequestedAt is when DeleteTaskDefinitions was called.
	deleteRequestedAt timestamp
}

// definitionBody has the members of a task definition that this endpoint acts on.
type definitionBody struct {
	Family      string                `json:"family"`
	Containers  []containerDefinition `json:"containerDefinitions"`
	CPU         string                `json:"cpu"`
	Memory      string                `json:"memory"`
	NetworkMode string                `json:"networkMode"`
	TaskRoleArn string                `json:"taskRoleArn"`
	Tags        []tag                 `json:"tags"`
}

type containerDefinition struct {
	Name              string     `json:"name"`
	Image             string     `json:"image"`
	EntryPoint        []string   `json:"entryPoint"`
	Command           []string   `json:"command"`
	Environment       []variable `json:"environment"`
	WorkingDirectory  string     `json:"workingDirectory"`
	Essential         *bool      `json:"essential"`
	StopTimeout       *int       `json:"stopTimeout"` // seconds
	CPU               int        `json:"cpu"`
	Memory            int        `json:"memory"`
	MemoryReservation int        `json:"memoryReservation"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (c containerDefinition) essential() bool { return c.Essential == nil || *c.Essential }

// stopTimeout is how long the container has between SIGTERM and SIGKILL.
func (c containerDefinition) stopTimeout(otherwise time.Duration) time.Duration {
	if c.StopTimeout == nil {
		return otherwise
	}
	return time.Duration(*c.StopTimeout) * time.Second
}

func (d *definition) name() string { return fmt.Sprintf("%s:%d", d.family, d.revision) }

// view is the definition as the API shows it: what was registered, and what ECS adds.
func (d *definition) view() map[string]any {
	v := make(map[string]any, len(d.members)+6)
	for name, value := range d.members {
		v[name] = value
	}
	v["taskDefinitionArn"] = d.arn
	v["revision"] = d.revision
	v["status"] = d.status
	v["registeredAt"] = d.registeredAt
	v["registeredBy"] = d.registeredBy
	v["compatibilities"] = d.parsed.compatibilities()
	v["requiresAttributes"] = []attribute{{Name: "com.amazonaws.ecs.capability.docker-remote-api.1.18"}}
	if !d.deregisteredAt.IsZero() {
		v["deregisteredAt"] = d.deregisteredAt
	}
	if !d.deleteRequestedAt.IsZero() {
		v["deleteRequestedAt"] = d.deleteRequestedAt
	}
	return v
}

type definitionOut struct {
	TaskDefinition map[string]any `json:"taskDefinition"`
	Tags           []tag          `json:"tags,omitempty"`
}

func (s *Server) registerTaskDefinition(raw json.RawMessage) (definitionOut, *apiError) {
	var members map[string]json.RawMessage
	var body definitionBody
	for _, target := range []any{&members, &body} {
		if err := json.Unmarshal(raw, target); err != nil {
			return definitionOut{}, fault("SerializationException", "%v", err)
		}
	}
	if err := body.validate(); err != nil {
		return definitionOut{}, err
	}
	delete(members, "tags")
	containers, err := fillDefaults(members["containerDefinitions"])
	if err != nil {
		return definitionOut{}, fault("SerializationException", "%v", err)
	}
	members["containerDefinitions"] = containers
	if members["volumes"] == nil {
		members["volumes"] = json.RawMessage("[]")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.definitions >= maxDefinitions {
		return definitionOut{}, fault("LimitExceededException", "Limit of %d task definition revisions exceeded.", maxDefinitions)
	}
	f := s.families[body.Family]
	if f == nil {
		f = &family{}
		s.families[body.Family] = f
	}
	d := &definition{family: body.Family, revision: len(f.revisions) + 1, status: "ACTIVE",
		members: members, parsed: body, tags: body.Tags, registeredAt: now(),
		registeredBy: "arn:aws:iam::" + s.cfg.Account + ":user/localecs"}
	d.arn = s.arn("task-definition", d.name())
	f.revisions = append(f.revisions, d)
	s.definitions++
	return definitionOut{d.view(), d.tags}, nil
}

// compatibilities are the launch types that a definition can have, by ECS's own look at it.
func (b definitionBody) compatibilities() []string {
	if b.NetworkMode == networkAwsvpc && b.CPU != "" && b.Memory != "" {
		return []string{launchExternal, launchEC2, launchFargate}
	}
	return []string{launchExternal, launchEC2}
}

// fillDefaults gives container definitions the members that ECS always shows.
func fillDefaults(raw json.RawMessage) (json.RawMessage, error) {
	var containers []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &containers); err != nil {
		return nil, err
	}
	for _, c := range containers {
		for name, value := range map[string]string{"cpu": "0", "essential": "true", "environment": "[]",
			"mountPoints": "[]", "portMappings": "[]", "volumesFrom": "[]"} {
			if c[name] == nil {
				c[name] = json.RawMessage(value)
			}
		}
	}
	return json.Marshal(containers)
}

func (b definitionBody) validate() *apiError {
	if !familyPattern.MatchString(b.Family) {
		return clientException("Invalid family name: it has 1 to 255 letters, digits, '-' and '_'.")
	}
	if len(b.Containers) == 0 || len(b.Containers) > 10 {
		return clientException("A task definition must have 1 to 10 container definitions.")
	}
	if err := checkTags(b.Tags); err != nil {
		return err
	}
	essential := false
	names := map[string]bool{}
	for _, c := range b.Containers {
		if err := c.validate(b.Memory != ""); err != nil {
			return err
		}
		if names[c.Name] {
			return clientException("Container names must be unique within a task definition: %s.", c.Name)
		}
		names[c.Name] = true
		essential = essential || c.essential()
	}
	if !essential {
		return clientException("A task definition must have at least one essential container.")
	}
	for _, size := range []string{b.CPU, b.Memory} {
		if _, err := parseSize(size); err != nil {
			return err
		}
	}
	return nil
}

func (c containerDefinition) validate(taskHasMemory bool) *apiError {
	switch {
	case !containerPattern.MatchString(c.Name):
		return clientException("Invalid container name: it has 1 to 255 letters, digits, '-' and '_'.")
	case c.Image == "":
		return clientException("Container.image should not be null or empty.")
	case c.CPU < 0 || c.Memory < 0 || c.MemoryReservation < 0:
		return clientException("Invalid setting for container '%s'. cpu and memory must not be negative.", c.Name)
	case c.StopTimeout != nil && (*c.StopTimeout < 0 || *c.StopTimeout > maxStopTimeout):
		return clientException("Invalid setting for container '%s'. stopTimeout is between 0 and %d seconds.", c.Name, maxStopTimeout)
	case c.Memory == 0 && c.MemoryReservation == 0 && !taskHasMemory:
		return clientException("Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", c.Name)
	}
	for _, v := range c.Environment {
		if err := v.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (v variable) validate() *apiError {
	if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(v.Value, "\x00") {
		return clientException("Invalid environment variable name or value.")
	}
	return nil
}

// parseSize reads a task's cpu or memory, which the API has as a string of CPU units or MiB; "" is 0.
func parseSize(text string) (int, *apiError) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, clientException("Invalid 'cpu' or 'memory' setting for task: %q. Give CPU units and MiB as numbers.", text)
	}
	return n, nil
}

// findDefinition finds what `family`, `family:revision` or an ARN names, nil if nothing; a bare family means its latest
// active revision. The caller holds s.mu.
func (s *Server) findDefinition(ref string) *definition {
	name, err := arnName("task-definition", ref)
	if err != nil {
		return nil
	}
	familyName, revision, exact := strings.Cut(name, ":")
	f := s.families[familyName]
	if f == nil {
		return nil
	}
	if exact {
		if n, err := strconv.Atoi(revision); err == nil && n >= 1 && n <= len(f.revisions) {
			return f.revisions[n-1]
		}
		return nil
	}
	for i := len(f.revisions) - 1; i >= 0; i-- {
		if f.revisions[i].status == "ACTIVE" {
			return f.revisions[i]
		}
	}
	return nil
}

type describeDefinitionIn struct {
	TaskDefinition string   `json:"taskDefinition"`
	Include        []string `json:"include"`
}

func (s *Server) describeTaskDefinition(in describeDefinitionIn) (definitionOut, *apiError) {
	tags, err := includesTags(in.Include)
	if err != nil {
		return definitionOut{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.findDefinition(in.TaskDefinition)
	if d == nil {
		return definitionOut{}, clientException("Unable to describe task definition.")
	}
	out := definitionOut{TaskDefinition: d.view()}
	if tags {
		out.Tags = d.tags
	}
	return out, nil
}

func includesTags(include []string) (bool, *apiError) {
	for _, what := range include {
		if what != "TAGS" {
			return false, invalidParameter("include knows TAGS only, not %q.", what)
		}
	}
	return len(include) > 0, nil
}

func (s *Server) deregisterTaskDefinition(in describeDefinitionIn) (definitionOut, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := arnName("task-definition", in.TaskDefinition)
	if err != nil {
		return definitionOut{}, err
	}
	if !strings.Contains(name, ":") {
		return definitionOut{}, invalidParameter("The specified task definition has no revision.")
	}
	d := s.findDefinition(name)
	if d == nil || d.status != "ACTIVE" {
		return definitionOut{}, clientException("The specified task definition does not exist or is inactive.")
	}
	d.status, d.deregisteredAt = statusInactive, now()
	return definitionOut{TaskDefinition: d.view()}, nil
}

type listDefinitionsIn struct {
	FamilyPrefix string `json:"familyPrefix"`
	Status       string `json:"status"`
	Sort         string `json:"sort"`
	MaxResults   *int   `json:"maxResults"`
	NextToken    string `json:"nextToken"`
}

type listDefinitionsOut struct {
	Arns      []string `json:"taskDefinitionArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

// listTaskDefinitions lists by family, then revision. familyPrefix is a whole family's name, in spite of what it is called.
func (s *Server) listTaskDefinitions(in listDefinitionsIn) (listDefinitionsOut, *apiError) {
	status := valueOr(in.Status, "ACTIVE")
	if status != statusActive && status != statusInactive && status != statusDeleteInProgress {
		return listDefinitionsOut{}, invalidParameter("status must be ACTIVE, INACTIVE or DELETE_IN_PROGRESS.")
	}
	sort := valueOr(in.Sort, "ASC")
	if sort != "ASC" && sort != "DESC" {
		return listDefinitionsOut{}, invalidParameter("sort must be ASC or DESC.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []listed
	for name, f := range s.families {
		if in.FamilyPrefix != "" && name != in.FamilyPrefix {
			continue
		}
		for _, d := range f.revisions {
			if d.status == status {
				found = append(found, listed{fmt.Sprintf("%s:%09d", name, d.revision), d.arn})
			}
		}
	}
	arns, next, err := page(found, sort == "DESC", in.MaxResults, in.NextToken)
	return listDefinitionsOut{arns, next}, err
}
