package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"hearth/messages"
)

// WarmPools is the part of the SDK's *autoscaling.Client that a sweep calls.
type WarmPools interface {
	DescribeWarmPool(context.Context, *autoscaling.DescribeWarmPoolInput, ...func(*autoscaling.Options)) (
		*autoscaling.DescribeWarmPoolOutput, error)
}

// countPrepared counts the instances of the next group's warm pool, page by page.
func (s *sweep) countPrepared(page *string) {
	if len(s.groups) == 0 {
		s.done(nil)
		return
	}
	if page == nil {
		s.pages = pages{}
	}
	l, group := s.launcher, s.groups[0]
	var out *autoscaling.DescribeWarmPoolOutput
	l.submit(l.read, request{
		op: "DescribeWarmPool",
		call: func(ctx context.Context) (err error) {
			out, err = l.cfg.WarmPools.DescribeWarmPool(ctx, &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: &group, NextToken: page})
			if err == nil {
				err = s.pages.turn(out.NextToken)
			}
			return err
		},
		answer: func(failure *messages.LaunchError) {
			var more *string
			if failure == nil {
				for _, instance := range out.Instances {
					switch instance.LifecycleState { // all others are on their way in or out
					case types.LifecycleStateWarmedRunning:
						s.prepared.Running++
					case types.LifecycleStateWarmedHibernated:
						s.prepared.Hibernated++
					case types.LifecycleStateWarmedStopped:
						s.prepared.Stopped++
					}
				}
				more = out.NextToken
			}
			if aws.ToString(more) == "" {
				s.groups, more = s.groups[1:], nil
			}
			s.countPrepared(more)
		},
	})
}
