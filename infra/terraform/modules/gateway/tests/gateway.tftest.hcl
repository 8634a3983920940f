mock_provider "aws" {}

variables {
  name                   = "hearth-test"
  cluster_name           = "hearth-test"
  autoscaling_group_name = "hearth-test-hosts"
  events_queue_url       = null
  vpc_id                 = "vpc-1"
  public_subnet_ids      = ["subnet-a", "subnet-b"]
  private_subnet_ids     = ["subnet-c", "subnet-d"]
  client_cidrs           = ["0.0.0.0/0", "198.51.100.0/24"]
  certificate_arn        = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  deletion_protection    = true
  task_security_group_id = "sg-tasks"
  image                  = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-gateway:1"
  desired_count          = 2
  task_role_arn          = "arn:aws:iam::111122223333:role/gateway"
  execution_role_arn     = "arn:aws:iam::111122223333:role/gateway-exec"
  log_group_name         = "/hearth/test/gateway"
  alarm_topic_arn        = "arn:aws:sns:us-east-1:111122223333:alarms"
  task_definition        = "hearth-test-session:7"
  task_container_name    = "bridge"
  workspace_root         = "/mnt/efs"
  use_shared_ap          = true
  enable_warm_pool       = true
  shared_access_point_id = "fsap-0123456789abcdef0"
  access_point_root      = "/workspaces/test"
  secret_arns            = { TASK_TOKEN_SECRET = "arn:aws:ssm:us-east-1:111122223333:parameter/t" }
  settings               = { WARM_POOL_MIN_SIZE = "5" }
}

run "service" {
  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200
    error_message = "a new gateway is there before an old one goes"
  }
  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "a deployment that does not come up is rolled back"
  }
  assert {
    condition     = aws_ecs_service.this.health_check_grace_period_seconds > 180
    error_message = "a cold host may take 180 s to its first task"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout > var.drain_timeout_seconds && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout <= 120
    error_message = "a gateway is given the time that its drain may take, and Fargate gives 120 s at most"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "65532" && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "a gateway is not root and writes no file"
  }
  assert {
    condition     = !anytrue([for each in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : can(regex("TOKEN|SECRET", each.name))])
    error_message = "secrets come from where secrets are kept"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets == [{ name = "TASK_TOKEN_SECRET", valueFrom = var.secret_arns["TASK_TOKEN_SECRET"] }]
    error_message = "each secret is given by its ARN"
  }
  assert {
    condition     = local.environment["WARM_POOL_MIN_SIZE"] == "5" && local.environment["GATEWAY_WS_URL"] == "ws://gateway.hearth-test.internal:8081"
    error_message = "settings reach the gateway, and bridges are told its name in the VPC"
  }
}

run "load_balancer" {
  assert {
    condition     = aws_lb.clients.idle_timeout >= 60 && tonumber(aws_lb_target_group.clients.deregistration_delay) <= 15
    error_message = "sockets are not cut between two pings, and a leaving gateway is told soon"
  }
  assert {
    condition     = aws_lb_target_group.clients.health_check[0].path == "/readyz" && aws_lb_target_group.clients.port == 8080
    error_message = "clients are sent to gateways that can take sessions"
  }
  assert {
    condition     = aws_lb_listener.clients.protocol == "HTTPS" && aws_lb_listener.redirect[0].default_action[0].type == "redirect"
    error_message = "with a certificate there is TLS, and nothing else"
  }
  assert {
    condition     = one(aws_ecs_service.this.load_balancer).container_port == 8080 && toset([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port]) == toset([80, 443])
    error_message = "the load balancer forwards to the clients' listener only"
  }
}

# The internal listener is on no load balancer, and only bridges may connect to it.
run "internal_listener" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.from_tasks.referenced_security_group_id == "sg-tasks" && aws_vpc_security_group_ingress_rule.from_tasks.from_port == 8081 && aws_vpc_security_group_ingress_rule.from_tasks.to_port == 8081
    error_message = "tasks reach the internal listener"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.from_load_balancer.from_port == 8080 && aws_vpc_security_group_ingress_rule.from_load_balancer.to_port == 8080
    error_message = "the load balancer does not"
  }
  assert {
    condition     = toset(one(one(aws_lb_listener_rule.internal.condition).path_pattern).values) == toset(["/internal/*", "/metrics"]) && one(one(aws_lb_listener_rule.internal.action).fixed_response).status_code == "404"
    error_message = "what is internal is not found from outside"
  }
}

run "without_a_certificate" {
  variables {
    certificate_arn = null
    client_cidrs    = ["198.51.100.0/24"]
  }
  assert {
    condition     = aws_lb_listener.clients.port == 80 && length(aws_lb_listener.redirect) == 0
    error_message = "a closed network may do without TLS"
  }
}

run "no_tokens_in_the_clear" {
  command = plan
  variables {
    certificate_arn = null
  }
  expect_failures = [aws_lb.clients]
}

run "a_warm_pool_needs_the_shared_access_point" {
  command = plan
  variables {
    use_shared_ap = false
  }
  expect_failures = [var.enable_warm_pool]
}

run "secrets_that_are_needed" {
  command = plan
  variables {
    secret_arns = {}
  }
  expect_failures = [var.secret_arns]
}
