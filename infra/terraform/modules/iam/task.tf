# The session tasks' role is in the reach of every agent: it may mount the workspaces and nothing else. With an access point
# for each user it may mount any of them: the definition says which, and an agent cannot mount.

resource "aws_iam_role" "task" {
  name_prefix        = "${var.name}-task-"
  assume_role_policy = local.assume["ecs-tasks"]
}

resource "aws_iam_role_policy" "task" {
  name = "workspaces"
  role = aws_iam_role.task.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Mount"
      Effect    = "Allow"
      Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
      Resource  = var.file_system_arn
      Condition = { ArnLike = { "elasticfilesystem:AccessPointArn" = var.use_shared_ap ? var.shared_access_point_arn : local.access_points } }
    }]
  })
}

# What ECS itself does for a session's task: its image and its log.
resource "aws_iam_role" "task_execution" {
  name_prefix        = "${var.name}-task-exec-"
  assume_role_policy = local.assume["ecs-tasks"]
}

resource "aws_iam_role_policy" "task_execution" {
  name   = "start"
  role   = aws_iam_role.task_execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.pull, local.log.task) })
}

locals {
  pull = [
    { Sid = "Login", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
    { Sid = "Pull", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    Resource = var.repository_arns },
  ]
  log = {
    for name, arn in var.log_group_arns : name => [
    { Sid = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${arn}:*"] }]
  }
}
