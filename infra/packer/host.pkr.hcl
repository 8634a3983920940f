# The golden AMI of the hosts: Amazon's own for ECS, with the session tasks' image on its disk, the agent configured, and a
# cloud-init that does what a host needs. A cold host boots in about 55 s instead of 80.
#
#   packer init . && packer build -var region=us-east-1 -var image=ACCOUNT.dkr.ecr.us-east-1.amazonaws.com/hearth-agent:TAG .

packer {
  required_version = ">= 1.9.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.3.2"
    }
  }
}

variable "region" {
  type = string
}

variable "image" {
  description = "The session tasks' image in ECR, with its tag or digest. Tags never move, so a new one asks for a new AMI, or is pulled at boot."
  type        = string
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "subnet_id" {
  description = "A subnet with a way out; null for the default VPC's."
  type        = string
  default     = null
}

source "amazon-ebs" "host" {
  region        = var.region
  instance_type = var.instance_type
  subnet_id     = var.subnet_id
  ami_name      = "hearth-host-{{timestamp}}"
  imds_support  = "v2.0"
  tags = {
    Project = "hearth"
    Image   = var.image
    Source  = "{{ .SourceAMIName }}"
  }

  # Releases since August 2025 have kernels with Landlock; prepare.sh makes sure.
  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = "al2023-ami-ecs-hvm-*-x86_64"
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
  }
  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 30
    encrypted             = true
    delete_on_termination = true
  }

  ssh_username              = "ec2-user"
  ssh_clear_authorized_keys = true
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # A role for the build alone, which Packer makes and deletes: it may pull.
  temporary_iam_instance_profile_policy_document {
    Version = "2012-10-17"
    Statement {
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = ["*"]
    }
  }
}

build {
  sources = ["source.amazon-ebs.host"]

  # The same script that user data runs, so that an AMI of Amazon's and this one make the same host.
  provisioner "shell" {
    execute_command = "sudo env {{ .Vars }} bash {{ .Path }}"
    environment_vars = [
      "IMAGE=${var.image}",
      "AWS_REGION=${var.region}",
    ]
    scripts = [
      "${path.root}/../terraform/modules/hosts/host.sh",
      "${path.root}/prepare.sh",
    ]
  }
}
