// Package localecs is an ECS-compatible endpoint on loopback that runs tasks as local processes. The real SDK and the
// real AWS CLI drive it: it speaks AWS JSON 1.1 as Amazon ECS does, down to the shapes of its errors. On the same address it
// speaks as EFS of access points, as Auto Scaling of groups and their warm
// pools, and as SQS of queues, which get the state changes of tasks and instances as from EventBridge. The gateway embeds
// it (BACKEND=local), and cmd/localecs serves it alone.
//
// # What is real
//
// A task is placed on a (made-up) container instance with CPU and memory to give away, goes through PROVISIONING,
// PENDING, RUNNING, STOPPING, DEPROVISIONING and STOPPED, and every container of its definition is one process: entryPoint
// and command, with the definition's environment, the overrides of RunTask, and what ECS itself gives, plus PATH. The
// endpoint's own environment does not reach a task. StopTask sends SIGTERM, and SIGKILL after the container's stopTimeout.
//
// A container's processes end with its first one, as in a real container: it is started in a PID namespace of its own
// where the kernel permits that (root, or unprivileged user namespaces), else in a process group, which is killed as a
// whole but which a process can leave; the log says which at the start. Tasks end with the process that embeds this
// package, even when that is killed with SIGKILL (Pdeathsig; without a namespace this reaches the first process only).
// In a PID namespace a process that installs no handler ignores SIGTERM, as in a real container without an init. The
// namespace has the host's /proc, so pids read there are the host's.
//
// # What is not
//
// Images, users, volumes, networks, secrets, health checks, dependsOn and log drivers of a task definition are accepted and
// echoed, and not acted on: a command runs as the endpoint's user, on its files and network, and its output goes to
// Config.Output. CPU and memory are accounted for in placement and not enforced. A task on Fargate, or with a network of its
// own, is a process like any other. Cluster queries are refused but for placement constraints on one attribute.
//
// What ECS is strict about, and what goes wrong there, is turned on by Faults: malformed ids and ARNs of other Regions, token
// buckets, any error code, tasks that cannot be stopped yet, images that cannot be pulled. With Config.CapacityProvider a task
// that finds no room is accepted and waits for it.
//
// There is one pair of keys and no permissions: calls must carry AWS's signature over it, control paths show it (Basic). Whoever
// has it runs commands as this process's user: it is a tool for development and tests. The listener refuses addresses that are
// not loopback, and requests that name another host (DNS rebinding). Authorization headers and environments are never logged.
//
// # Control paths
//
// Beside the API the listener serves, for tests and for operators who practise for bad days:
//
//	GET  /_localecs/faults                          the faults in force
//	POST /_localecs/faults     {"api":{"RunTask":{"delay":"200ms","throttleRate":0.5}},"task":{"failureRate":0.1}}
//	                           replaces them all; {} lifts them (see Faults)
//	GET  /_localecs/instances                       the container instances of every cluster
//	POST /_localecs/instances  {"cluster":"default","count":3,"cpu":4096,"memory":8192}
//	                           brings the cluster to that many; those that are new get this size
//	POST /_localecs/instances/lose   {"containerInstance":"arn:…"}                     kills it and its tasks
//	POST /_localecs/instances/stop   {"containerInstance":"arn:…"}                     off, and ECS does not know
//	POST /_localecs/groups           {"name":"hosts","max":2,"warmState":"Stopped","warm":2}  what Auto Scaling shows
//	POST /_localecs/tasks/end        {"task":"arn:…","as":"outOfMemory"}               or spotInterruption
//	POST /_localecs/instances/agent  {"containerInstance":"arn:…","connected":false}   its agent is away: no placement
//	GET  /v4/<endpoint id>[/task]                   the task metadata endpoint, version 4
//
// This package is for Linux only.
package localecs
