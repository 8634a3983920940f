package localecs

import "regexp"

const (
	defaultCluster = "default" // what a call means that names none
	maxClusters    = 1000
)

var clusterPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// cluster holds instances and tasks. Guarded by Server.mu.
type cluster struct {
	name      string
	arn       string
	instances []*instance          // in the order of their registration
	tasks     []*task              // in the order of their creation; the stopped ones too, until they are forgotten
	runs      map[string]runRecord // by clientToken
	// strategy is what a RunTask gets that names neither a launch type nor a capacity provider.
	strategy  []providerItem
	providers []string
}

// clusterView is a cluster as the API shows it.
type clusterView struct {
	ClusterArn                        string         `json:"clusterArn"`
	ClusterName                       string         `json:"clusterName"`
	Status                            string         `json:"status"`
	RegisteredContainerInstancesCount int            `json:"registeredContainerInstancesCount"`
	RunningTasksCount                 int            `json:"runningTasksCount"`
	PendingTasksCount                 int            `json:"pendingTasksCount"`
	ActiveServicesCount               int            `json:"activeServicesCount"`
	CapacityProviders                 []string       `json:"capacityProviders"`
	DefaultStrategy                   []providerItem `json:"defaultCapacityProviderStrategy"`
}

func (c *cluster) view() clusterView {
	running, pending := countTasks(c.tasks)
	return clusterView{
		ClusterArn: c.arn, ClusterName: c.name, Status: "ACTIVE",
		RegisteredContainerInstancesCount: len(c.instances), RunningTasksCount: running, PendingTasksCount: pending,
		CapacityProviders: append([]string{}, c.providers...), DefaultStrategy: append([]providerItem{}, c.strategy...),
	}
}

func (s *Server) addCluster(name string) *cluster {
	c := &cluster{name: name, arn: s.arn("cluster", name), runs: map[string]runRecord{}}
	s.clusters[name] = c
	return c
}

// cluster finds the cluster that a call names, by name or ARN. Old tasks are forgotten on the way, so that no call sees
// them. The caller holds s.mu.
func (s *Server) cluster(ref string) (*cluster, *apiError) {
	name, err := arnName("cluster", valueOr(ref, defaultCluster))
	if err != nil {
		return nil, err
	}
	c := s.clusters[name]
	if c == nil {
		return nil, fault("ClusterNotFoundException", "Cluster not found.")
	}
	c.forget(now().Time)
	return c, nil
}

type createClusterIn struct {
	ClusterName       string         `json:"clusterName"`
	CapacityProviders []string       `json:"capacityProviders"`
	DefaultStrategy   []providerItem `json:"defaultCapacityProviderStrategy"`
}

type createClusterOut struct {
	Cluster clusterView `json:"cluster"`
}

// createCluster makes a cluster without instances; one that exists is returned as it is, as ECS does.
func (s *Server) createCluster(in createClusterIn) (createClusterOut, *apiError) {
	name := valueOr(in.ClusterName, defaultCluster)
	if !clusterPattern.MatchString(name) {
		return createClusterOut{}, invalidParameter("Invalid cluster name.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[name]
	if c == nil {
		if len(s.clusters) >= maxClusters {
			return createClusterOut{}, fault("LimitExceededException", "Limit of %d clusters exceeded.", maxClusters)
		}
		c = s.addCluster(name)
		c.providers, c.strategy = in.CapacityProviders, in.DefaultStrategy
		s.log.Info().Str("cluster", name).Msg("the new cluster has no container instances; this gives it one: " + s.giveInstance(c))
	}
	return createClusterOut{c.view()}, nil
}

type describeClustersIn struct {
	Clusters []string `json:"clusters"`
}

type describeClustersOut struct {
	Clusters []clusterView `json:"clusters"`
	Failures []failure     `json:"failures"`
}

func (s *Server) describeClusters(in describeClustersIn) (describeClustersOut, *apiError) {
	out := describeClustersOut{Clusters: []clusterView{}, Failures: []failure{}}
	if len(in.Clusters) > maxPage {
		return out, invalidParameter("Clusters cannot have more than %d elements.", maxPage)
	}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{defaultCluster}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range in.Clusters {
		name, err := arnName("cluster", ref)
		if err != nil {
			return out, err
		}
		if c := s.clusters[name]; c != nil {
			out.Clusters = append(out.Clusters, c.view())
		} else {
			out.Failures = append(out.Failures, failure{Arn: s.arn("cluster", name), Reason: reasonMissing})
		}
	}
	return out, nil
}
