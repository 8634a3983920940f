output "security_group_id" {
  value = aws_security_group.this.id
}

output "autoscaling_group_name" {
  value = aws_autoscaling_group.this.name
}

# For whoever needs hosts to be placeable: the cluster knows the provider.
output "capacity_provider" {
  value      = aws_ecs_capacity_provider.this.name
  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

# The figures as AWS is told them.
output "capacity" {
  value = {
    instance_type    = aws_launch_template.this.instance_type
    min_size         = aws_autoscaling_group.this.min_size
    desired_capacity = aws_autoscaling_group.this.desired_capacity
    max_size         = aws_autoscaling_group.this.max_size
    warm_pool_size   = aws_autoscaling_group.this.warm_pool[0].min_size
    warm_pool_state  = aws_autoscaling_group.this.warm_pool[0].pool_state
  }
}
