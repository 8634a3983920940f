output "url" {
  value = module.gateway.url
}

output "load_balancer_dns_name" {
  value = module.gateway.load_balancer_dns_name
}

output "cluster_name" {
  value = aws_ecs_cluster.this.name
}

output "gateway_service_name" {
  value = module.gateway.service_name
}

output "gateway_security_group_id" {
  value = module.gateway.security_group_id
}

output "task_definition" {
  value = "${module.task.family}:${module.task.revision}"
}

output "shared_access_point_id" {
  value = module.efs.shared_access_point_id
}

output "file_system_id" {
  value = module.efs.file_system_id
}

output "hosts" {
  value = module.hosts.capacity
}

output "gateway_environment" {
  value = module.gateway.environment
}

output "janitor_role_arn" {
  value = module.iam.janitor_role_arn
}

output "gateways" {
  value = module.gateway.desired_count
}
