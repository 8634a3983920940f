variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cluster_name" {
  type = string
}

variable "task_family" {
  description = "Family of the session tasks' definition."
  type        = string
}

variable "autoscaling_group_name" {
  description = "The hosts' group. It is named by us, so that the hosts' role can name it before it is there."
  type        = string
}

variable "use_shared_ap" {
  description = "The first switch. Without it the gateway makes access points and task definitions, and may."
  type        = bool
}

variable "events_queue_names" {
  description = "The gateway's queue of ECS's events, if it has one."
  type        = list(string)
}

variable "file_system_arn" {
  type = string
}

variable "shared_access_point_arn" {
  type = string
}

variable "secret_arns" {
  description = "SSM parameters and Secrets Manager secrets of the gateway, by setting."
  type        = map(string)
}

variable "secret_kms_key_arns" {
  description = "Customer-managed keys that those are encrypted with."
  type        = list(string)
}

variable "repository_arns" {
  description = "ECR repositories of the images."
  type        = list(string)
}

variable "log_group_arns" {
  description = "Where the containers' logs go: gateway and task."
  type        = object({ gateway = string, task = string })
}
