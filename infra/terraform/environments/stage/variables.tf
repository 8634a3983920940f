variable "region" {
  type = string
}

variable "use_shared_ap" {
  description = "The first switch. false is the old way: an access point and a task definition for each user."
  type        = bool
  default     = true
}

variable "enable_warm_pool" {
  description = "The second switch. false: each session has a task started for it."
  type        = bool
  default     = true
}

variable "gateway_image" {
  description = "ECR image of the gateway, with its tag or digest."
  type        = string
}

variable "task_image" {
  description = "ECR image of bridge and agent, with its tag or digest."
  type        = string
}

variable "repository_arns" {
  description = "The two images' repositories (output of ../../registry)."
  type        = list(string)
}

variable "secret_arns" {
  description = "SSM parameters or Secrets Manager secrets, by setting of the gateway. They are made beforehand: Terraform never sees their values."
  type        = map(string)
}

variable "secret_kms_key_arns" {
  type    = list(string)
  default = []
}

variable "client_cidrs" {
  description = "Where clients may come from."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ACM certificate of the clients' name. Without one there is no TLS, and client_cidrs must be a closed network."
  type        = string
  default     = null
}

variable "gateways" {
  description = "How many gateways; each fills a warm pool of its own."
  type        = number
  default     = 2
}

variable "gateway_settings" {
  description = "Other settings of the gateway, by environment variable: WARM_POOL_MIN_SIZE, JWKS_URL, ..."
  type        = map(string)
  default     = {}
}

variable "task" {
  description = "agent_command, and what else modules/deployment names."
  type = object({
    cpu             = optional(number, 256)
    memory          = optional(number, 256)
    agent_command   = string
    agent_io        = optional(string, "jsonl")
    bridge_settings = optional(map(string), {})
  })
}

variable "host_ami_id" {
  description = "A golden AMI (infra/packer); null for Amazon's own."
  type        = string
  default     = null
}

variable "host_warm_pool_state" {
  description = "Stopped, Hibernated or Running."
  type        = string
  default     = "Stopped"
}

variable "alarm_emails" {
  type    = list(string)
  default = []
}
