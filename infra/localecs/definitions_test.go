package localecs

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestDefinitionIsEchoedWhole(t *testing.T) {
	e := start(t, Config{})
	registered := e.register("web", forEver, func(in *ecs.RegisterTaskDefinitionInput) {
		in.TaskRoleArn, in.Cpu, in.Memory = aws.String("arn:aws:iam::000000000000:role/r"), aws.String("256"), aws.String("512")
		in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
		in.Volumes = []types.Volume{{Name: aws.String("efs"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
			FileSystemId: aws.String("fs-1"), TransitEncryption: types.EFSTransitEncryptionEnabled,
			AuthorizationConfig: &types.EFSAuthorizationConfig{AccessPointId: aws.String("fsap-1")}}}}
		in.ContainerDefinitions[0].MountPoints = []types.MountPoint{{SourceVolume: aws.String("efs"), ContainerPath: aws.String("/mnt/efs")}}
	})
	out, err := e.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("web"),
		Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
	if err != nil {
		t.Fatal(err)
	}
	d := out.TaskDefinition
	if *d.TaskDefinitionArn != *registered.TaskDefinitionArn || d.Revision != 1 || d.Status != types.TaskDefinitionStatusActive || d.RegisteredAt == nil {
		t.Errorf("%s, revision %d, %s, registered %v", *d.TaskDefinitionArn, d.Revision, d.Status, d.RegisteredAt)
	}
	if *d.Volumes[0].EfsVolumeConfiguration.AuthorizationConfig.AccessPointId != "fsap-1" || *d.TaskRoleArn == "" || *d.Memory != "512" {
		t.Errorf("%+v", d)
	}
	c := d.ContainerDefinitions[0]
	if *c.MountPoints[0].ContainerPath != "/mnt/efs" || !*c.Essential || !slices.Equal(c.Command, forEver) {
		t.Errorf("%+v", c)
	}
	if len(out.Tags) != 1 || *out.Tags[0].Value != "v" {
		t.Errorf("tags %+v", out.Tags)
	}
}

func TestDefinitionsByFamilyRevisionAndARN(t *testing.T) {
	e := start(t, Config{})
	e.register("web", sh("true"))
	second := e.register("web", sh("false"))
	describe := func(ref string) (*ecs.DescribeTaskDefinitionOutput, error) {
		return e.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &ref})
	}
	for ref, want := range map[string]int32{"web": 2, "web:1": 1, *second.TaskDefinitionArn: 2} {
		if out, err := describe(ref); err != nil || out.TaskDefinition.Revision != want {
			t.Errorf("%s: %+v, %v", ref, out, err)
		}
	}
	for _, ref := range []string{"none", "web:3", "web:0", "web:x", "arn:aws:ecs:us-east-1:000000000000:task/web"} {
		_, err := describe(ref)
		wantError(t, err, "ClientException", "Unable to describe task definition.")
	}

	gone, err := e.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("web:2")})
	if err != nil || gone.TaskDefinition.Status != types.TaskDefinitionStatusInactive || gone.TaskDefinition.DeregisteredAt == nil {
		t.Errorf("%+v, %v", gone, err)
	}
	if out, err := describe("web"); err != nil || out.TaskDefinition.Revision != 1 {
		t.Errorf("latest active: %+v, %v", out, err)
	}
	if out, err := describe("web:2"); err != nil || out.TaskDefinition.Status != types.TaskDefinitionStatusInactive {
		t.Errorf("inactive: %+v, %v", out, err)
	}
	_, err = e.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("web")})
	wantError(t, err, "InvalidParameterException", "revision")
	if third := e.register("web", sh("true")); third.Revision != 3 {
		t.Errorf("a revision was used again: %d", third.Revision)
	}
}

func TestListTaskDefinitions(t *testing.T) {
	e := start(t, Config{})
	for range 11 {
		e.register("web", sh("true"))
	}
	e.register("api", sh("true"))
	list := func(in ecs.ListTaskDefinitionsInput) (names []string) {
		for p := ecs.NewListTaskDefinitionsPaginator(e.Client, &in); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, arn := range out.TaskDefinitionArns {
				names = append(names, arn[strings.LastIndex(arn, "/")+1:])
			}
		}
		return names
	}
	all := list(ecs.ListTaskDefinitionsInput{MaxResults: aws.Int32(5)})
	if len(all) != 12 || all[0] != "api:1" || all[1] != "web:1" || all[11] != "web:11" {
		t.Errorf("%v", all)
	}
	newest := list(ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("web"), Sort: types.SortOrderDesc, MaxResults: aws.Int32(4)})
	if len(newest) != 11 || newest[0] != "web:11" || newest[10] != "web:1" {
		t.Errorf("%v", newest)
	}
	if inactive := list(ecs.ListTaskDefinitionsInput{Status: types.TaskDefinitionStatusInactive}); len(inactive) != 0 {
		t.Errorf("%v", inactive)
	}
}

func TestRegisterRefuses(t *testing.T) {
	e := start(t, Config{})
	for name, c := range map[string]struct {
		change func(in *ecs.RegisterTaskDefinitionInput)
		text   string
	}{
		"family":    {func(in *ecs.RegisterTaskDefinitionInput) { in.Family = aws.String("a b") }, "family"},
		"none":      {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions = []types.ContainerDefinition{} }, "container definitions"},
		"name":      {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Name = nil }, "container name"},
		"image":     {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Image = nil }, "image"},
		"memory":    {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Memory = nil }, "memoryReservation"},
		"negative":  {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Cpu = -1 }, "negative"},
		"timeout":   {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].StopTimeout = aws.Int32(-1) }, "stopTimeout"},
		"essential": {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Essential = aws.Bool(false) }, "essential"},
		"cpu":       {func(in *ecs.RegisterTaskDefinitionInput) { in.Cpu = aws.String("lots") }, "cpu"},
		"twice": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, in.ContainerDefinitions[0])
		}, "unique"},
		"variable": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].Environment = []types.KeyValuePair{{Name: aws.String("A=B"), Value: aws.String("")}}
		}, "environment"},
	} {
		in := &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), ContainerDefinitions: []types.ContainerDefinition{
			{Name: aws.String("main"), Image: aws.String("local"), Memory: aws.Int32(16)}}}
		c.change(in)
		t.Run(name, func(t *testing.T) {
			_, err := e.RegisterTaskDefinition(t.Context(), in)
			wantError(t, err, "ClientException", c.text)
		})
	}
}

func TestClusters(t *testing.T) {
	e := start(t, Config{Instances: 2})
	created, err := e.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("other")})
	if err != nil || *created.Cluster.Status != "ACTIVE" {
		t.Fatalf("%+v, %v", created, err)
	}
	again, err := e.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("other")})
	if err != nil || *again.Cluster.ClusterArn != *created.Cluster.ClusterArn {
		t.Errorf("%+v, %v", again, err)
	}
	e.register("web", forEver)
	e.await(e.run("web").TaskArn, "RUNNING")
	out, err := e.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"default", *created.Cluster.ClusterArn, "none"}})
	if err != nil || len(out.Clusters) != 2 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Fatalf("%+v, %v", out, err)
	}
	if c := out.Clusters[0]; c.RegisteredContainerInstancesCount != 2 || c.RunningTasksCount != 1 {
		t.Errorf("%+v", c)
	}
	_, err = e.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String("other"), TaskDefinition: aws.String("web")})
	wantError(t, err, "InvalidParameterException", "No Container Instances")
	if err := e.SetInstances(Capacity{Cluster: "other", Count: 1}); err != nil {
		t.Fatal(err)
	}
	e.run("web", func(in *ecs.RunTaskInput) { in.Cluster = created.Cluster.ClusterArn })
	_, err = e.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("a b")})
	wantError(t, err, "InvalidParameterException", "cluster name")
}
