# The EC2 hosts of the session tasks: a group with a warm pool, which the cluster's capacity provider scales.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

data "aws_region" "this" {}

# Amazon Linux 2023 for ECS; its kernels since August 2025 have Landlock.
data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
}

locals {
  hook     = "ready"
  registry = split("/", var.image)[0]
  # Memory is written to the root volume when a host hibernates.
  hibernates = var.warm_pool_state == "Hibernated"
}

resource "aws_launch_template" "this" {
  name_prefix            = "${var.name}-host-"
  image_id               = coalesce(var.ami_id, data.aws_ssm_parameter.ami.insecure_value)
  instance_type          = var.instance_type
  vpc_security_group_ids = [aws_security_group.this.id]
  update_default_version = true

  # The scripts are files of their own, so that a linter can read them and the golden AMI has the same. What cannot be
  # prepared must not join: the launch hook then runs out, and the group replaces the host.
  user_data = base64encode(join("\n", [
    "#!/bin/bash",
    "trap 'systemctl stop --no-block ecs; systemctl mask --runtime ecs' ERR",
    "CLUSTER='${var.cluster_name}'",
    "GROUP='${var.autoscaling_group_name}'",
    "HOOK='${local.hook}'",
    "IMAGE='${var.image}'",
    "REGISTRY='${local.registry}'",
    "REGION='${data.aws_region.this.region}'",
    file("${path.module}/host.sh"),
    file("${path.module}/join.sh"),
  ]))

  iam_instance_profile {
    arn = var.instance_profile_arn
  }

  # Version 2 only, and one hop: a container's request is two hops away and gets no answer.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = var.disk_gibibytes
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "hibernation_options" {
    for_each = local.hibernates ? [true] : []
    content {
      configured = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-host" }
  }
}

resource "aws_autoscaling_group" "this" {
  name                  = var.autoscaling_group_name
  vpc_zone_identifier   = var.subnet_ids
  min_size              = var.min_size
  desired_capacity      = var.desired_capacity
  max_size              = var.max_size
  protect_from_scale_in = true # the capacity provider takes the protection from hosts without tasks
  enabled_metrics       = ["GroupInServiceInstances", "GroupPendingInstances", "WarmPoolWarmedCapacity"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # Both bounds alike make the size absolute, whatever the desired capacity is. ECS cannot take hosts back into the pool.
  warm_pool {
    pool_state                  = var.warm_pool_state
    min_size                    = var.warm_pool_size
    max_group_prepared_capacity = var.warm_pool_size
    instance_reuse_policy {
      reuse_on_scale_in = false
    }
  }

  # Without it a host is stopped for the warm pool, or counts as in service, before its image is there. host.sh completes
  # it. One that cannot is replaced.
  initial_lifecycle_hook {
    name                 = local.hook
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = var.ready_timeout_seconds
    default_result       = "ABANDON"
  }

  tag {
    key                 = "AmazonECSManaged" # the capacity provider's own; without it here each plan would take it away
    value               = "true"
    propagate_at_launch = true
  }

  lifecycle {
    ignore_changes = [desired_capacity] # the capacity provider's
    precondition {
      condition     = var.min_size <= var.desired_capacity && var.desired_capacity <= var.max_size
      error_message = "min_size, desired_capacity and max_size must not fall."
    }
    precondition {
      condition     = !local.hibernates || var.disk_gibibytes >= 30
      error_message = "Hibernated hosts need a disk with room for their memory: at least 30 GiB."
    }
  }
}

resource "aws_ecs_capacity_provider" "this" {
  name = var.name
  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.this.arn
    managed_termination_protection = "ENABLED"
    managed_draining               = "ENABLED"
    managed_scaling {
      status                    = "ENABLED"
      target_capacity           = var.target_capacity
      instance_warmup_period    = 60
      minimum_scaling_step_size = 1
      maximum_scaling_step_size = var.max_size
    }
  }
}

# A task that names neither a launch type nor a strategy, as the gateway's do, goes to the hosts and makes them scale out.
resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = var.cluster_name
  capacity_providers = [aws_ecs_capacity_provider.this.name]
  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.this.name
    weight            = 1
  }
}

# Nobody connects to a host; tasks connect to the gateway, the file system and whatever their agents need.
resource "aws_security_group" "this" {
  name_prefix = "${var.name}-hosts-"
  description = "Hosts of session tasks"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.this.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
