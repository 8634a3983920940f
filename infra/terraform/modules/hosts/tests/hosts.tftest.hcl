mock_provider "aws" {}

variables {
  name                   = "hearth-test"
  cluster_name           = "hearth-test"
  autoscaling_group_name = "hearth-test-hosts"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b"]
  instance_profile_arn   = "arn:aws:iam::111122223333:instance-profile/host"
  image                  = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-agent:1"
  ami_id                 = "ami-0123456789abcdef0"
  instance_type          = "t3.small"
  desired_capacity       = 1
  max_size               = 2
  warm_pool_size         = 1
}

run "stopped" {
  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "a container must not reach the instance's metadata: IMDSv2 only, one hop"
  }
  assert {
    condition     = aws_launch_template.this.image_id == var.ami_id && aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "the AMI is the one that was named, and the disk is encrypted"
  }
  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].pool_state == "Stopped" && length(aws_launch_template.this.hibernation_options) == 0
    error_message = "the warm pool is stopped unless it is told otherwise"
  }
  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].min_size == 1 && aws_autoscaling_group.this.warm_pool[0].max_group_prepared_capacity == 1
    error_message = "equal bounds make the warm pool's size absolute"
  }
  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].instance_reuse_policy[0].reuse_on_scale_in == false
    error_message = "ECS cannot take hosts back into a warm pool"
  }
  assert {
    condition     = one(aws_autoscaling_group.this.initial_lifecycle_hook).lifecycle_transition == "autoscaling:EC2_INSTANCE_LAUNCHING" && one(aws_autoscaling_group.this.initial_lifecycle_hook).default_result == "ABANDON"
    error_message = "a host that does not become ready is replaced"
  }
  assert {
    condition     = aws_autoscaling_group.this.protect_from_scale_in && aws_ecs_capacity_provider.this.auto_scaling_group_provider[0].managed_termination_protection == "ENABLED"
    error_message = "a host with tasks is never scaled in: that takes the protection of both, group and capacity provider"
  }
  assert {
    condition     = aws_ecs_capacity_provider.this.auto_scaling_group_provider[0].managed_scaling[0].status == "ENABLED"
    error_message = "the capacity provider scales the group"
  }
  assert {
    condition     = one(aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy).capacity_provider == aws_ecs_capacity_provider.this.name
    error_message = "a task that names no strategy goes to the hosts"
  }
}

run "hibernated" {
  variables {
    warm_pool_state = "Hibernated"
  }
  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].pool_state == "Hibernated" && aws_launch_template.this.hibernation_options[0].configured
    error_message = "hosts that are hibernated must be launched for it"
  }
}

run "running" {
  variables {
    warm_pool_state = "Running"
  }
  assert {
    condition     = aws_autoscaling_group.this.warm_pool[0].pool_state == "Running"
    error_message = "the warm pool may run"
  }
}

run "another_state" {
  command = plan
  variables {
    warm_pool_state = "Asleep"
  }
  expect_failures = [var.warm_pool_state]
}
