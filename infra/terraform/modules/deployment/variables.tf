variable "environment" {
  description = "Name of the environment, such as stage: part of every name, and of the workspaces' path."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,11}$", var.environment))
    error_message = "1 to 12 lower-case letters and digits."
  }
}

variable "use_shared_ap" {
  description = "The first switch, USE_SHARED_AP: one access point and one task definition for all users."
  type        = bool
}

variable "enable_warm_pool" {
  description = "The second switch, ENABLE_WARM_POOL: tasks are started before their users come."
  type        = bool
}

variable "vpc_id" {
  type = string
}

variable "public_subnet_ids" {
  description = "The clients' load balancer's."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "For hosts, gateways and mount targets, in different zones, with a way out."
  type        = list(string)
}

variable "gateway_image" {
  type = string
}

variable "task_image" {
  type = string
}

variable "repository_arns" {
  description = "ECR repositories of the two images."
  type        = list(string)
}

variable "secret_arns" {
  description = "Where the gateway's secrets are, by setting."
  type        = map(string)
}

variable "secret_kms_key_arns" {
  description = "Customer-managed keys that those are encrypted with; none with AWS's own keys."
  type        = list(string)
  default     = []
}

variable "client_cidrs" {
  description = "Where clients may come from."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ACM certificate of the clients' name; null for no TLS, in a closed network only."
  type        = string
  default     = null
}

variable "gateways" {
  description = "How many gateways; each fills a warm pool of its own."
  type        = number
  default     = 2
}

variable "gateway_settings" {
  description = "Settings of the gateway beside those that follow from the rest (docs/configuration.md)."
  type        = map(string)
  default     = {}
}

variable "hosts" {
  description = "The EC2 hosts; modules/hosts explains each."
  type = object({
    instance_type    = string
    min_size         = optional(number, 1)
    desired_capacity = number
    max_size         = number
    target_capacity  = optional(number, 100)
    warm_pool_size   = number
    warm_pool_state  = optional(string, "Stopped")
    ami_id           = optional(string)
  })
}

variable "task" {
  description = "The session tasks; modules/task explains each."
  type = object({
    cpu             = optional(number, 256)
    memory          = optional(number, 256)
    agent_command   = string
    agent_io        = optional(string, "jsonl")
    bridge_settings = optional(map(string), {})
  })
}

variable "keep_data" {
  description = "Daily backups of the workspaces, and a load balancer that cannot be deleted in passing."
  type        = bool
}

variable "log_retention_days" {
  type = number
}

variable "alarm_emails" {
  description = "Who is told of alarms."
  type        = list(string)
  default     = []
}
