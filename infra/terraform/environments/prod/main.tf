# Prod. What differs between the environments is here and in terraform.tfvars.

terraform {
  required_version = ">= 1.9" # OpenTofu or Terraform
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "hearth", Environment = "prod" }
  }
}

module "network" {
  source       = "../../modules/network"
  name         = "hearth-prod"
  cidr         = "10.65.0.0/16"
  nat_gateways = 2
}

module "hearth" {
  source             = "../../modules/deployment"
  environment        = "prod"
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
    instance_type    = "t3.large"
    min_size         = 2
    desired_capacity = 2
    max_size         = 15
    warm_pool_size   = 5
    warm_pool_state  = var.host_warm_pool_state
    ami_id           = var.host_ami_id
  }
  task               = var.task
  keep_data          = true
  log_retention_days = 90
}
