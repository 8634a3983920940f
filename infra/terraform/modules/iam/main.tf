# Six roles, each with what it calls and no more. A test derives the gateway's calls from its code and holds its policies
# to them in both directions: an action that is missing here fails it, and so does one that nothing calls.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

data "aws_partition" "this" {}
data "aws_region" "this" {}
data "aws_caller_identity" "this" {}

locals {
  arn = {
    for service in ["ecs", "autoscaling", "elasticfilesystem", "sqs"] : service =>
    "arn:${data.aws_partition.this.partition}:${service}:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}"
  }
  # IAM knows an access point by its own ARN, which does not name its file system.
  access_points = "${local.arn.elasticfilesystem}:access-point/*"
  in_cluster    = { ArnEquals = { "ecs:cluster" = "${local.arn.ecs}:cluster/${var.cluster_name}" } }

  assume = {
    for service in ["ecs-tasks", "ec2"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "${service}.amazonaws.com" }
        # Only for tasks of this account, so that nobody else's ECS can be made to use the role.
        Condition = service == "ecs-tasks" ? { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } } : {}
      }]
    })
  }
}
