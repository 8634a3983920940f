package localecs

import "slices"

// groupARN names the Auto Scaling group behind a capacity provider: it has the provider's name.
func (s *Server) groupARN(name string) string {
	return "arn:aws:autoscaling:" + s.cfg.Region + ":" + s.cfg.Account + ":autoScalingGroup:" + groupID + ":autoScalingGroupName/" + name
}

// groupID is the same for all groups: nothing goes by it.
const groupID = "00000000-0000-0000-0000-000000000000"

type providerView struct {
	Arn    string        `json:"capacityProviderArn"`
	Name   string        `json:"name"`
	Status string        `json:"status"`
	Group  *providerAuto `json:"autoScalingGroupProvider,omitempty"`
}

type providerAuto struct {
	Arn                          string         `json:"autoScalingGroupArn"`
	ManagedScaling               managedScaling `json:"managedScaling"`
	ManagedTerminationProtection string         `json:"managedTerminationProtection"`
}

type managedScaling struct {
	Status         string `json:"status"`
	TargetCapacity int    `json:"targetCapacity"`
}

type describeProvidersIn struct {
	CapacityProviders []string `json:"capacityProviders"`
}

type describeProvidersOut struct {
	CapacityProviders []providerView `json:"capacityProviders"`
	Failures          []failure      `json:"failures"`
}

// describeCapacityProviders knows Fargate's and those that clusters have been given.
func (s *Server) describeCapacityProviders(in describeProvidersIn) (describeProvidersOut, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := []string{"FARGATE", "FARGATE_SPOT"}
	for _, c := range s.clusters {
		known = append(known, c.providers...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	wanted := in.CapacityProviders
	if len(wanted) == 0 {
		wanted = known
	}
	out := describeProvidersOut{CapacityProviders: []providerView{}, Failures: []failure{}}
	for _, ref := range wanted {
		name, err := arnName("capacity-provider", ref)
		if err != nil {
			return out, err
		}
		if !slices.Contains(known, name) {
			out.Failures = append(out.Failures, failure{Arn: s.arn("capacity-provider", name), Reason: reasonMissing})
			continue
		}
		v := providerView{Arn: s.arn("capacity-provider", name), Name: name, Status: statusActive}
		if !fargateProviders[name] {
			v.Group = &providerAuto{s.groupARN(name), managedScaling{"ENABLED", 100}, "ENABLED"}
		}
		out.CapacityProviders = append(out.CapacityProviders, v)
	}
	return out, nil
}

type listClustersIn struct {
	MaxResults *int   `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

type listClustersOut struct {
	Arns      []string `json:"clusterArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

func (s *Server) listClusters(in listClustersIn) (listClustersOut, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []listed
	for name, c := range s.clusters {
		found = append(found, listed{name, c.arn})
	}
	arns, next, err := page(found, false, in.MaxResults, in.NextToken)
	return listClustersOut{arns, next}, err
}

type deregisterInstanceIn struct {
	Cluster           string `json:"cluster"`
	ContainerInstance string `json:"containerInstance"`
	Force             bool   `json:"force"`
}

type deregisterInstanceOut struct {
	ContainerInstance instanceView `json:"containerInstance"`
}

// deregisterContainerInstance takes an instance out of its cluster. With force also one that has tasks, which end.
func (s *Server) deregisterContainerInstance(in deregisterInstanceIn) (deregisterInstanceOut, *apiError) {
	if err := s.strictly("container-instance", in.ContainerInstance); err != nil {
		return deregisterInstanceOut{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return deregisterInstanceOut{}, err
	}
	id, err := memberID("container-instance", c.name, in.ContainerInstance)
	if err != nil {
		return deregisterInstanceOut{}, err
	}
	at := slices.IndexFunc(c.instances, func(i *instance) bool { return i.id == id })
	if at < 0 {
		return deregisterInstanceOut{}, invalidParameter("The referenced container instance was not found.")
	}
	i := c.instances[at]
	if len(i.tasks) > 0 && !in.Force {
		return deregisterInstanceOut{}, invalidParameter("Found running tasks on the instance.")
	}
	s.remove(c, i, stopByUser, "Container instance deregistration forced by user")
	i.status = statusInactive
	return deregisterInstanceOut{i.view()}, nil
}
