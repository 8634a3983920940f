# The gateways: a service on Fargate, so that they need no host of the tasks'. Clients come through the load balancer, bridges
# straight to a gateway by a name in the VPC; nothing public reaches the internal listener.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

data "aws_region" "this" {}

locals {
  container     = "gateway"
  client_port   = 8080
  internal_port = 8081

  # The gateway's settings (docs/configuration.md).
  environment = merge(
    {
      LISTEN_ADDR          = "0.0.0.0:${local.client_port}"
      INTERNAL_LISTEN_ADDR = "0.0.0.0:${local.internal_port}"
      GATEWAY_WS_URL       = "ws://${aws_service_discovery_service.this.name}.${aws_service_discovery_private_dns_namespace.this.name}:${local.internal_port}"
      BACKEND              = "ecs"
      AUTH                 = "jwt"
      ECS_CLUSTER          = var.cluster_name
      ECS_TASK_DEFINITION  = var.task_definition
      ECS_CONTAINER_NAME   = var.task_container_name
      ECS_STARTED_BY       = var.name
      AUTO_SCALING_GROUPS  = var.autoscaling_group_name
      WORKSPACE_ROOT       = var.workspace_root
      USE_SHARED_AP        = tostring(var.use_shared_ap)
      ENABLE_WARM_POOL     = tostring(var.enable_warm_pool)
      DRAIN_TIMEOUT        = "${var.drain_timeout_seconds}s"
      LOG_FORMAT           = "json"
    },
    var.use_shared_ap ? { SHARED_ACCESS_POINT_ID = var.shared_access_point_id } : { ACCESS_POINT_ROOT = var.access_point_root },
    var.events_queue_url == null ? {} : { ECS_EVENTS_QUEUE_URL = var.events_queue_url },
    var.settings,
  )
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-gateway"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = var.task_role_arn
  execution_role_arn       = var.execution_role_arn
  skip_destroy             = true # a roll-back names the revision before

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  container_definitions = jsonencode([{
    name      = local.container
    image     = var.image
    essential = true

    user                   = "65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    # SIGTERM hands sessions over for as long as DRAIN_TIMEOUT; what comes after it is short.
    stopTimeout = var.drain_timeout_seconds + 10
    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets     = [for name in sort(keys(var.secret_arns)) : { name = name, valueFrom = var.secret_arns[name] }]
    # Whether the process is well; whether it can take sessions is the load balancer's question.
    healthCheck = { command = ["CMD", "/gateway", "healthcheck"], interval = 10, timeout = 5, retries = 3, startPeriod = 60 }
    portMappings = [
      { containerPort = local.client_port, protocol = "tcp" },
      { containerPort = local.internal_port, protocol = "tcp" },
    ]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group_name
        awslogs-region        = data.aws_region.this.region
        awslogs-stream-prefix = "gateway"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name            = "${var.name}-gateway"
  cluster         = var.cluster_name
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.desired_count
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"

  # New before old: a gateway that leaves hands its sessions to one that is there.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # /readyz comes true with the first task that is ready, which in an empty cluster is after a cold host's boot.
  health_check_grace_period_seconds = var.health_check_grace_period_seconds

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.gateway.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.clients.arn
    container_name   = local.container
    container_port   = local.client_port
  }
  service_registries {
    registry_arn = aws_service_discovery_service.this.arn
  }

  depends_on = [aws_lb_listener.clients]
}

# Where bridges dial. A bridge asks for the name each time it dials, so it finds the gateways that are there then. Not a
# load balancer: that takes minutes to know a new gateway, while its /readyz waits for the first bridge.
resource "aws_service_discovery_private_dns_namespace" "this" {
  name = "${var.name}.internal"
  vpc  = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  name = "gateway"
  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"
    dns_records {
      type = "A"
      ttl  = 5
    }
  }
}
