package localecs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
)

// model is AWS's own description of a service, as botocore has it.
type model struct {
	Operations map[string]struct {
		Output struct{ Shape string }
		Errors []struct{ Shape string }
		HTTP   struct{ Method, RequestURI string }
	}
	Shapes map[string]shape
}

type shape struct {
	Type     string
	Required []string
	Members  map[string]member
	Member   member
	Value    member
}

type member struct{ Shape, LocationName string }

// newer is what the models of Debian's AWS CLI are too old to have.
var newer = map[string]bool{"DeleteTaskDefinitions": true, "deleteRequestedAt": true}

// loadModel reads the model of a service from the AWS CLI that is installed.
func loadModel(t *testing.T, service string) *model {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/usr/lib/python3/dist-packages/awscli/botocore/data", "/usr/lib/python3/dist-packages/botocore/data"} {
		paths, err := filepath.Glob(filepath.Join(pattern, service, "*", "service-2.json"))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	if len(found) == 0 {
		t.Fatal("no models of AWS: install the AWS CLI with `apt-get install awscli`")
	}
	raw, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	if err := json.Unmarshal(raw, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// check tells where a value is not of a shape: a member that the model does not have, that is missing, or of another type.
func (m *model) check(v any, name, at string) (problems []string) {
	s := m.Shapes[name]
	problem := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	switch s.Type {
	case "structure":
		members, ok := v.(map[string]any)
		if !ok {
			problem("%T is no structure", v)
			break
		}
		wire := map[string]member{}
		for name, each := range s.Members {
			if each.LocationName != "" {
				name = each.LocationName
			}
			wire[name] = each
		}
		for name, value := range members {
			if each, ok := wire[name]; ok {
				problems = append(problems, m.check(value, each.Shape, at+"."+name)...)
			} else if !newer[name] {
				problem("it has no member %s", name)
			}
		}
		for _, name := range s.Required {
			if members[name] == nil {
				problem("%s is missing", name)
			}
		}
	case "list":
		items, ok := v.([]any)
		if !ok {
			problem("%T is no list", v)
		}
		for i, item := range items {
			problems = append(problems, m.check(item, s.Member.Shape, fmt.Sprintf("%s.%d", at, i))...)
		}
	case "map":
		items, ok := v.(map[string]any)
		if !ok {
			problem("%T is no map", v)
		}
		for key, item := range items {
			problems = append(problems, m.check(item, s.Value.Shape, at+"."+key)...)
		}
	default:
		if n, number := v.(json.Number); !scalars[s.Type](v) || number && s.Type != "timestamp" && strings.ContainsAny(n.String(), ".e") && s.Type != "double" {
			problem("%v (%T) is no %s", v, v, s.Type)
		}
	}
	return problems
}

var scalars = map[string]func(any) bool{
	"string": is[string], "boolean": is[bool], "integer": is[json.Number], "long": is[json.Number],
	"double": is[json.Number], "timestamp": is[json.Number],
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

// recorder checks every answer that passes against its service's model.
type recorder struct {
	t        *testing.T
	ecs, efs *model
	mu       sync.Mutex
	seen     map[string]bool // operations that were answered
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(raw))
	m, operation := r.ecs, strings.TrimPrefix(req.Header.Get("X-Amz-Target"), targetPrefix)
	if operation == "" {
		m, operation = r.efs, fileOperationOf(req)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[operation] = true
	described, ok := m.Operations[operation]
	if !ok {
		if !newer[operation] {
			r.t.Errorf("AWS has no operation %s", operation)
		}
		return res, nil
	}
	if len(raw) == 0 {
		if described.Output.Shape != "" {
			r.t.Errorf("%s: an empty answer", operation)
		}
		return res, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil {
		r.t.Errorf("%s: %v", operation, err)
	}
	if res.StatusCode < http.StatusBadRequest {
		for _, problem := range m.check(body, described.Output.Shape, operation) {
			r.t.Error(problem)
		}
		return res, nil
	}
	code, ofFiles := body["ErrorCode"].(string)
	if !ofFiles {
		code, _ = body["__type"].(string)
	}
	for _, declared := range described.Errors {
		if declared.Shape == code {
			return res, nil
		}
	}
	r.t.Errorf("%s: AWS declares no error %s", operation, code)
	return res, nil
}

func fileOperationOf(req *http.Request) string {
	switch req.Method {
	case http.MethodPost:
		return "CreateAccessPoint"
	case http.MethodDelete:
		return "DeleteAccessPoint"
	default:
		return "DescribeAccessPoints"
	}
}

// Every answer of every operation is of the shape that AWS's own models say, errors included.
func TestAnswersAgainstAWSModels(t *testing.T) {
	e := start(t, Config{CapacityProvider: "hosts", Zones: 2, Instances: 2})
	r := &recorder{t: t, ecs: loadModel(t, "ecs"), efs: loadModel(t, "efs"), seen: map[string]bool{}}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(e.URL()), HTTPClient: &http.Client{Transport: r},
		Credentials: credentials.StaticCredentialsProvider{Value: e.Credentials()}, Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	e.Client = ecs.NewFromConfig(cfg)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	fails := func(_ any, err error) {
		t.Helper()
		if err == nil {
			t.Error("it went well")
		}
	}
	ctx := t.Context()
	must(e.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("other")}))
	must(e.ListClusters(ctx, &ecs.ListClustersInput{}))
	must(e.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"default", "none"}}))
	must(e.DescribeCapacityProviders(ctx, &ecs.DescribeCapacityProvidersInput{CapacityProviders: []string{"hosts", "FARGATE", "none"}}))
	e.register("web", forEver, func(in *ecs.RegisterTaskDefinitionInput) {
		in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		in.Volumes = []types.Volume{{Name: aws.String("v"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{FileSystemId: aws.String("fs-00000000")}}}
	})
	e.register("vpc", forEver, fargate)
	task := e.run("web").TaskArn
	e.await(task, "RUNNING")
	alone := e.run("vpc", onFargate).TaskArn
	must(e.ListTasks(ctx, &ecs.ListTasksInput{}))
	must(e.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: []string{*task, *alone, "0123"}}))
	host := e.instances()[0].ContainerInstanceArn
	must(e.UpdateContainerInstancesState(ctx, &ecs.UpdateContainerInstancesStateInput{ContainerInstances: []string{*host}, Status: "DRAINING"}))
	must(e.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{ContainerInstance: host, Force: aws.Bool(true)}))
	must(e.StopTask(ctx, &ecs.StopTaskInput{Task: task}))
	must(e.StopTask(ctx, &ecs.StopTaskInput{Task: alone}))
	e.await(task, "STOPPED")
	e.await(alone, "STOPPED")
	must(e.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("web"), Include: []types.TaskDefinitionField{"TAGS"}}))
	must(e.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{}))
	must(e.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("web:1")}))
	must(e.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: []string{"web:1", "vpc:1"}}))
	must(e.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("web:1")}))
	fails(e.RunTask(ctx, &ecs.RunTaskInput{TaskDefinition: aws.String("none")}))
	fails(e.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("none")}))
	fails(e.StopTask(ctx, &ecs.StopTaskInput{Task: aws.String("0123")}))

	files := efs.NewFromConfig(cfg)
	create := &efs.CreateAccessPointInput{ClientToken: aws.String("t"), FileSystemId: aws.String("fs-00000000"),
		PosixUser:     &efstypes.PosixUser{Uid: aws.Int64(1), Gid: aws.Int64(1)},
		RootDirectory: &efstypes.RootDirectory{Path: aws.String("/a"), CreationInfo: &efstypes.CreationInfo{OwnerUid: aws.Int64(1), OwnerGid: aws.Int64(1), Permissions: aws.String("0700")}},
		Tags:          []efstypes.Tag{{Key: aws.String("Name"), Value: aws.String("n")}}}
	made, err := files.CreateAccessPoint(ctx, create)
	must(made, err)
	fails(files.CreateAccessPoint(ctx, create))
	must(files.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{FileSystemId: create.FileSystemId}))
	must(files.DeleteAccessPoint(ctx, &efs.DeleteAccessPointInput{AccessPointId: made.AccessPointId}))
	fails(files.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{AccessPointId: made.AccessPointId}))
	for name := range operations() {
		if !r.seen[name] {
			t.Errorf("%s was not tried", name)
		}
	}
}
