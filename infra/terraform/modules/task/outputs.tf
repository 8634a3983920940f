# family:revision, which the gateway is told.
output "definition" {
  value = "${aws_ecs_task_definition.this.family}:${aws_ecs_task_definition.this.revision}"
}

output "container_name" {
  value = local.container_name
}

output "workspace_root" {
  value = var.workspace_root
}
