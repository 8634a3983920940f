package localecs

import (
	"net/http"
	"strconv"
	"time"
)

// taskMetadata is the answer to $ECS_CONTAINER_METADATA_URI_V4/task. Unlike the API it has times as text.
type taskMetadata struct {
	Cluster          string
	TaskARN          string
	Family           string
	Revision         string
	DesiredStatus    string
	KnownStatus      string
	Limits           metadataLimits
	PullStartedAt    *time.Time `json:",omitempty"`
	PullStoppedAt    *time.Time `json:",omitempty"`
	AvailabilityZone string
	LaunchType       string
	Group            string
	Containers       []containerMetadata
}

// metadataLimits has vCPUs for a task and CPU units for a container, as the real endpoint does; memory is in MiB.
type metadataLimits struct {
	CPU    float64 `json:",omitempty"`
	Memory int     `json:",omitempty"`
}

type containerMetadata struct {
	DockerID      string `json:"DockerId"`
	Name          string
	DockerName    string
	Image         string
	ImageID       string
	Labels        map[string]string
	DesiredStatus string
	KnownStatus   string
	ExitCode      *int `json:",omitempty"`
	Limits        metadataLimits
	CreatedAt     *time.Time `json:",omitempty"`
	StartedAt     *time.Time `json:",omitempty"`
	Type          string
	ContainerARN  string
	Networks      []networkMetadata
}

type networkMetadata struct {
	NetworkMode   string
	IPv4Addresses []string
}

func (s *Server) serveTaskMetadata(w http.ResponseWriter, r *http.Request) {
	s.serveMetadata(w, r, func(at slot) any { return at.task.metadata() })
}

func (s *Server) serveContainerMetadata(w http.ResponseWriter, r *http.Request) {
	s.serveMetadata(w, r, func(at slot) any { return at.task.containerMetadata(at.index) })
}

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request, describe func(slot) any) {
	s.mu.Lock()
	at, ok := s.endpoints[r.PathValue("endpoint")]
	var body any
	if ok {
		body = describe(at)
	}
	s.mu.Unlock()
	if !ok {
		s.writeJSON(w, jsonType, http.StatusNotFound, "V4 metadata handler: unable to find the endpoint's task")
		return
	}
	s.writeJSON(w, jsonType, http.StatusOK, body)
}

// metadata describes the task. The caller holds Server.mu, as for containerMetadata.
func (t *task) metadata() taskMetadata {
	m := taskMetadata{
		Cluster: t.view.ClusterArn, TaskARN: t.view.TaskArn, Family: t.def.family, Revision: strconv.Itoa(t.def.revision),
		DesiredStatus: t.view.DesiredStatus, KnownStatus: t.view.LastStatus,
		Limits:        metadataLimits{CPU: float64(t.need.cpu) / 1024, Memory: t.need.memory},
		PullStartedAt: t.view.PullStartedAt.optional(), PullStoppedAt: t.view.PullStoppedAt.optional(),
		AvailabilityZone: t.view.AvailabilityZone, LaunchType: valueOr(t.view.LaunchType, launchEC2), Group: t.view.Group,
	}
	for i := range t.view.Containers {
		m.Containers = append(m.Containers, t.containerMetadata(i))
	}
	return m
}

func (t *task) containerMetadata(i int) containerMetadata {
	c, def := t.view.Containers[i], t.def.parsed.Containers[i]
	return containerMetadata{
		DockerID: t.endpoints[i], Name: c.Name, DockerName: "ecs-" + t.def.family + "-" + strconv.Itoa(t.def.revision) + "-" + c.Name,
		Image: c.Image, ImageID: c.Image,
		Labels: map[string]string{
			"com.amazonaws.ecs.cluster":                 t.view.ClusterArn,
			"com.amazonaws.ecs.container-name":          c.Name,
			"com.amazonaws.ecs.task-arn":                t.view.TaskArn,
			"com.amazonaws.ecs.task-definition-family":  t.def.family,
			"com.amazonaws.ecs.task-definition-version": strconv.Itoa(t.def.revision),
		},
		DesiredStatus: t.view.DesiredStatus, KnownStatus: c.LastStatus, ExitCode: c.ExitCode,
		Limits:    metadataLimits{CPU: float64(def.CPU), Memory: def.Memory},
		CreatedAt: t.view.CreatedAt.optional(), StartedAt: t.view.StartedAt.optional(),
		Type: "NORMAL", ContainerARN: c.ContainerArn,
		Networks: []networkMetadata{{NetworkMode: valueOr(t.def.parsed.NetworkMode, "host"), IPv4Addresses: []string{taskAddress}}},
	}
}

// optional is the time, or nil for "not yet".
func (t timestamp) optional() *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
