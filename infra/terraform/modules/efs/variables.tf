variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "environment" {
  description = "The workspaces are below /workspaces/ENVIRONMENT."
  type        = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "A mount target in each; no two in one zone."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "The hosts': NFS is open to nothing else."
  type        = string
}

variable "task_role_arn" {
  description = "The session tasks' role, which alone may mount."
  type        = string
}

variable "backup" {
  description = "Back the file system up every day."
  type        = bool
}
