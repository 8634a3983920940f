# The figures of stage, and the two switches in each of their settings.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
  mock_resource "aws_efs_file_system" {
    defaults = { id = "fs-0123456789abcdef0" }
  }
  mock_resource "aws_efs_access_point" {
    defaults = { id = "fsap-0123456789abcdef0" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { revision = 1 }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { url = "https://sqs.us-east-1.amazonaws.com/111122223333/hearth-stage-events" }
  }
}

variables {
  region          = "us-east-1"
  gateway_image   = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-gateway:1"
  task_image      = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-agent:1"
  repository_arns = ["arn:aws:ecr:us-east-1:111122223333:repository/hearth-gateway", "arn:aws:ecr:us-east-1:111122223333:repository/hearth-agent"]
  secret_arns = {
    TASK_TOKEN_SECRET = "arn:aws:ssm:us-east-1:111122223333:parameter/hearth/stage/TASK_TOKEN_SECRET"
    OPERATOR_TOKEN    = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hearth/stage-AbCdEf:OPERATOR_TOKEN::"
    JWT_SECRET        = "arn:aws:ssm:us-east-1:111122223333:parameter/hearth/stage/JWT_SECRET"
  }
  client_cidrs    = ["0.0.0.0/0"]
  certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  task            = { agent_command = "/agent" }
}

run "warm_pool" {
  assert {
    condition     = module.hearth.hosts.instance_type == "t3.small"
    error_message = "stage has t3.small hosts"
  }
  assert {
    condition     = module.hearth.hosts.desired_capacity == 1 && module.hearth.hosts.max_size == 2
    error_message = "stage has 1 hosts, at most 2"
  }
  assert {
    condition     = module.hearth.hosts.warm_pool_size == 1 && module.hearth.hosts.warm_pool_state == "Stopped"
    error_message = "stage has 1 stopped in the warm pool"
  }
  assert {
    condition     = module.hearth.gateways == 2 && !contains(keys(module.hearth.gateway_environment), "ECS_EVENTS_QUEUE_URL")
    error_message = "a gateway that dies leaves another, and they share no queue"
  }
  assert {
    condition     = module.hearth.gateway_environment["USE_SHARED_AP"] == "true" && module.hearth.gateway_environment["ENABLE_WARM_POOL"] == "true"
    error_message = "both switches are on unless somebody turns them off"
  }
  assert {
    condition     = module.hearth.gateway_environment["SHARED_ACCESS_POINT_ID"] == module.hearth.shared_access_point_id
    error_message = "the gateway is told the access point that the tasks mount"
  }
}

run "cold_starts" {
  variables {
    enable_warm_pool = false
  }
  assert {
    condition     = module.hearth.gateway_environment["USE_SHARED_AP"] == "true" && module.hearth.gateway_environment["ENABLE_WARM_POOL"] == "false"
    error_message = "ENABLE_WARM_POOL=false alone is the first phase"
  }
}

run "old_way" {
  variables {
    use_shared_ap    = false
    enable_warm_pool = false
  }
  assert {
    condition     = module.hearth.gateway_environment["USE_SHARED_AP"] == "false" && !contains(keys(module.hearth.gateway_environment), "SHARED_ACCESS_POINT_ID")
    error_message = "the old way shares no access point"
  }
  assert {
    condition     = module.hearth.gateway_environment["ACCESS_POINT_ROOT"] == "/workspaces/stage"
    error_message = "users' access points are where the workspaces are"
  }
}

run "one_gateway" {
  variables {
    gateways = 1
  }
  assert {
    condition     = module.hearth.gateways == 1 && module.hearth.gateway_environment["ECS_EVENTS_QUEUE_URL"] == "https://sqs.us-east-1.amazonaws.com/111122223333/hearth-stage-events"
    error_message = "a gateway that is alone has ECS's events"
  }
}
