variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC, a /16 to /20."
  type        = string
  default     = "10.64.0.0/16"
}

variable "nat_gateways" {
  description = "1, or 2 so that the loss of a zone leaves the other its way out."
  type        = number

  validation {
    condition     = contains([1, 2], var.nat_gateways)
    error_message = "nat_gateways is 1 or 2."
  }
}
