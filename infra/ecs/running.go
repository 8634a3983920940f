package ecs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Running says where and how a deployment's tasks run, as an operator writes it. The zero Running leaves it to the
// cluster's default strategy, spread over zones and packed by memory.
type Running struct {
	// LaunchType is EC2 or FARGATE. With it cluster auto scaling does not see the tasks.
	LaunchType string
	// CapacityProviders are NAME, NAME=WEIGHT or NAME=WEIGHT:BASE; a weight is 1 if it is not given.
	CapacityProviders []string
	// Subnets, SecurityGroups and AssignPublicIP are the network of tasks in network mode awsvpc.
	Subnets, SecurityGroups []string
	AssignPublicIP          bool
	// PlacementStrategy has TYPE or TYPE:FIELD, in the order in which they apply.
	PlacementStrategy []string
	// PlacementConstraints are distinctInstance, or an expression that hosts must meet.
	PlacementConstraints []string
	// Group is the tasks' group, by default their family.
	Group string
	// Tags are put on each task; PropagateTags adds the definition's.
	Tags          map[string]string
	PropagateTags bool
	// Exec lets operators run commands in tasks (ECS Exec).
	Exec bool
}

// fargateProviders are the capacity providers that have no hosts.
var fargateProviders = []string{"FARGATE", "FARGATE_SPOT"}

// OnFargate reports whether tasks have no hosts that could be known of.
func (r Running) OnFargate() bool {
	if len(r.CapacityProviders) == 0 {
		return r.LaunchType == string(types.LaunchTypeFargate)
	}
	return !slices.ContainsFunc(r.CapacityProviders, func(item string) bool {
		name, _, _ := strings.Cut(item, "=")
		return !slices.Contains(fargateProviders, name)
	})
}

// Validate reports everything that is wrong, an error a problem, each naming the setting by its environment variable.
func (r Running) Validate() []error {
	_, problems := r.template()
	return problems
}

const (
	maxStrategies  = 5
	maxConstraints = 10
	maxTags        = 50
	maxNetwork     = 16 // subnets
	maxGroups      = 5  // security groups
)

var (
	groupPattern    = regexp.MustCompile(`^[A-Za-z0-9_:-]{1,255}$`)
	providerPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
)

// template is the part of a RunTask call that is the same for all tasks.
func (r Running) template() (*awsecs.RunTaskInput, []error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	in := &awsecs.RunTaskInput{
		Count:                aws.Int32(1),
		LaunchType:           types.LaunchType(r.LaunchType),
		EnableECSManagedTags: true, // aws:ecs:clusterName, for the bill
		EnableExecuteCommand: r.Exec,
	}
	if r.LaunchType != "" && len(r.CapacityProviders) > 0 {
		problem("ECS_LAUNCH_TYPE: not together with ECS_CAPACITY_PROVIDERS")
	}
	var err error
	if in.CapacityProviderStrategy, err = strategyItems(r.CapacityProviders); err != nil {
		problem("ECS_CAPACITY_PROVIDERS: %w", err)
	}
	if in.PlacementStrategy, err = r.strategies(); err != nil {
		problem("ECS_PLACEMENT_STRATEGY: %w", err)
	}
	if in.PlacementConstraints, err = r.constraints(); err != nil {
		problem("ECS_PLACEMENT_CONSTRAINTS: %w", err)
	}
	problems = append(problems, r.network(in)...)
	if r.Group != "" {
		in.Group = &r.Group
		if !groupPattern.MatchString(r.Group) {
			problem("ECS_GROUP: %q has not 1 to 255 letters, digits, -, _ and :", r.Group)
		}
	}
	if r.PropagateTags {
		in.PropagateTags = types.PropagateTagsTaskDefinition
	}
	if in.Tags, err = tagsOf(r.Tags); err != nil {
		problem("ECS_TAGS: %w", err)
	}
	return in, problems
}

func strategyItems(items []string) (all []types.CapacityProviderStrategyItem, err error) {
	total := int32(0)
	for _, item := range items {
		name, figures, weighted := strings.Cut(item, "=")
		weight, base, based := strings.Cut(figures, ":")
		it := types.CapacityProviderStrategyItem{CapacityProvider: &name, Weight: 1}
		bad := !providerPattern.MatchString(name)
		if weighted {
			n, err := strconv.ParseInt(weight, 10, 32)
			it.Weight, bad = int32(n), bad || err != nil || n < 0 || n > 1000
		}
		if based {
			n, err := strconv.ParseInt(base, 10, 32)
			it.Base, bad = int32(n), bad || err != nil || n < 0 || n > 100_000
		}
		if bad {
			return nil, fmt.Errorf("%q is not NAME, NAME=WEIGHT (0 to 1000) or NAME=WEIGHT:BASE", item)
		}
		total += it.Weight
		all = append(all, it)
	}
	if len(items) > 0 && total == 0 {
		return nil, errors.New("with all weights 0 no task starts")
	}
	return all, nil
}

// strategies are the placement strategies; there are none on Fargate, which takes none.
func (r Running) strategies() (all []types.PlacementStrategy, err error) {
	if r.OnFargate() {
		if len(r.PlacementStrategy) > 0 {
			return nil, errors.New("tasks on Fargate take none")
		}
		return nil, nil
	}
	wanted := r.PlacementStrategy
	if len(wanted) == 0 {
		wanted = []string{"spread:attribute:ecs.availability-zone", "binpack:memory"}
	}
	if len(wanted) > maxStrategies {
		return nil, fmt.Errorf("there are more than the %d that ECS takes", maxStrategies)
	}
	for _, item := range wanted {
		kind, field, _ := strings.Cut(item, ":")
		st := types.PlacementStrategy{Type: types.PlacementStrategyType(kind)}
		good := false
		switch st.Type {
		case types.PlacementStrategyTypeRandom:
			good = field == ""
		case types.PlacementStrategyTypeSpread:
			good = field == "instanceId" || field == "host" || strings.HasPrefix(field, "attribute:")
		case types.PlacementStrategyTypeBinpack:
			good = field == "cpu" || field == "memory"
		}
		if !good {
			return nil, fmt.Errorf("%q is not random, spread:instanceId, spread:attribute:NAME, binpack:cpu or binpack:memory", item)
		}
		if field != "" {
			st.Field = &field
		}
		all = append(all, st)
	}
	return all, nil
}

func (r Running) constraints() (all []types.PlacementConstraint, err error) {
	switch {
	case len(r.PlacementConstraints) > maxConstraints:
		return nil, fmt.Errorf("ECS takes at most %d", maxConstraints)
	case len(r.PlacementConstraints) > 0 && r.OnFargate():
		return nil, errors.New("tasks on Fargate take none")
	}
	for _, item := range r.PlacementConstraints {
		c := types.PlacementConstraint{Type: types.PlacementConstraintTypeDistinctInstance}
		if item = strings.TrimSpace(item); item == "" || len(item) > 2000 {
			return nil, errors.New("an expression has 1 to 2000 characters")
		} else if item != string(c.Type) {
			c = types.PlacementConstraint{Type: types.PlacementConstraintTypeMemberOf, Expression: &item}
		}
		all = append(all, c)
	}
	return all, nil
}

// network fills in the network of tasks that have one of their own.
func (r Running) network(in *awsecs.RunTaskInput) (problems []error) {
	switch {
	case len(r.Subnets) > maxNetwork || len(r.SecurityGroups) > maxGroups:
		return []error{fmt.Errorf("ECS_SUBNETS, ECS_SECURITY_GROUPS: ECS takes at most %d and %d", maxNetwork, maxGroups)}
	case len(r.Subnets) == 0 && (len(r.SecurityGroups) > 0 || r.AssignPublicIP):
		return []error{errors.New("ECS_SUBNETS: needed with ECS_SECURITY_GROUPS and ECS_ASSIGN_PUBLIC_IP")}
	case len(r.Subnets) == 0 && r.OnFargate():
		return []error{errors.New("ECS_SUBNETS: needed on Fargate")}
	case len(r.Subnets) == 0:
		return nil
	}
	public := types.AssignPublicIpDisabled
	if r.AssignPublicIP {
		public = types.AssignPublicIpEnabled
	}
	in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
		Subnets: r.Subnets, SecurityGroups: r.SecurityGroups, AssignPublicIp: public}}
	return nil
}

// tagsOf are tags in the order of their keys: calls with one clientToken must not differ.
func tagsOf(tags map[string]string) (all []types.Tag, err error) {
	if len(tags) > maxTags {
		return nil, fmt.Errorf("ECS takes at most %d", maxTags)
	}
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, fmt.Errorf("%q: a key has 1 to 128 characters and does not begin with aws:, a value at most 256", key)
		}
		all = append(all, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	slices.SortFunc(all, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return all, nil
}
