output "url" {
  description = "Where clients connect; with TLS, a name in the certificate must point to it."
  value       = "${local.tls ? "wss" : "ws"}://${aws_lb.clients.dns_name}/ws"
}

output "load_balancer_dns_name" {
  value = aws_lb.clients.dns_name
}

output "load_balancer_arn_suffix" {
  value = aws_lb.clients.arn_suffix
}

output "service_name" {
  value = aws_ecs_service.this.name
}

output "security_group_id" {
  description = "Whoever is to read /metrics gets a rule for port 8081 here."
  value       = aws_security_group.gateway.id
}

output "environment" {
  description = "The settings that the gateways run with."
  value       = local.environment
}

output "desired_count" {
  value = aws_ecs_service.this.desired_count
}
