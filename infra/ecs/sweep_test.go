package ecs

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"hearth/infra/localecs"
	"hearth/messages"
	"hearth/messages/wire"
)

func TestSizeOf(t *testing.T) {
	sized := func(cpu, memory, reservation int32) types.ContainerDefinition {
		c := types.ContainerDefinition{Cpu: cpu}
		if memory > 0 {
			c.Memory = &memory
		}
		if reservation > 0 {
			c.MemoryReservation = &reservation
		}
		return c
	}
	for name, test := range map[string]struct {
		definition types.TaskDefinition
		want       taskSize
	}{
		"nothing is reserved": {types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{}}}, taskSize{}},
		"containers add up, and a reservation counts for less than the limit": {types.TaskDefinition{
			ContainerDefinitions: []types.ContainerDefinition{sized(128, 512, 256), sized(64, 100, 0)}}, taskSize{192, 356}},
		"the whole task's figures go before its containers'": {types.TaskDefinition{
			Cpu: aws.String("1024"), Memory: aws.String("2048"),
			ContainerDefinitions: []types.ContainerDefinition{sized(128, 512, 256)}}, taskSize{1024, 2048}},
		"each figure by itself": {types.TaskDefinition{Memory: aws.String("2048"),
			ContainerDefinitions: []types.ContainerDefinition{sized(128, 512, 256)}}, taskSize{128, 2048}},
		"a figure in words is nobody's": {types.TaskDefinition{Cpu: aws.String("1 vCPU"),
			ContainerDefinitions: []types.ContainerDefinition{sized(128, 0, 0)}}, taskSize{128, 0}},
	} {
		if got := sizeOf(&test.definition); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func left(name string, n int32) types.Resource {
	return types.Resource{Name: &name, Type: aws.String("INTEGER"), IntegerValue: n}
}

func TestSlotsOf(t *testing.T) {
	host := []types.Resource{left("CPU", 2048), left("MEMORY", 1900), {Name: aws.String("PORTS"), Type: aws.String("STRINGSET")}}
	for name, test := range map[string]struct {
		remaining []types.Resource
		size      *taskSize
		want      int
	}{
		"memory is scarcer":                          {host, &taskSize{256, 512}, 3},
		"CPU is scarcer":                             {host, &taskSize{1024, 512}, 2},
		"tasks that reserve memory alone":            {host, &taskSize{0, 256}, 7},
		"tasks that reserve nothing":                 {host, &taskSize{}, unboundedSlots},
		"not quite enough":                           {host, &taskSize{0, 1901}, 0},
		"just enough":                                {host, &taskSize{2048, 1900}, 1},
		"overcommitted, as after a change of size":   {[]types.Resource{left("MEMORY", -100)}, &taskSize{0, 64}, 0},
		"as long as the size is not known":           {host, nil, 0},
		"a host that says nothing of what is scarce": {nil, &taskSize{256, 256}, unboundedSlots},
	} {
		if got := slotsOf(test.remaining, test.size); got != test.want {
			t.Errorf("%s: %d slots, want %d", name, got, test.want)
		}
	}
}

func TestSeenOf(t *testing.T) {
	for name, test := range map[string]struct {
		status   string
		agent    bool
		here     bool
		draining bool
		slots    int
	}{
		"in service":           {"ACTIVE", true, true, false, 2},
		"its agent is away":    {"ACTIVE", false, true, false, 0},
		"draining":             {"DRAINING", true, true, true, 0},
		"deregistering":        {"DEREGISTERING", true, true, true, 0},
		"not registered yet":   {"REGISTERING", true, false, false, 0},
		"could not register":   {"REGISTRATION_FAILED", true, false, false, 0},
		"gone":                 {"INACTIVE", false, false, false, 0},
		"in an unheard-of way": {"", true, false, false, 0},
	} {
		seen, here := seenOf(types.ContainerInstance{
			ContainerInstanceArn: aws.String("host-1"), Status: &test.status, AgentConnected: test.agent,
			RemainingResources: []types.Resource{left("CPU", 1024), left("MEMORY", 1024)},
		}, &taskSize{0, 512})
		want := messages.HostSeen{Host: "host-1", Draining: test.draining, Slots: test.slots}
		if here != test.here || here && seen != want {
			t.Errorf("%s: %+v %t", name, seen, here)
		}
	}
	if _, here := seenOf(types.ContainerInstance{Status: aws.String("ACTIVE")}, nil); here {
		t.Error("a host without an ARN was seen")
	}
}

// instances is a Client with so many container instances, in pages of so many.
type instances struct {
	fake
	count, page int
	// failing fails the calls of an operation from the given one on.
	failing string
	from    int
	calls   map[string]int
	sizes   []int
}

func newInstances(count, page int) *instances {
	return &instances{count: count, page: page, calls: map[string]int{}}
}

func (i *instances) fails(op string) error {
	if i.calls[op]++; op == i.failing && i.calls[op] >= i.from {
		return &types.ServerException{Message: aws.String("down")}
	}
	return nil
}

func (i *instances) ListContainerInstances(
	_ context.Context, in *awsecs.ListContainerInstancesInput, _ ...func(*awsecs.Options),
) (*awsecs.ListContainerInstancesOutput, error) {
	if err := i.fails("ListContainerInstances"); err != nil {
		return nil, err
	}
	var at int
	if in.NextToken != nil {
		if _, err := fmt.Sscanf(*in.NextToken, "from %d", &at); err != nil {
			return nil, err
		}
	}
	out := &awsecs.ListContainerInstancesOutput{}
	for n := at; n < min(at+i.page, i.count); n++ {
		out.ContainerInstanceArns = append(out.ContainerInstanceArns, fmt.Sprintf("host-%d", n))
	}
	if at+i.page < i.count {
		out.NextToken = aws.String(fmt.Sprintf("from %d", at+i.page))
	}
	return out, nil
}

func (i *instances) DescribeContainerInstances(
	_ context.Context, in *awsecs.DescribeContainerInstancesInput, _ ...func(*awsecs.Options),
) (*awsecs.DescribeContainerInstancesOutput, error) {
	if err := i.fails("DescribeContainerInstances"); err != nil {
		return nil, err
	}
	i.sizes = append(i.sizes, len(in.ContainerInstances))
	out := &awsecs.DescribeContainerInstancesOutput{}
	for _, arn := range in.ContainerInstances {
		if arn == "host-13" { // it went between the two calls
			out.Failures = append(out.Failures, types.Failure{Arn: &arn, Reason: aws.String(missing)})
			continue
		}
		out.ContainerInstances = append(out.ContainerInstances, types.ContainerInstance{
			ContainerInstanceArn: &arn, Status: aws.String("ACTIVE"), AgentConnected: true,
			RemainingResources: []types.Resource{left("MEMORY", 1024)},
		})
	}
	return out, nil
}

// sweepOf is what a launcher makes of container instances.
func sweepOf(t *testing.T, i *instances) *messages.HostsListed {
	t.Helper()
	w := launch(t, i)
	w.definition.Store(&definition{size: taskSize{memory: 256}})
	w.Sweep(asker)
	return next[*messages.HostsListed](w.inbox)
}

// Every host of a cluster is seen once, however many pages there are, and 100 are described at a time.
func TestSweepPages(t *testing.T) {
	for _, test := range []struct {
		count, page int
		sizes       []int
	}{
		{0, 100, nil},
		{1, 100, []int{1}},
		{100, 100, []int{100}},
		{101, 100, []int{100, 1}},
		{250, 100, []int{100, 100, 50}},
		{250, 7, []int{100, 100, 50}},
		{maxHosts, 100, slices.Repeat([]int{100}, maxHosts/100)},
	} {
		i := newInstances(test.count, test.page)
		listed := sweepOf(t, i)
		if listed.Err != nil || !slices.Equal(i.sizes, test.sizes) {
			t.Errorf("%d hosts: %v, described %v at a time", test.count, listed.Err, i.sizes)
		}
		var want []messages.HostSeen
		for n := range test.count {
			if n != 13 {
				want = append(want, messages.HostSeen{Host: messages.HostID(fmt.Sprintf("host-%d", n)), Slots: 4})
			}
		}
		if !slices.Equal(listed.Hosts, want) {
			t.Errorf("%d hosts: saw %d: %v", test.count, len(listed.Hosts), listed.Hosts)
		}
	}
}

// A sweep sees all or nothing: what it left out would pass for lost.
func TestSweepIsWholeOrFails(t *testing.T) {
	for name, test := range map[string]struct {
		count   int
		failing string
		from    int
		kind    messages.LaunchErrorKind
	}{
		"the first page":        {250, "ListContainerInstances", 1, messages.LaunchUnavailable},
		"the third page":        {250, "ListContainerInstances", 3, messages.LaunchUnavailable},
		"the first description": {250, "DescribeContainerInstances", 1, messages.LaunchUnavailable},
		"the last description":  {250, "DescribeContainerInstances", 3, messages.LaunchUnavailable},
		"too many hosts":        {maxHosts + 1, "", 0, messages.LaunchInvalid},
	} {
		i := newInstances(test.count, 100)
		i.failing, i.from = test.failing, test.from
		listed := sweepOf(t, i)
		if listed.Err == nil || listed.Err.Kind != test.kind || listed.Hosts != nil {
			t.Errorf("%s: %v with %d hosts", name, listed.Err, len(listed.Hosts))
		}
		if listed.Err != nil && test.failing != "" && listed.Err.Op != test.failing {
			t.Errorf("%s: the error names %s", name, listed.Err.Op)
		}
	}
}

// A sweep whose pages lead round and round ends, and so does the next.
func TestSweepOfPagesThatLeadRoundAndRound(t *testing.T) {
	replies := healthy()
	replies["ListContainerInstances"] = success(`{"containerInstanceArns":[],"nextToken":"again"}`)
	w := launch(t, impatient(serve(t, byOperation(replies)).url))
	for range 2 {
		w.Sweep(asker)
		if listed := next[*messages.HostsListed](w.inbox); listed.Err == nil || listed.Err.Op != "ListContainerInstances" || listed.Hosts != nil {
			t.Errorf("%+v", listed)
		}
	}
}

// What ECS says when it refuses reaches whoever asked.
func TestSweepIsDenied(t *testing.T) {
	for _, op := range []string{"ListContainerInstances", "DescribeContainerInstances"} {
		replies := healthy()
		replies["ListContainerInstances"] = success(`{"containerInstanceArns":["host-1"]}`)
		replies[op] = awsError(http.StatusBadRequest, "AccessDeniedException", "not authorized")
		w := launch(t, impatient(serve(t, byOperation(replies)).url))
		w.Sweep(asker)
		listed := next[*messages.HostsListed](w.inbox)
		if listed.Err == nil || listed.Err.Kind != messages.LaunchDenied || !strings.Contains(listed.Err.Message, "ecs:"+op) {
			t.Errorf("%s: %v", op, listed.Err)
		}
	}
}

// A launcher that is closing answers a sweep as everything else.
func TestSweepAfterClose(t *testing.T) {
	w := launch(t, newInstances(1, 100))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	w.Sweep(asker)
	if listed := next[*messages.HostsListed](w.inbox); listed.Err == nil {
		t.Errorf("%+v", listed)
	}
}

// Hosts fill up, drain, lose their agents, and go: each is what the next sweep sees, and a start knows its host.
func TestSweepOfLocalHosts(t *testing.T) {
	server, w := local(t, `trap 'exit 0' TERM; while :; do sleep 0.05; done`, localecs.Faults{})
	if problems, _ := w.Check(context.Background()); problems != nil {
		t.Fatal(problems)
	}
	// Two hosts, with room for two and for one task of 16 MiB.
	for _, hosts := range []localecs.Capacity{{Count: 0}, {Count: 1, CPU: 1024, Memory: 40}, {Count: 2, CPU: 1024, Memory: 30}} {
		hosts.Cluster = aCluster
		if err := server.SetInstances(hosts); err != nil {
			t.Fatal(err)
		}
	}
	slots := map[messages.HostID]int{}
	for _, seen := range w.sweeps() {
		slots[seen.Host] = seen.Slots
	}
	var wide, narrow messages.HostID
	for id, n := range slots {
		if n == 2 {
			wide = id
		} else {
			narrow = id
		}
	}
	if len(slots) != 2 || slots[wide] != 2 || slots[narrow] != 1 {
		t.Fatalf("slots: %v", slots)
	}

	// The fuller host goes first, and each start says where it went.
	arns := map[messages.HostID]string{}
	for _, task := range []wire.TaskID{"task-1", "task-2"} {
		w.Run(asker, messages.RunTask{Task: task})
		done := next[*messages.RunDone](w.inbox)
		if done.Err != nil {
			t.Fatal(done.Err)
		}
		arns[done.Host] = done.ARN
	}
	if arns[wide] == "" || arns[narrow] == "" {
		t.Fatalf("the tasks went to %v", arns)
	}
	w.sees(t, messages.HostSeen{Host: wide, Slots: 1}, messages.HostSeen{Host: narrow})

	drain := func(host messages.HostID, status types.ContainerInstanceStatus) {
		t.Helper()
		_, err := impatient(server.URL()).UpdateContainerInstancesState(context.Background(), &awsecs.UpdateContainerInstancesStateInput{
			Cluster: aws.String(aCluster), ContainerInstances: []string{string(host)}, Status: status})
		if err != nil {
			t.Fatal(err)
		}
	}
	drain(wide, types.ContainerInstanceStatusDraining)
	w.sees(t, messages.HostSeen{Host: wide, Draining: true}, messages.HostSeen{Host: narrow})
	w.until(arns[wide], messages.PhaseRunning) // what runs there runs on
	drain(wide, types.ContainerInstanceStatusActive)
	w.sees(t, messages.HostSeen{Host: wide, Slots: 1}, messages.HostSeen{Host: narrow})

	if err := server.SetAgentConnected(string(wide), false); err != nil {
		t.Fatal(err)
	}
	w.sees(t, messages.HostSeen{Host: wide}, messages.HostSeen{Host: narrow})
	if err := server.SetAgentConnected(string(wide), true); err != nil {
		t.Fatal(err)
	}

	if err := server.LoseInstance(string(narrow)); err != nil {
		t.Fatal(err)
	}
	w.sees(t, messages.HostSeen{Host: wide, Slots: 1})
	if lost := w.until(arns[narrow], messages.PhaseStopped); !lost.HostGone || !strings.Contains(lost.Reason, "terminated") {
		t.Errorf("the lost host's task: %+v", lost)
	}
	w.Stop(asker, "task-1", arns[wide], "idle")
	if done := next[*messages.StopDone](w.inbox); done.Err != nil {
		t.Fatal(done.Err)
	}
	if stopped := w.until(arns[wide], messages.PhaseStopped); stopped.HostGone {
		t.Errorf("the other host's task: %+v", stopped)
	}
}

// sweeps looks at the local endpoint's hosts.
func (w *world) sweeps() []messages.HostSeen {
	w.t.Helper()
	w.Sweep(asker)
	listed := next[*messages.HostsListed](w.inbox)
	if listed.Err != nil {
		w.t.Fatal(listed.Err)
	}
	return listed.Hosts
}

// sees checks what a sweep sees, in any order.
func (w *world) sees(t *testing.T, want ...messages.HostSeen) {
	t.Helper()
	order := func(a, b messages.HostSeen) int { return strings.Compare(string(a.Host), string(b.Host)) }
	slices.SortFunc(want, order)
	if got := slices.SortedFunc(slices.Values(w.sweeps()), order); !slices.Equal(got, want) {
		t.Errorf("saw %+v, want %+v", got, want)
	}
}
