package ends

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The names of the one deployment that the endpoint has.
const (
	Cluster       = "c"
	Definition    = "agent:1"
	Container     = "bridge"
	AccessPoint   = "fsap-00000000"
	arnPrefix     = "arn:aws:ecs:us-east-1:000000000000:task/" + Cluster + "/"
	hostARN       = "arn:aws:ecs:us-east-1:000000000000:container-instance/" + Cluster + "/h"
	workspaces    = "/mnt/efs"
	maxRequest    = 1 << 20
	contentTypeIs = "application/x-amz-json-1.1"
)

type object = map[string]any

// call is as much of a request as the endpoint looks at.
type call struct {
	Tasks     []string `json:"tasks"`
	Task      string   `json:"task"`
	Overrides struct {
		ContainerOverrides []struct {
			Environment []struct{ Name, Value string } `json:"environment"`
		} `json:"containerOverrides"`
	} `json:"overrides"`
}

// serveECS is as much of ECS as a gateway needs whose tasks are nothing but bridges.
func (s *standin) serveECS(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.answer(operation, in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // Invariant: it is made of maps, lists and strings
	}
	w.Header().Set("Content-Type", contentTypeIs)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func (s *standin) answer(operation string, in call) (object, error) {
	switch operation {
	case "RunTask":
		return s.runTask(in)
	case "StopTask":
		s.stopTask(in.Task)
		return object{"task": object{"taskArn": in.Task}}, nil
	case "ListTasks":
		return object{"taskArns": s.running()}, nil
	case "DescribeTasks":
		return object{"tasks": s.describe(in.Tasks)}, nil
	case "ListContainerInstances":
		return object{"containerInstanceArns": []string{hostARN}}, nil
	case "DescribeContainerInstances":
		return object{"containerInstances": []object{{"containerInstanceArn": hostARN, "status": "ACTIVE", "agentConnected": true}}}, nil
	case "DescribeTaskDefinition":
		return object{"taskDefinition": object{
			"status": "ACTIVE", "volumes": []object{{"name": "efs", "efsVolumeConfiguration": object{
				"fileSystemId": "fs-1", "transitEncryption": "ENABLED",
				"authorizationConfig": object{"accessPointId": AccessPoint, "iam": "ENABLED"},
			}}},
			"containerDefinitions": []object{{
				"name": Container, "mountPoints": []object{{"sourceVolume": "efs", "containerPath": workspaces}},
			}},
		}}, nil
	}
	return nil, fmt.Errorf("this endpoint has no %s", operation)
}

// runTask starts a task, whose bridge dials after the time that a start takes.
func (s *standin) runTask(in call) (object, error) {
	t := &task{standin: s, environment: map[string]string{}, stopped: make(chan struct{})}
	for _, container := range in.Overrides.ContainerOverrides {
		for _, each := range container.Environment {
			t.environment[each.Name] = each.Value
		}
	}
	if t.environment["TASK_ID"] == "" {
		return nil, fmt.Errorf("a task without TASK_ID")
	}
	arn := arnPrefix + t.environment["TASK_ID"]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks[arn] == nil && s.ctx.Err() == nil {
		s.tasks[arn] = t
		s.starting.Go(func() {
			select {
			case <-time.After(s.options.Start):
				t.live()
			case <-t.stopped:
			case <-s.ctx.Done():
			}
		})
	}
	return object{"tasks": []object{{"taskArn": arn, "lastStatus": "PROVISIONING", "containerInstanceArn": hostARN}}, "failures": []object{}}, nil
}

// stopTask ends a task at once, and its bridge's socket with it.
func (s *standin) stopTask(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tasks[arn]; t != nil {
		delete(s.tasks, arn)
		close(t.stopped)
	}
}

func (s *standin) running() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	arns := []string{}
	for arn := range s.tasks {
		arns = append(arns, arn)
	}
	return arns
}

// describe tells of the tasks that run; of one that has stopped the gateway learns that it is missing.
func (s *standin) describe(arns []string) []object {
	s.mu.Lock()
	defer s.mu.Unlock()
	described := []object{}
	for _, arn := range arns {
		if t := s.tasks[arn]; t != nil {
			described = append(described, object{
				"taskArn": arn, "lastStatus": "RUNNING", "containerInstanceArn": hostARN,
				"overrides": object{"containerOverrides": []object{
					{"name": Container, "environment": []object{{"name": "TASK_ID", "value": t.environment["TASK_ID"]}}},
				}},
			})
		}
	}
	return described
}
