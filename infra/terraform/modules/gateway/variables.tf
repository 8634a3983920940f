variable "name" {
  description = "Name of the deployment: of the load balancer, of the mark on its tasks, and prefix of other names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "Up to 24 lower-case letters, digits and hyphens: load balancers and target groups have short names."
  }
}

variable "cluster_name" {
  type = string
}

variable "autoscaling_group_name" {
  description = "The hosts' group, whose warm pool shortens what waiting clients are told."
  type        = string
}

variable "events_queue_url" {
  description = "Queue with ECS's state changes, for one gateway alone; null for none."
  type        = string
}

variable "vpc_id" {
  type = string
}

variable "public_subnet_ids" {
  description = "The load balancer's, in two zones."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "The gateways'."
  type        = list(string)
}

variable "client_cidrs" {
  description = "Where clients may come from."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ACM certificate of the clients' name; null for no TLS, in a closed network only."
  type        = string
}

variable "deletion_protection" {
  description = "The load balancer cannot be deleted before this is taken back."
  type        = bool
}

variable "task_security_group_id" {
  description = "Where bridges come from: the hosts'."
  type        = string
}

variable "image" {
  description = "The gateway's image, with a tag that never moves, or a digest."
  type        = string
}

variable "desired_count" {
  description = "Gateways."
  type        = number
}

variable "cpu" {
  description = "CPU units of a gateway."
  type        = number
  default     = 512
}

variable "memory" {
  description = "MiB of a gateway: 10,000 idle sessions take about 320."
  type        = number
  default     = 1024
}

variable "drain_timeout_seconds" {
  description = "Longest that a gateway that leaves hands sessions over. Fargate gives 120 s in all."
  type        = number
  default     = 60

  validation {
    condition     = var.drain_timeout_seconds >= 5 && var.drain_timeout_seconds <= 110
    error_message = "5 to 110 seconds."
  }
}

variable "health_check_grace_period_seconds" {
  description = "Longer than a cold host takes to its first ready task."
  type        = number
  default     = 300
}

variable "task_role_arn" {
  type = string
}

variable "execution_role_arn" {
  type = string
}

variable "log_group_name" {
  type = string
}

variable "alarm_topic_arn" {
  type = string
}

variable "task_definition" {
  description = "The session tasks' family, or family:revision for one that is not to be followed."
  type        = string
}

variable "task_container_name" {
  type = string
}

variable "workspace_root" {
  type = string
}

variable "use_shared_ap" {
  description = "The first switch: one access point and one task definition for all users."
  type        = bool
}

variable "enable_warm_pool" {
  description = "The second switch: tasks are started before their users come."
  type        = bool

  validation {
    condition     = !var.enable_warm_pool || var.use_shared_ap
    error_message = "ENABLE_WARM_POOL=true needs USE_SHARED_AP=true: a warm task boots before its user is known."
  }
}

variable "shared_access_point_id" {
  type = string
}

variable "access_point_root" {
  description = "The directory of the workspaces on the file system, below which the old way makes users' access points."
  type        = string
}

variable "secret_arns" {
  description = "ARNs of SSM parameters or of Secrets Manager's secrets, by setting. Terraform never sees their values."
  type        = map(string)

  validation {
    condition     = contains(keys(var.secret_arns), "TASK_TOKEN_SECRET")
    error_message = "TASK_TOKEN_SECRET is needed: a gateway without it would refuse the tasks of the one before it."
  }
}

variable "settings" {
  description = "Other settings of the gateway (docs/configuration.md), by environment variable."
  type        = map(string)
  default     = {}
}
