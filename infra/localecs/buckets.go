package localecs

import "golang.org/x/time/rate"

// bucket is one of AWS's token buckets, which the operations in it share.
type bucket struct {
	burst      int
	perSecond  rate.Limit
	operations []string
}

// bucketsOfAWS are those of https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html.
var bucketsOfAWS = []bucket{
	{100, 40, []string{"RunTask", "StopTask", "DeregisterContainerInstance", "UpdateContainerInstancesState"}},
	{100, 20, []string{"DescribeTasks", "ListTasks", "DescribeContainerInstances", "ListContainerInstances"}},
	{50, 20, []string{"DescribeClusters", "ListClusters"}},
	{50, 20, []string{"DescribeTaskDefinition", "ListTaskDefinitions"}},
	{20, 1, []string{"RegisterTaskDefinition", "DeregisterTaskDefinition", "DeleteTaskDefinitions"}},
	{50, 20, []string{"DescribeCapacityProviders"}},
}

// fullBuckets gives each operation its bucket, full.
func fullBuckets() map[string]*rate.Limiter {
	all := map[string]*rate.Limiter{}
	for _, b := range bucketsOfAWS {
		limiter := rate.NewLimiter(b.perSecond, b.burst)
		for _, operation := range b.operations {
			all[operation] = limiter
		}
	}
	return all
}

// exceeds reports whether a call is one too many for its bucket.
func (i *faultInjector) exceeds(operation string) bool {
	i.mu.Lock()
	limiter := i.buckets[operation]
	i.mu.Unlock()
	return limiter != nil && !limiter.Allow()
}
