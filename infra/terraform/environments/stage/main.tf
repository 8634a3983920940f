# Stage: the least that shows everything. What differs between the environments is here and in terraform.tfvars.

terraform {
  required_version = ">= 1.9" # OpenTofu or Terraform
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "hearth", Environment = "stage" }
  }
}

module "network" {
  source       = "../../modules/network"
  name         = "hearth-stage"
  cidr         = "10.64.0.0/16"
  nat_gateways = 1
}

module "hearth" {
  source             = "../../modules/deployment"
  environment        = "stage"
  use_shared_ap      = var.use_shared_ap
  enable_warm_pool   = var.enable_warm_pool
  vpc_id             = module.network.vpc_id
  public_subnet_ids  = module.network.public_subnet_ids
  private_subnet_ids = module.network.private_subnet_ids

  gateway_image       = var.gateway_image
  task_image          = var.task_image
  repository_arns     = var.repository_arns
  secret_arns         = var.secret_arns
  secret_kms_key_arns = var.secret_kms_key_arns
  client_cidrs        = var.client_cidrs
  certificate_arn     = var.certificate_arn
  gateways            = var.gateways
  gateway_settings    = var.gateway_settings
  alarm_emails        = var.alarm_emails

  hosts = {
    instance_type    = "t3.small"
    min_size         = 1
    desired_capacity = 1
    max_size         = 2
    warm_pool_size   = 1
    warm_pool_state  = var.host_warm_pool_state
    ami_id           = var.host_ami_id
  }
  task               = var.task
  keep_data          = false
  log_retention_days = 14
}
