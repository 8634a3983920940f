# The hosts' role: what the ECS agent calls, the image, and the hook that says that a host is ready.

resource "aws_iam_role" "host" {
  name_prefix        = "${var.name}-host-"
  assume_role_policy = local.assume["ec2"]
}

resource "aws_iam_instance_profile" "host" {
  name_prefix = "${var.name}-host-"
  role        = aws_iam_role.host.name
}

# The ECS agent's calls, as AWS lists them for its version; Session Manager is the way in, so no host has a key or an open port.
resource "aws_iam_role_policy_attachment" "host" {
  for_each = {
    ecs = "service-role/AmazonEC2ContainerServiceforEC2Role"
    ssm = "AmazonSSMManagedInstanceCore"
  }
  role       = aws_iam_role.host.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/${each.value}"
}

resource "aws_iam_role_policy" "host" {
  name = "ready"
  role = aws_iam_role.host.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Ready"
      Effect   = "Allow"
      Action   = "autoscaling:CompleteLifecycleAction"
      Resource = "${local.arn.autoscaling}:autoScalingGroup:*:autoScalingGroupName/${var.autoscaling_group_name}"
    }]
  })
}
