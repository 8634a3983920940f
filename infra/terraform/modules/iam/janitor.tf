# The role of "gateway janitor", which clears away what the old way has made. It is apart from the gateway's: a gateway deletes
# nothing, and the janitor starts nothing.

resource "aws_iam_role" "janitor" {
  name_prefix        = "${var.name}-janitor-"
  assume_role_policy = local.assume["ecs-tasks"]
}

resource "aws_iam_role_policy" "janitor" {
  name = "clear-away"
  role = aws_iam_role.janitor.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "WhatRuns"
        Effect    = "Allow"
        Action    = "ecs:DescribeTasks"
        Resource  = "${local.arn.ecs}:task/${var.cluster_name}/*"
        Condition = local.in_cluster
      },
      {
        Sid       = "ListTasks"
        Effect    = "Allow"
        Action    = "ecs:ListTasks"
        Resource  = "*"
        Condition = local.in_cluster
      },
      {
        Sid      = "Definitions" # take no resource
        Effect   = "Allow"
        Action   = ["ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"]
        Resource = "*"
      },
      {
        Sid      = "DeleteUsersDefinitions"
        Effect   = "Allow"
        Action   = "ecs:DeleteTaskDefinitions"
        Resource = "${local.arn.ecs}:task-definition/${var.task_family}-*"
      },
      {
        Sid      = "AccessPoints"
        Effect   = "Allow"
        Action   = "elasticfilesystem:DescribeAccessPoints"
        Resource = [var.file_system_arn, local.access_points]
      },
      {
        Sid       = "DeleteUsersAccessPoints"
        Effect    = "Allow"
        Action    = "elasticfilesystem:DeleteAccessPoint"
        Resource  = local.access_points
        Condition = { StringEquals = { "aws:ResourceTag/hearth:deployment" = var.name } }
      },
    ]
  })
}
