variable "name" {
  description = "Name of the capacity provider and prefix of other names."
  type        = string

  validation {
    condition     = !can(regex("^(?i:aws|ecs|fargate)", var.name))
    error_message = "ECS refuses capacity providers whose name begins with aws, ecs or fargate."
  }
}

variable "cluster_name" {
  type = string
}

variable "autoscaling_group_name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Private subnets with a way out."
  type        = list(string)
}

variable "instance_profile_arn" {
  type = string
}

variable "image" {
  description = "The session tasks' image, which each host pulls before it joins the cluster."
  type        = string
}

variable "ami_id" {
  description = "A golden AMI (infra/packer); null for Amazon's own for ECS."
  type        = string
  default     = null
}

variable "instance_type" {
  type = string
}

variable "disk_gibibytes" {
  type    = number
  default = 30
}

variable "min_size" {
  description = "Fewest hosts. From 0 the first session waits for a boot."
  type        = number
  default     = 1
}

variable "desired_capacity" {
  description = "Hosts at the beginning; afterwards the capacity provider decides."
  type        = number
}

variable "max_size" {
  type = number
}

variable "target_capacity" {
  description = "How many percent of the hosts are to have tasks: below 100 some stand empty, ready for more. `sim size --size-hosts` says which is cheapest."
  type        = number
  default     = 100

  validation {
    condition     = var.target_capacity >= 1 && var.target_capacity <= 100
    error_message = "target_capacity is a percentage from 1 to 100."
  }
}

variable "warm_pool_size" {
  description = "Hosts that are booted and stopped, hibernated or running beside those in service."
  type        = number
}

variable "warm_pool_state" {
  description = "Stopped costs its disk, and 20 to 40 s when it is needed; Hibernated 15 to 17 s, where the AMI can; Running costs a host."
  type        = string
  default     = "Stopped"

  validation {
    condition     = contains(["Stopped", "Hibernated", "Running"], var.warm_pool_state)
    error_message = "warm_pool_state is Stopped, Hibernated or Running."
  }
}

variable "ready_timeout_seconds" {
  description = "A host that has not pulled its image by then is replaced."
  type        = number
  default     = 600
}
