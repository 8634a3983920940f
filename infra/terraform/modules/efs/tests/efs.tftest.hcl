mock_provider "aws" {}

variables {
  name                     = "hearth-test"
  environment              = "test"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-a", "subnet-b"]
  client_security_group_id = "sg-hosts"
  task_role_arn            = "arn:aws:iam::111122223333:role/task"
  backup                   = true
}

run "file_system" {
  assert {
    condition     = aws_efs_file_system.this.encrypted && length(aws_efs_mount_target.this) == 2
    error_message = "the files are encrypted, and each zone has a mount target"
  }
  assert {
    condition     = length(aws_efs_access_point.shared.posix_user) == 0
    error_message = "with a POSIX user all users would be one"
  }
  assert {
    condition     = one(aws_efs_access_point.shared.root_directory).path == "/workspaces/test" && one(one(aws_efs_access_point.shared.root_directory).creation_info).permissions == "0711"
    error_message = "workspaces are where they always were, and nobody may list them"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.nfs.referenced_security_group_id == "sg-hosts" && aws_vpc_security_group_ingress_rule.nfs.from_port == 2049
    error_message = "NFS is open to the hosts"
  }
  assert {
    condition     = alltrue([for each in jsondecode(aws_efs_file_system_policy.this.policy).Statement : each.Effect == "Deny" || (each.Principal.AWS == var.task_role_arn && can(each.Condition.Null["elasticfilesystem:AccessPointArn"]))])
    error_message = "only the tasks' role may mount, and only by an access point"
  }
}
