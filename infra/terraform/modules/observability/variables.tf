variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "log_retention_days" {
  type = number
}

variable "alarm_emails" {
  description = "Who is told; each must confirm once."
  type        = list(string)
}

variable "autoscaling_group_name" {
  type = string
}

variable "max_hosts" {
  type = number
}

variable "cluster_name" {
  type = string
}

variable "gateway_service_name" {
  type = string
}

variable "load_balancer_arn_suffix" {
  type = string
}

variable "file_system_id" {
  type = string
}
