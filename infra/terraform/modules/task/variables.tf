variable "family" {
  description = "Family of the definition."
  type        = string
}

variable "image" {
  description = "Image whose entry point is the bridge and which has the agent, with a tag that never moves, or a digest."
  type        = string
}

variable "cpu" {
  description = "CPU units that a task reserves on its host; it may use more."
  type        = number
}

variable "memory" {
  description = "Memory in MiB, a limit; with cpu it decides how many tasks a host takes."
  type        = number
}

variable "tmp_mebibytes" {
  description = "Size of /tmp, which is memory."
  type        = number
  default     = 64
}

variable "workspace_root" {
  description = "Where the workspaces are mounted."
  type        = string
  default     = "/mnt/efs"
}

variable "agent_command" {
  description = "The agent's command line in the image."
  type        = string
}

variable "agent_io" {
  description = "What the agent's lines are: AGENT_IO of the bridge."
  type        = string
}

variable "isolation" {
  description = "What keeps agents apart. Named, not auto: a task that lacks it fails instead of running with less."
  type        = string
  default     = "uid,landlock"
}

variable "stop_grace_seconds" {
  description = "The agent's time between SIGTERM and SIGKILL."
  type        = number
  default     = 10

  validation {
    condition     = var.stop_grace_seconds >= 1 && var.stop_grace_seconds <= 20
    error_message = "The bridge takes 1 to 20 seconds."
  }
}

variable "bridge_settings" {
  description = "Other settings of the bridge (docs/configuration.md), by environment variable."
  type        = map(string)
  default     = {}
}

variable "file_system_id" {
  type = string
}

variable "shared_access_point_id" {
  type = string
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
