# The family, which the gateway is told: it follows the latest revision, so that a new one deploys no gateway.
output "family" {
  value = aws_ecs_task_definition.this.family
}

output "revision" {
  value = aws_ecs_task_definition.this.revision
}

output "container_name" {
  value = local.container_name
}

output "workspace_root" {
  value = var.workspace_root
}
