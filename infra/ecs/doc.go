// Package ecs starts, stops, describes and lists tasks on Amazon ECS: it is the actors' Launcher. The same code drives
// AWS and the local endpoint of package localecs.
//
// # One RunTask for each task
//
// RunTask can start ten tasks at once, but its overrides are the same for all of them. Every task has a TASK_ID and a
// TASK_TOKEN of its own, so each is a call of its own: with a larger count several tasks would share one token.
//
// # Starting twice is starting once
//
// The clientToken of a start is made from the task's id, which is never used twice. The SDK's retries and a later Run of
// the same request therefore come back with the first call's task. ECS compares the parameters too and answers a call that
// differs (a gateway restarted with another address, say) with ConflictException and the ARN of the first call's task. That
// task carries the same TASK_ID, so it is the one that was asked for, and Run answers with it.
// See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html.
//
// # Where tasks go
//
// Unless Config.Running says otherwise neither launchType nor capacityProviderStrategy is sent, so the cluster's default
// strategy decides, and EC2 hosts without a capacity provider when it has none. A launchType would keep cluster auto scaling
// from seeing the task. With a capacity provider a task that finds no room is accepted, waits in PROVISIONING (reported as
// pending) and, after some 10 to 30 minutes, is stopped with TaskFailedToStart: a shortage then shows in Describe, not as an
// error of Run. Placement is by default spread over availability zones and packed by memory within each: losing a zone leaves
// part of the pool, and hosts become empty, so that they can be scaled in. Tasks use bridge or host networking, or awsvpc,
// which takes subnets and a network interface of the host for each task. On Fargate there are no hosts to sweep.
//
// # Rates
//
// ECS counts calls in token buckets for the account and Region: 40 a second and a burst of 100 for RunTask and StopTask
// together, 20 a second and 100 for DescribeTasks and ListTasks; Fargate takes 20 RunTasks a second
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html). The launcher keeps to these itself,
// and one bucket's calls never wait for the other's; for an account to which AWS has granted more, Config.ModifyRate says how
// much. It cannot know what else in the account calls ECS: being throttled
// all the same is an ordinary error, after the SDK's own attempts: three, unless AWS_MAX_ATTEMPTS says otherwise.
//
// # Permissions
//
// ecs:RunTask, ecs:StopTask, ecs:DescribeTasks, ecs:ListTasks, ecs:ListContainerInstances,
// ecs:DescribeContainerInstances, ecs:DescribeTaskDefinition, and iam:PassRole for the task's roles. DescribeTasks shows environments: who has it can read the tasks' tokens.
package ecs
