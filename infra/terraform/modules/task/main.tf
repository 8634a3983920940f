# The session tasks' one definition. Its container runs the bridge, which starts the agent.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

data "aws_region" "this" {}

locals {
  container_name = "bridge"
  volume         = "workspaces"

  # The bridge's settings (docs/configuration.md). Nothing secret: whoever may describe the definition reads them. An agent is
  # told what AGENT_ENV names.
  environment = merge({
    WORKSPACE_ROOT = var.workspace_root
    AGENT_COMMAND  = var.agent_command
    AGENT_IO       = var.agent_io
    ISOLATION      = var.isolation
    STOP_GRACE     = "${var.stop_grace_seconds}s"
    LOG_FORMAT     = "json"
  }, var.bridge_settings)
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.family
  requires_compatibilities = ["EC2"]
  network_mode             = "bridge"
  task_role_arn            = var.task_role_arn
  execution_role_arn       = var.execution_role_arn
  # A revision that is replaced stays: the old way's copies are of it until their users come again.
  skip_destroy = true

  container_definitions = jsonencode([{
    name      = local.container_name
    image     = var.image
    essential = true
    cpu       = var.cpu
    memory    = var.memory

    # root, because the bridge gives every user a UID; agents have no capability at all.
    user                   = "0"
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters = {
      capabilities = { drop = ["AUDIT_WRITE", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP"] }
      tmpfs        = [{ containerPath = "/tmp", size = var.tmp_mebibytes, mountOptions = ["nosuid", "nodev", "mode=1777"] }]
    }

    # The last outputs are taken in the 5 s after the agent's own time.
    stopTimeout = var.stop_grace_seconds + 5
    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    healthCheck = { command = ["CMD", "/bridge", "healthcheck"], interval = 30, timeout = 5, retries = 3, startPeriod = 60 }
    mountPoints = [{ sourceVolume = local.volume, containerPath = var.workspace_root, readOnly = false }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group_name
        awslogs-region        = data.aws_region.this.region
        awslogs-stream-prefix = "task"
        mode                  = "non-blocking" # a session does not wait for its log
        max-buffer-size       = "4m"
      }
    }
  }])

  volume {
    name = local.volume
    efs_volume_configuration {
      file_system_id     = var.file_system_id
      root_directory     = "/"
      transit_encryption = "ENABLED"
      authorization_config {
        access_point_id = var.shared_access_point_id
        iam             = "ENABLED"
      }
    }
  }
}
