# The workspaces' file system, and the one access point that all users share.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

locals {
  root = "/workspaces/${var.environment}"
}

resource "aws_efs_file_system" "this" {
  encrypted       = true
  throughput_mode = "elastic"
  tags            = { Name = var.name }

  lifecycle_policy {
    transition_to_ia = "AFTER_30_DAYS"
  }
  lifecycle_policy {
    transition_to_primary_storage_class = "AFTER_1_ACCESS"
  }

  lifecycle {
    prevent_destroy = true # these are the users' files
  }
}

resource "aws_efs_backup_policy" "this" {
  file_system_id = aws_efs_file_system.this.id
  backup_policy {
    status = var.backup ? "ENABLED" : "DISABLED"
  }
}

# No posix_user: with one EFS replaces every client's UID by it, and nothing keeps one user's files from another's.
# 0711: whoever has a name may pass through, nobody may list or write.
resource "aws_efs_access_point" "shared" {
  file_system_id = aws_efs_file_system.this.id
  root_directory {
    path = local.root
    creation_info {
      owner_uid   = 0
      owner_gid   = 0
      permissions = "0711"
    }
  }
  tags = { Name = "${var.name}-shared" }
}

# Without a policy EFS lets everybody in who reaches a mount target. With this one only the tasks' role, by an access
# point, over TLS.
resource "aws_efs_file_system_policy" "this" {
  file_system_id = aws_efs_file_system.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TasksByAccessPoint"
        Effect    = "Allow"
        Principal = { AWS = var.task_role_arn }
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
        Resource  = aws_efs_file_system.this.arn
        Condition = {
          Bool = { "elasticfilesystem:AccessedViaMountTarget" = "true" }
          Null = { "elasticfilesystem:AccessPointArn" = "false" }
        }
      },
      {
        Sid       = "OnlyTLS"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "*"
        Resource  = aws_efs_file_system.this.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-efs-"
  description = "NFS from the hosts"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "nfs" {
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_efs_mount_target" "this" {
  count           = length(var.subnet_ids)
  file_system_id  = aws_efs_file_system.this.id
  subnet_id       = var.subnet_ids[count.index]
  security_groups = [aws_security_group.this.id]
}
