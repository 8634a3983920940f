# The gateway's role: what it calls. Conditions and resources are as narrow as the service authorization reference allows.

resource "aws_iam_role" "gateway" {
  name_prefix        = "${var.name}-gateway-"
  assume_role_policy = local.assume["ecs-tasks"]
}

resource "aws_iam_role_policy" "gateway" {
  name = "sessions"
  role = aws_iam_role.gateway.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "Start"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "${local.arn.ecs}:task-definition/${var.task_family}${var.use_shared_ap ? "" : "*"}:*"
        Condition = local.in_cluster
      },
      {
        Sid       = "MarkWhatWasStarted"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "${local.arn.ecs}:task/${var.cluster_name}/*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
      },
      {
        Sid       = "GiveTasksTheirRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.task.arn, aws_iam_role.task_execution.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid       = "Tasks"
        Effect    = "Allow"
        Action    = ["ecs:StopTask", "ecs:DescribeTasks"]
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
        Sid      = "Hosts"
        Effect   = "Allow"
        Action   = "ecs:ListContainerInstances"
        Resource = "${local.arn.ecs}:cluster/${var.cluster_name}"
      },
      {
        Sid       = "Host"
        Effect    = "Allow"
        Action    = "ecs:DescribeContainerInstances"
        Resource  = "${local.arn.ecs}:container-instance/${var.cluster_name}/*"
        Condition = local.in_cluster
      },
      {
        Sid      = "WarmPool" # takes no resource
        Effect   = "Allow"
        Action   = "autoscaling:DescribeWarmPool"
        Resource = "*"
      },
      {
        Sid      = "Definition" # takes no resource
        Effect   = "Allow"
        Action   = "ecs:DescribeTaskDefinition"
        Resource = "*"
      },
      ],
      [for statement in local.per_user : statement if !var.use_shared_ap],
      [for queue in var.events_queue_names :
      { Sid = "Events", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage"], Resource = "${local.arn.sqs}:${queue}" }],
    )
  })
}

locals {
  # What the old way takes beside: an access point and a copy of the definition for each user.
  per_user = [
    {
      Sid      = "UsersAccessPoints"
      Effect   = "Allow"
      Action   = ["elasticfilesystem:CreateAccessPoint", "elasticfilesystem:DescribeAccessPoints", "elasticfilesystem:TagResource"]
      Resource = [var.file_system_arn, local.access_points]
    },
    {
      Sid      = "UsersDefinitions" # takes no resource
      Effect   = "Allow"
      Action   = "ecs:RegisterTaskDefinition"
      Resource = "*"
    },
    {
      Sid       = "MarkUsersDefinitions"
      Effect    = "Allow"
      Action    = "ecs:TagResource"
      Resource  = "${local.arn.ecs}:task-definition/${var.task_family}-*"
      Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
    },
  ]
}

# What ECS itself does for the gateway's tasks: images, logs, secrets.
resource "aws_iam_role" "gateway_execution" {
  name_prefix        = "${var.name}-gateway-exec-"
  assume_role_policy = local.assume["ecs-tasks"]
}

resource "aws_iam_role_policy" "gateway_execution" {
  name   = "start"
  role   = aws_iam_role.gateway_execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.pull, local.log.gateway, local.secrets) })
}

locals {
  # Settings whose secret is an SSM parameter, and those whose secret is of Secrets Manager.
  parameter_arns = [for arn in values(var.secret_arns) : arn if can(regex(":ssm:", arn))]
  secret_arns    = [for arn in values(var.secret_arns) : arn if !can(regex(":ssm:", arn))]

  secrets = concat(
    length(local.parameter_arns) == 0 ? [] : [
    { Sid = "Parameters", Effect = "Allow", Action = ["ssm:GetParameters"], Resource = local.parameter_arns }],
    length(local.secret_arns) == 0 ? [] : [
      # A reference may go on with :key:stage:version.
      { Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"],
    Resource = [for arn in local.secret_arns : join(":", slice(split(":", arn), 0, 7))] }],
    length(var.secret_kms_key_arns) == 0 ? [] : [
    { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.secret_kms_key_arns }],
  )
}
