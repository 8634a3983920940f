mock_provider "aws" {}

variables {
  family                 = "hearth-test-session"
  image                  = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hearth-agent:1"
  cpu                    = 256
  memory                 = 256
  agent_command          = "/agent --jsonl"
  agent_io               = "jsonl"
  bridge_settings        = { OUTPUT_BUFFER_BYTES = "4194304" }
  file_system_id         = "fs-0123456789abcdef0"
  shared_access_point_id = "fsap-0123456789abcdef0"
  task_role_arn          = "arn:aws:iam::111122223333:role/task"
  execution_role_arn     = "arn:aws:iam::111122223333:role/task-exec"
  log_group_name         = "/hearth/test/task"
}

run "definition" {
  assert {
    condition     = one(one(aws_ecs_task_definition.this.volume).efs_volume_configuration).transit_encryption == "ENABLED" && one(one(one(aws_ecs_task_definition.this.volume).efs_volume_configuration).authorization_config).access_point_id == var.shared_access_point_id && one(one(one(aws_ecs_task_definition.this.volume).efs_volume_configuration).authorization_config).iam == "ENABLED"
    error_message = "workspaces are mounted by the shared access point, over TLS, with the task's role"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].mountPoints[0].containerPath == one([for each in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : each.value if each.name == "WORKSPACE_ROOT"])
    error_message = "the bridge is told where the workspaces are"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 15
    error_message = "a task is given 5 s more than its agent"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].privileged
    error_message = "the workspace is the only thing to be written"
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "OUTPUT_BUFFER_BYTES", value = "4194304" })
    error_message = "settings reach the bridge"
  }
  assert {
    condition     = !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings) && !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets)
    error_message = "nobody connects to a task, and it has no secret: its agent could read it"
  }
}
