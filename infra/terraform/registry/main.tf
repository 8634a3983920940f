# The images' repositories: once for an account and Region, before anything else. Stage and prod run the same images.

terraform {
  required_version = ">= 1.9" # OpenTofu or Terraform
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.25" }
  }
}

variable "region" {
  type = string
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "hearth" }
  }
}

# A tag never moves: hosts do not ask again for an image that they have.
resource "aws_ecr_repository" "this" {
  for_each             = toset(["hearth-gateway", "hearth-agent"])
  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last 30 images: enough to roll back."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    }]
  })
}

output "repository_urls" {
  value = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  value = [for repository in aws_ecr_repository.this : repository.arn]
}
