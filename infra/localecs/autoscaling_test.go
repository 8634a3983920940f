package localecs

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// The real SDK reads groups, warm pools and errors.
func TestAutoScaling(t *testing.T) {
	e := start(t, Config{})
	client := autoscaling.New(autoscaling.Options{Region: "us-east-1", BaseEndpoint: aws.String(e.URL()), HTTPClient: e.Options().HTTPClient,
		Credentials: credentials.StaticCredentialsProvider{Value: e.Credentials()}, Retryer: aws.NopRetryer{}})
	if err := e.SetGroup(Group{Name: "hosts", Min: 1, Desired: 2, Max: 5, WarmState: "Stopped", Warm: 2}); err != nil {
		t.Fatal(err)
	}
	if err := e.SetGroup(Group{Name: "plain"}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Group{{}, {Name: "x", Warm: 1}, {Name: "x", WarmState: "Asleep"}, {Name: "x", Desired: 2, Max: 1}} {
		if e.SetGroup(bad) == nil {
			t.Errorf("%+v is a group", bad)
		}
	}
	groups, err := client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"hosts"}})
	if err != nil || len(groups.AutoScalingGroups) != 1 || *groups.AutoScalingGroups[0].MaxSize != 5 || *groups.AutoScalingGroups[0].DesiredCapacity != 2 {
		t.Errorf("%+v, %v", groups, err)
	}
	pool, err := client.DescribeWarmPool(t.Context(), &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("hosts")})
	if err != nil || len(pool.Instances) != 2 || pool.Instances[0].LifecycleState != types.LifecycleStateWarmedStopped ||
		pool.WarmPoolConfiguration.PoolState != types.WarmPoolStateStopped {
		t.Errorf("%+v, %v", pool, err)
	}
	none, err := client.DescribeWarmPool(t.Context(), &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("plain")})
	if err != nil || none.WarmPoolConfiguration != nil || len(none.Instances) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	_, err = client.DescribeWarmPool(t.Context(), &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("other")})
	wantError(t, err, "ValidationError", "not found")
	e.setFaults(Faults{API: map[string]APIFault{"DescribeWarmPool": {ThrottleRate: 1}}})
	_, err = client.DescribeWarmPool(t.Context(), &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("hosts")})
	wantError(t, err, "Throttling", "Rate exceeded")
}
