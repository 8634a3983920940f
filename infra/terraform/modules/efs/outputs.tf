# The file system, once tasks can mount it.
output "file_system_id" {
  value      = aws_efs_file_system.this.id
  depends_on = [aws_efs_mount_target.this, aws_efs_file_system_policy.this]
}

output "file_system_arn" {
  value = aws_efs_file_system.this.arn
}

output "shared_access_point_id" {
  value = aws_efs_access_point.shared.id
}

output "shared_access_point_arn" {
  value = aws_efs_access_point.shared.arn
}

# The directory that has the workspaces, whichever way they are mounted.
output "root" {
  value = local.root
}
