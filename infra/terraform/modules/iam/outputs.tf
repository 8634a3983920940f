output "gateway_role_arn" {
  value = aws_iam_role.gateway.arn
}

output "gateway_execution_role_arn" {
  value      = aws_iam_role.gateway_execution.arn
  depends_on = [aws_iam_role_policy.gateway_execution]
}

output "task_role_arn" {
  value = aws_iam_role.task.arn
}

output "task_execution_role_arn" {
  value      = aws_iam_role.task_execution.arn
  depends_on = [aws_iam_role_policy.task_execution]
}

output "host_instance_profile_arn" {
  value      = aws_iam_instance_profile.host.arn
  depends_on = [aws_iam_role_policy.host, aws_iam_role_policy_attachment.host]
}

output "janitor_role_arn" {
  value      = aws_iam_role.janitor.arn
  depends_on = [aws_iam_role_policy.janitor]
}
