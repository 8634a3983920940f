# A whole deployment in a network that is there: what stage and prod have in common. They differ in figures alone.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

locals {
  name             = "hearth-${var.environment}"
  hosts_group_name = "${local.name}-hosts"
  task_family      = "${local.name}-session"
  events_queue     = "${local.name}-events"
  # A queue gives each event to one reader: of two gateways the other would have missed it.
  events = var.gateways == 1
}

resource "aws_ecs_cluster" "this" {
  name = local.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

module "observability" {
  source                   = "../observability"
  name                     = local.name
  log_retention_days       = var.log_retention_days
  alarm_emails             = var.alarm_emails
  autoscaling_group_name   = local.hosts_group_name
  max_hosts                = var.hosts.max_size
  cluster_name             = aws_ecs_cluster.this.name
  gateway_service_name     = module.gateway.service_name
  load_balancer_arn_suffix = module.gateway.load_balancer_arn_suffix
  file_system_id           = module.efs.file_system_id
}

module "iam" {
  source                  = "../iam"
  name                    = local.name
  cluster_name            = local.name
  task_family             = local.task_family
  autoscaling_group_name  = local.hosts_group_name
  use_shared_ap           = var.use_shared_ap
  events_queue_names      = local.events ? [local.events_queue] : []
  file_system_arn         = module.efs.file_system_arn
  shared_access_point_arn = module.efs.shared_access_point_arn
  secret_arns             = var.secret_arns
  secret_kms_key_arns     = var.secret_kms_key_arns
  repository_arns         = var.repository_arns
  log_group_arns          = module.observability.log_group_arns
}

module "efs" {
  source                   = "../efs"
  name                     = local.name
  environment              = var.environment
  vpc_id                   = var.vpc_id
  subnet_ids               = var.private_subnet_ids
  client_security_group_id = module.hosts.security_group_id
  task_role_arn            = module.iam.task_role_arn
  backup                   = var.keep_data
}

module "hosts" {
  source                 = "../hosts"
  name                   = local.name
  cluster_name           = aws_ecs_cluster.this.name
  autoscaling_group_name = local.hosts_group_name
  vpc_id                 = var.vpc_id
  subnet_ids             = var.private_subnet_ids
  instance_profile_arn   = module.iam.host_instance_profile_arn
  image                  = var.task_image
  ami_id                 = var.hosts.ami_id
  instance_type          = var.hosts.instance_type
  min_size               = var.hosts.min_size
  desired_capacity       = var.hosts.desired_capacity
  max_size               = var.hosts.max_size
  target_capacity        = var.hosts.target_capacity
  warm_pool_size         = var.hosts.warm_pool_size
  warm_pool_state        = var.hosts.warm_pool_state
}

module "events" {
  count       = local.events ? 1 : 0
  source      = "../events"
  queue_name  = local.events_queue
  cluster_arn = aws_ecs_cluster.this.arn
}

module "task" {
  source                 = "../task"
  family                 = local.task_family
  image                  = var.task_image
  cpu                    = var.task.cpu
  memory                 = var.task.memory
  agent_command          = var.task.agent_command
  agent_io               = var.task.agent_io
  bridge_settings        = var.task.bridge_settings
  file_system_id         = module.efs.file_system_id
  shared_access_point_id = module.efs.shared_access_point_id
  task_role_arn          = module.iam.task_role_arn
  execution_role_arn     = module.iam.task_execution_role_arn
  log_group_name         = module.observability.log_group_names["task"]
}

module "gateway" {
  source                 = "../gateway"
  name                   = local.name
  cluster_name           = aws_ecs_cluster.this.name
  autoscaling_group_name = module.hosts.autoscaling_group_name
  events_queue_url       = one(module.events[*].queue_url)
  vpc_id                 = var.vpc_id
  public_subnet_ids      = var.public_subnet_ids
  private_subnet_ids     = var.private_subnet_ids
  client_cidrs           = var.client_cidrs
  certificate_arn        = var.certificate_arn
  deletion_protection    = var.keep_data
  task_security_group_id = module.hosts.security_group_id
  image                  = var.gateway_image
  desired_count          = var.gateways
  task_role_arn          = module.iam.gateway_role_arn
  execution_role_arn     = module.iam.gateway_execution_role_arn
  log_group_name         = module.observability.log_group_names["gateway"]
  alarm_topic_arn        = module.observability.alarm_topic_arn
  task_definition        = module.task.family
  task_container_name    = module.task.container_name
  workspace_root         = module.task.workspace_root
  use_shared_ap          = var.use_shared_ap
  enable_warm_pool       = var.enable_warm_pool
  shared_access_point_id = module.efs.shared_access_point_id
  access_point_root      = module.efs.root
  secret_arns            = var.secret_arns
  settings               = var.gateway_settings
}
